"""``shiftwatch report --shift``: the report of a shift as files, on the screen, or in the logbook."""

from datetime import UTC, datetime
from pathlib import Path

import typer


def hand_over(before: int, out: tuple[Path, ...], remark: str, author: str, *, post: bool) -> None:
    """Make the report of the shift that goes on, or of one before it; without files or logbook print it."""
    from app.commands.opening import opened_desk
    from app.handover import making
    from app.handover.composing import Signed
    from core.settings import load_settings

    settings, now = load_settings(), datetime.now(UTC)
    plan = settings.shifts.plan
    with opened_desk(author) as desk:
        signed = Signed(desk.person.name, remark)
        report = making.make(desk.store, settings, plan.before(plan.at(now), before), now, signed)
        if post:
            desk.hand_over(report.facts.whole)
            answer = making.post(report, settings)
            typer.echo(f"posted to the logbook{f': {answer}' if answer else ''}")
    for path in out:
        making.write(report, path)
        typer.echo(f"{path}: {report.title}")
    if not out and not post:
        typer.echo(report.markdown().decode(), nl=False)
