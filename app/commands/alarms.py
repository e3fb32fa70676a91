"""``shiftwatch alarms``: what people do with alarms, without the dashboard."""

import json as json_text
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import AlarmError

if TYPE_CHECKING:
    from core.store.views import AlarmView

app = typer.Typer(help="Alarms: list, acknowledge, clear, shelve, comment.", no_args_is_help=True)
ROW = "{:>6}  {:<9}  {:<12}  {:<28}  {:<17}  {:<16}  {}"
_DURATION = re.compile(r"(\d{1,5}(?:\.\d{1,3})?)\s*(min|h|d)")
_MINUTES = {"min": 1, "h": 60, "d": 1440}
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
        cells = (alarm.id, alarm.severity.name, alarm.system, alarm.element, since, seen_by, alarm.message)
        typer.echo(_line(ROW.format(*cells) + _apart(alarm)))


@app.command(epilog="Example: shiftwatch alarms ack 12 --by Anna --note 'looking at it'")
def ack(alarm_id: AlarmId, author: Author = "", note: Note = "") -> None:
    """Say that you have seen an alarm and take care of it."""
    _act("acknowledge", alarm_id, author, note)


@app.command(epilog="Example: shiftwatch alarms clear 12 --by Anna --note 'board replaced'")
def clear(alarm_id: AlarmId, author: Author = "", note: Note = "") -> None:
    """Say that what caused an alarm is over."""
    _act("clear", alarm_id, author, note)


@app.command(epilog="Example: shiftwatch alarms comment 12 --by Anna --note 'called the expert'")
def comment(alarm_id: AlarmId, author: Author = "", note: Note = "") -> None:
    """Add a remark to the history of an alarm."""
    _act("comment", alarm_id, author, note)


@app.command(epilog="Example: shiftwatch alarms shelve 12 --for 2h --reason 'lane is being repaired'")
def shelve(
    alarm_id: AlarmId,
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 30min, 2h or 1d; 7d at most.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; everybody sees it.")],
    author: Author = "",
) -> None:
    """Set an alarm aside for a time; it goes on underneath, is listed, and returns by itself."""
    _act("shelve", alarm_id, author, reason, datetime.now(UTC) + _duration(duration))


@app.command(epilog="Example: shiftwatch alarms unshelve 12 --note 'repaired'")
def unshelve(alarm_id: AlarmId, author: Author = "", note: Note = "") -> None:
    """Take back an alarm that was set aside."""
    _act("unshelve", alarm_id, author, note)


@app.command(epilog="Example: shiftwatch alarms trail --limit 20")
def trail(
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many, newest first.")] = 50,
) -> None:
    """List what people did, and what they were refused."""
    from app.commands.opening import opened_store

    with opened_store() as store:
        deeds = store.trail(limit)
    for deed in deeds:
        what = deed.deed if deed.allowed else f"REFUSED {deed.deed}"
        when, who = deed.at.strftime("%Y-%m-%d %H:%M:%S"), f"{deed.author} ({deed.role}, {deed.via})"
        where = " ".join(word for word in (deed.system, deed.subject) if word)
        typer.echo(_line("  ".join((when, who, what, where, deed.note))))


def _duration(text: str) -> timedelta:
    from core.desk import LONGEST_SHELF

    found = _DURATION.fullmatch(text.strip())
    span = timedelta(minutes=float(found[1]) * _MINUTES[found[2]]) if found else timedelta()
    if not timedelta() < span <= LONGEST_SHELF:
        raise AlarmError(f"{text!r} is no time to shelve for: give 30min, 2h or 1d, at most 7d")
    return span


def _act(action: str, alarm_id: int, author: str, note: str, until: datetime | None = None) -> None:
    from app.commands.opening import opened_desk
    from core.alarms.events import AlarmAction

    with opened_desk(author) as desk:
        view = desk.act(alarm_id, AlarmAction(action), note, until)
    state = "closed" if not view.is_open else view.phase.value
    shelved = f", set aside until {view.shelved_until:%Y-%m-%d %H:%M} UTC" if view.shelved_until else ""
    typer.echo(_line(f"alarm {view.id} on {view.element}: {state}{shelved}"))


def _line(text: str) -> str:
    """Text of people and files on one line, without what would move the cursor of a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _apart(alarm: "AlarmView") -> str:
    """Why an open alarm asks nobody now."""
    if alarm.is_shelved(datetime.now(UTC)):
        return f"  [set aside by {alarm.shelved_by}: {alarm.shelved_reason}]"
    if alarm.inhibited_by is not None:
        return f"  [held back: {alarm.inhibited_by}]"
    return "  [notice]" if alarm.is_notice else ""


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
        "shelved_by": alarm.shelved_by,
        "shelved_until": instant(alarm.shelved_until),
        "shelved_reason": alarm.shelved_reason,
        "inhibited_by": alarm.inhibited_by,
        "overdue_at": instant(alarm.overdue_at),
        "is_notice": alarm.is_notice,
        "observation_id": alarm.observation_id,
    }
