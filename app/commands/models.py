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
