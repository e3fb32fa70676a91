"""``shiftwatch feedback``: what people said of what detectors showed, and the labelled set that it makes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from core.errors import SettingsError

app = typer.Typer(help="Answers: how often detectors were right, labelled set.", no_args_is_help=True)
ROW = "{:<20}  {:<14}  {:>8}  {:>8}  {:<16}  {}"
SystemName = Annotated[str, typer.Argument(metavar="SYSTEM", help="For example: its")]


@app.command(epilog="Example: shiftwatch feedback precision its")
def precision(system: SystemName) -> None:
    """Say how often each model of a system was right, by the newest answer on each thing."""
    from app.commands.opening import opened_store
    from core.store import answers

    with opened_store() as store:
        found = answers.precision(store.database, system)
    if not found:
        typer.echo(f"nobody has answered on {system} yet")
        return
    typer.echo(ROW.format("model", "version", "answers", "was so", "90 % interval", "cause right"))
    for model, one in sorted(found.items(), key=lambda pair: -pair[1].answered):
        low, high = one.interval()
        cause = "-" if one.cause_share is None else f"{one.cause_share:.0%}"
        span = f"{low:.2f} to {high:.2f}"
        typer.echo(ROW.format(model.name, model.version, one.answered, f"{one.share or 0:.0%}", span, cause))


@app.command(epilog="Example: shiftwatch feedback export its --out labels/its")
def export(
    system: SystemName,
    out: Annotated[Path, typer.Option("--out", help="Folder that gets labels.jsonl, inputs and pictures.")],
    since: Annotated[str | None, typer.Option("--since", help="Only answers since this date (ISO, UTC).")] = None,
) -> None:
    """Write the newest answer on each thing as a labelled set: one JSON line each, with inputs where they still are."""
    from app.commands.opening import opened_store
    from app.labelling import export as write

    with opened_store() as store:
        count, found = write(store, system, out, _instant(since))
    typer.echo(f"{out}: {count} labels, {found} of them with the input that was judged")


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"--since {text}: write a date like 2026-11-27 or 2026-11-27T14:00") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
