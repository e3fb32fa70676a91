"""``shiftwatch db``: the tables of the store."""

import typer

from core.settings import load_settings

app = typer.Typer(help="The tables of the store.", no_args_is_help=True)


@app.command(epilog="Example: shiftwatch db upgrade")
def upgrade() -> None:
    """Bring the tables to the newest version; safe to repeat."""
    from core.store import Store

    settings = load_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
    typer.echo("the tables are up to date")
