"""``shiftwatch db``: the tables of the store, their backups, and what is kept."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.opening import deed_of_login, opened_store
from core.settings import Settings, load_settings

if TYPE_CHECKING:
    from core.backup.manifest import Manifest
    from core.backup.taking import Taken
    from core.store import Store

app = typer.Typer(help="The tables of the store, backups, and what is kept.", no_args_is_help=True)

Target = Annotated[Path | None, typer.Option("--backup", metavar="FILE_OR_FOLDER", help="Make a backup there first.")]


@app.command(epilog="Example: shiftwatch db upgrade      shiftwatch db upgrade --backup /backups/")
def upgrade(backup: Target = None) -> None:
    """Bring the tables to the newest version; safe to repeat. With a backup first if asked, here or in the settings."""
    settings = load_settings()
    wanted = settings.backup.before_upgrade or backup is not None
    with _opened(settings) as store:
        is_behind = wanted and _has_tables(store) and not store.is_current()
        taken = _take(store, settings, backup) if is_behind else None
        store.upgrade()
        if taken is not None:
            _sign(store, taken)
    typer.echo("the tables are up to date")


@app.command(epilog="Example: shiftwatch db downgrade 0005")
def downgrade(
    revision: Annotated[str, typer.Argument(metavar="REVISION", help="The migration to go back to, like 0005.")],
    *,
    backup: Target = None,
    no_backup: Annotated[bool, typer.Option("--no-backup", help="Make none: there is one already.")] = False,
) -> None:
    """Take migrations back, for the release before. A backup is made first, since what they added is dropped."""
    from core.backup.rolling_back import roll_back

    settings = load_settings()
    with _opened(settings) as store:
        if not no_backup:
            _take(store, settings, backup)
        before = roll_back(store.database, revision, deed_of_login("downgrade", "tables", f"to {revision}"))
    typer.echo(
        f"the tables were at {before} and are at {revision}: install the release that goes with it before you go on"
    )


@app.command(epilog="Example: shiftwatch db backup /backups/")
def backup(
    target: Annotated[
        Path | None, typer.Argument(metavar="FILE_OR_FOLDER", help="Default: the settings, or HOME/backups.")
    ] = None,
    *,
    without_inputs: Annotated[
        bool, typer.Option("--without-inputs", help="Leave out inboxes and quarantine under the home.")
    ] = False,
) -> None:
    """Write database, pictures, models and what detectors remember into one file, while the watches run."""
    settings = load_settings()
    with _opened(settings) as store:
        taken = _take(store, settings, target, inputs=not without_inputs)
        if store.is_current():
            _sign(store, taken)


@app.command(epilog="Example: shiftwatch db restore --check /backups/shiftwatch-20261127T140000Z.tar")
def restore(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    *,
    check: Annotated[bool, typer.Option("--check", help="Only read it and say whether it is whole.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="What is there is moved aside (not deleted) to make room.")
    ] = False,
) -> None:
    """Put a backup into an empty home and database. Whatever is damaged or of a newer release is refused."""
    from core.backup import checking, restoring
    from core.clock import SystemClock
    from core.store import Store

    if check:
        manifest = checking.check(path)
        typer.echo(f"{path}: whole")
        _tell(manifest)
        return
    settings = load_settings()
    with Store.open(settings.url, settings.artefacts) as store:
        deed = deed_of_login("restore", str(path))
        done = restoring.restore(
            path, store.database, settings, SystemClock(), deed, replace=replace, report=typer.echo
        )
    for moved in done.aside:
        typer.echo(f"moved aside: {moved}")
    _tell(done.manifest)
    typer.echo("restored; verdicts, alarms and all other tables are as they were")


@app.command(epilog="Example: shiftwatch db retain --dry-run")
def retain(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, only say what would go.")] = False,
    systems: Annotated[list[str] | None, typer.Option("--system", help="Only this one (repeatable).")] = None,
) -> None:
    """Remove what is older, or more, than the settings want to keep; the worker does so by itself every few hours."""
    from core.clock import SystemClock
    from flows.retaining import Round, retain, watched

    settings = load_settings()
    with opened_store() as store:
        found = retain(Round(store, settings, SystemClock(), dry_run), systems or watched(settings))
    for one in found:
        typer.echo(f"{one.system}: {'would remove ' if dry_run else 'removed '}{one.words()}")


@app.command(epilog="Example: shiftwatch db contents")
def contents() -> None:
    """Print every table with its rows and a checksum: the same content gives the same, on either database."""
    from core.store.contents import contents as read

    with _opened(load_settings()) as store:
        for name, one in read(store.database).items():
            typer.echo(f"{name:20} {one.rows:10} {one.checksum}")


def _opened(settings: Settings) -> "Store":
    from core.store import Store

    settings.home.mkdir(parents=True, exist_ok=True)
    return Store.open(settings.url, settings.artefacts)


def _has_tables(store: "Store") -> bool:
    from core.backup.dumps import is_empty

    return not is_empty(store.database)


def _take(store: "Store", settings: Settings, target: Path | None, *, inputs: bool = True) -> "Taken":
    from core.backup.files import BACKUPS
    from core.backup.taking import take
    from core.clock import SystemClock

    chosen = target or settings.backup.folder or settings.home / BACKUPS
    if target is None:
        chosen.mkdir(parents=True, exist_ok=True)
    taken = take(store.database, settings, chosen, SystemClock(), inputs=inputs, report=typer.echo)
    _tell(taken.manifest)
    typer.echo(f"{taken.path}: {taken.bytes / 1e6:.1f} MB")
    return taken


def _sign(store: "Store", taken: "Taken") -> None:
    """Let doctor and metrics know how old the newest backup is."""
    from core.signs import BACKUP, CONSOLE

    store.heartbeat(CONSOLE, BACKUP, taken.manifest.made_at, ok=True, detail=taken.path.name)


def _tell(manifest: "Manifest") -> None:
    typer.echo(
        f"of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC, shiftwatch {manifest.version}, {manifest.kind} "
        f"{manifest.server}, revision {manifest.revision}: {manifest.rows('verdict')} verdicts, "
        f"{manifest.rows('alarm')} alarms, {len(manifest.files)} files"
    )
    for name, reason in manifest.left_out.items():
        typer.echo(f"left out: {name} ({reason})")
