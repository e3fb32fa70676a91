"""``shiftwatch models``: registered model versions and which of them judges."""

from typing import Annotated

import typer

app = typer.Typer(help="Model versions: list, promote.", no_args_is_help=True)
ROW = "{:<12}  {:<20}  {:<24}  {:<12}  {}"


@app.command("list", epilog="Example: shiftwatch models list flex")
def list_models(system: Annotated[str, typer.Argument(metavar="SYSTEM", help="For example: flex")] = "flex") -> None:
    """List the registered versions of a system's models, newest first."""
    from app.commands.opening import opened_store

    with opened_store() as store:
        found = store.models(system)
    if not found:
        typer.echo(f"no model of {system} is registered; type: shiftwatch train {system} --help")
        return
    typer.echo(ROW.format("system", "name", "version", "alias", "registered (UTC)"))
    for model in found:
        aliases = ",".join(model.aliases) or "-"
        when = model.registered_at.strftime("%Y-%m-%d %H:%M")
        typer.echo(ROW.format(model.system, model.name, model.version, aliases, when))


@app.command(epilog="Example: shiftwatch models promote flex myboard 20261122-1 --reason 'finds more scratches'")
def promote(
    system: Annotated[str, typer.Argument(metavar="SYSTEM", help="For example: flex")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the model (flex: the product).")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Version that shall judge from now on.")],
    author: Annotated[str, typer.Option("--by", help="Your name (default: your login).")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")] = "",
) -> None:
    """Make a registered version the champion: the one that judges."""
    from app.commands.opening import opened_desk
    from core.store.views import Alias

    with opened_desk(author) as desk:
        desk.set_alias(system, name, Alias.CHAMPION, version, reason)
    typer.echo(f"{system}: {name} {version} is the champion")


SystemName = Annotated[str, typer.Argument(metavar="SYSTEM", help="For example: its")]
ModelName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the model (flex: the product).")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="A version, as listed.")]
Author = Annotated[str, typer.Option("--by", help="Your name (default: your login).")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]


@app.command(epilog="Example: shiftwatch models rollback its simulated --reason 'false alarms in layer 2'")
def rollback(system: SystemName, name: ModelName, *, author: Author = "", reason: Reason) -> None:
    """Make the version champion again that was it before the present one."""
    from app.commands.opening import opened_desk
    from core.promoting import roll_back

    with opened_desk(author) as desk:
        version = roll_back(desk, system, name, reason)
    typer.echo(f"{system}: {name} {version} is the champion again")


@app.command(epilog="Example: shiftwatch models challenge its simulated 0123456789ab --reason 'is it better?'")
def challenge(
    system: SystemName,
    name: ModelName,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A version, as listed; none: end the trial.")],
    *,
    author: Author = "",
    reason: Reason,
) -> None:
    """Let a version judge in shadow beside the champion: it is compared, it never alarms."""
    from app.commands.opening import opened_desk
    from core.promoting import challenge as start

    with opened_desk(author) as desk:
        start(desk, system, name, None if version == "none" else version, reason)
    typer.echo(f"{system}: {name} {version} judges in shadow" if version != "none" else f"{system}: no challenger")


@app.command(epilog="Example: shiftwatch models replay its simulated 0123456789ab --before 1")
def replay(
    system: SystemName,
    name: ModelName,
    version: Version,
    *,
    before: Annotated[int, typer.Option("--before", min=0, help="So many shifts before the one that goes on.")] = 1,
    author: Author = "",
) -> None:
    """Judge a past shift again with another version, before it is promoted; nothing of it alarms."""
    from datetime import UTC, datetime

    from app.commands.opening import opened_desk
    from core.clock import SystemClock
    from core.comparison import compare
    from core.promoting import ask_replay
    from core.settings import load_settings
    from core.store import shadows
    from core.verdict import Model
    from flows.replaying import replay as work_off

    settings, model = load_settings(), Model(name, version)
    plan = settings.shifts.plan
    span = plan.before(plan.at(datetime.now(UTC)), before)
    with opened_desk(author) as desk:
        number = ask_replay(desk, system, model, span)
        ended = work_off(number, desk.store, settings, SystemClock())
        pairs = shadows.pairs(desk.store.database, system, model, 100_000, span.begins, span.ends)
    found = compare(pairs)
    low, high = found.agreement_interval()
    typer.echo(f"replay {ended.id}: {ended.done - ended.lost} of {ended.total} judged again{_told(ended.detail)}")
    typer.echo(f"judged alike: {found.agreement:.1%} (90 % interval {low:.1%} to {high:.1%})")
    typer.echo(f"bad by both {found.both}, only by the champion {found.only_champion}, only by it {found.only_other}")


def _told(detail: str) -> str:
    return f"; {detail}" if detail else ""
