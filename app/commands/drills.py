"""``shiftwatch drill``: begin and end drills, list faults and results."""

import time
from datetime import timedelta

import typer

from core.errors import DrillError

ROW = "{:<12}  {:<20}  {}"


def list_faults(system: str | None) -> None:
    """List the faults of one or all systems; say of those that have none why."""
    from flows.systems import SYSTEMS, load_system

    typer.echo(ROW.format("system", "fault", "what it is"))
    for name in [system] if system else SYSTEMS:
        found = load_system(name)
        if found.drills is None:
            typer.echo(ROW.format(name, "-", f"no drills: {found.no_drills or 'none is known'}"))
            continue
        for fault in found.drills():
            typer.echo(ROW.format(name, fault.name, fault.title))


def begin(system: str, name: str, minutes: float, seed: int | None, author: str) -> None:
    """Ask for a drill; the watch puts it on what comes next."""
    from app.commands.opening import opened_desk
    from core.store.drills import Asked
    from flows.systems import load_system

    found = load_system(system)
    if found.drills is None:
        raise DrillError(f"{system}: no drills, for {found.no_drills or 'no fault is known'}")
    known = {fault.name: fault for fault in found.drills()}
    if name not in known:
        raise DrillError(f"{system}: no fault called {name!r}; there is: {', '.join(known)}")
    fault, chosen = known[name], int(time.time()) % 1_000_000 if seed is None else seed
    asked = Asked(found.name, name, fault.title, fault.causes, chosen, timedelta(minutes=minutes))
    with opened_desk(author) as desk:
        number = desk.drill(asked)
    typer.echo(f"drill {number}: {fault.title}, on what {found.title} gives next, for {minutes:g} minutes")
    typer.echo("nobody is told before it ends; end it now: shiftwatch drill --end")


def end(system: str | None, author: str) -> None:
    """End the drill of a system, or all, and tell what came of it."""
    from app.commands.opening import opened_desk
    from app.drilling import lines

    with opened_desk(author) as desk:
        going_on = [one for one in desk.drills_going_on() if system in {None, one.asked.system}]
        told = [line for one in going_on for line in lines(desk.end_drill(one.id))]
    typer.echo("\n".join(told) if told else "no drill goes on")


def results() -> None:
    """Tell of the drills that are over."""
    from app.commands.opening import opened_store
    from app.drilling import lines
    from core.store.drills import revealed

    with opened_store() as store:
        told = [line for one in revealed(store.database) for line in lines(one)]
    typer.echo("\n".join(told) if told else "no drill is over yet")
