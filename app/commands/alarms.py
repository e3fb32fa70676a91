"""``shiftwatch alarms``: list, acknowledge and clear alarms without the dashboard."""

import getpass
import json as json_text
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from core.store.views import AlarmView

app = typer.Typer(help="Alarms: list, acknowledge, clear.", no_args_is_help=True)
ROW = "{:>6}  {:<9}  {:<12}  {:<28}  {:<17}  {:<16}  {}"
AlarmId = Annotated[int, typer.Argument(metavar="ID", min=1, help="Number of the alarm, as listed.")]
Author = Annotated[str, typer.Option("--by", help="Your name (default: your login).")]
Note = Annotated[str, typer.Option("--note", help="What you saw or did.")]


@app.command("list", epilog="Example: shiftwatch alarms list --all --json")
def list_alarms(
    *,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    system: Annotated[str | None, typer.Option("--system", help="Only of this system.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many, newest first.")] = 100,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """List alarms, newest first."""
    from app.commands.opening import opened_store

    with opened_store() as store:
        found = store.alarms(not every, system, limit)
    if json:
        for alarm in found:
            typer.echo(json_text.dumps(_as_json(alarm)))
        return
    if not found:
        typer.echo("no alarm" if every else "no open alarm")
        return
    typer.echo(ROW.format("id", "severity", "system", "element", "since (UTC)", "acknowledged by", "what"))
    for alarm in found:
        since, seen_by = alarm.bad_since.strftime("%Y-%m-%d %H:%M"), alarm.acknowledged_by or "-"
        typer.echo(
            ROW.format(alarm.id, alarm.severity.name, alarm.system, alarm.element, since, seen_by, alarm.message)
        )


@app.command(epilog="Example: shiftwatch alarms ack 12 --by Anna --note 'looking at it'")
def ack(alarm_id: AlarmId, author: Author = "", note: Note = "") -> None:
    """Say that you have seen an alarm and take care of it."""
    _act("acknowledge", alarm_id, author, note)


@app.command(epilog="Example: shiftwatch alarms clear 12 --by Anna --note 'board replaced'")
def clear(alarm_id: AlarmId, author: Author = "", note: Note = "") -> None:
    """Say that what caused an alarm is over."""
    _act("clear", alarm_id, author, note)


def _act(action: str, alarm_id: int, author: str, note: str) -> None:
    from app.commands.opening import opened_store
    from core.alarms.events import AlarmAction

    with opened_store() as store:
        view = store.act(alarm_id, AlarmAction(action), author or getpass.getuser(), note, datetime.now(UTC))
    typer.echo(f"alarm {view.id} on {view.element}: {'closed' if not view.is_open else view.phase}")


def _as_json(alarm: "AlarmView") -> dict[str, Any]:
    def instant(at: datetime | None) -> str | None:
        return at.isoformat() if at else None

    return {
        "id": alarm.id,
        "system": alarm.system,
        "element": alarm.element,
        "severity": alarm.severity.name,
        "phase": alarm.phase.value,
        "open": alarm.is_open,
        "message": alarm.message,
        "kind": alarm.kind,
        "cause": alarm.cause,
        "places": list(alarm.places),
        "count": alarm.count,
        "bad_since": instant(alarm.bad_since),
        "raised_at": instant(alarm.raised_at),
        "recovered_at": instant(alarm.recovered_at),
        "closed_at": instant(alarm.closed_at),
        "acknowledged_by": alarm.acknowledged_by,
        "acknowledged_at": instant(alarm.acknowledged_at),
        "observation_id": alarm.observation_id,
    }
