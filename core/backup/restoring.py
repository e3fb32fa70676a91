"""Restoring a backup: into an empty home and an empty database, or, if told to, in place of what is there."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.backup import dumps
from core.backup.checking import check, entries, opened
from core.backup.files import ASIDE, BACKUPS, RESTORING, roots
from core.backup.manifest import DATABASE, MANIFEST, Kept, Manifest
from core.clock import Clock
from core.errors import StoreError
from core.housekeeping import LOCK, alone
from core.settings import Settings
from core.signs import NOTES
from core.store import audit, schema
from core.store.audit import Deed
from core.store.contents import contents
from core.store.engine import Database
from core.store.models import HeartbeatRow, ModelVersionRow

ALIVE = timedelta(seconds=60)
"""Whatever gave a sign of life within so long still runs."""
MAY_BE_THERE = frozenset({LOCK, "logs", "prefect", BACKUPS})
_PIECE = 1 << 20
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored; ``aside``: where what was there before has gone."""

    manifest: Manifest
    aside: tuple[str, ...]


def restore(
    path: Path,
    database: Database,
    settings: Settings,
    clock: Clock,
    deed: Deed,
    *,
    replace: bool = False,
    report: Report = lambda _: None,
) -> Restored:
    """Check a backup, unpack its files, load its database, and compare what is in the tables with its manifest.

    The database comes last: until then the home has files that no row points to, and nothing else. An older backup
    is then brought to this release's migrations.

    Raises
    ------
    StoreError
        The backup is refused (see `core.backup.checking.check`), home or database are not empty and ``replace`` was
        not told, something still runs here, or the result is not what the manifest says.
    """
    manifest = check(path)
    report(f"{path}: whole; of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC, {manifest.rows('verdict')} verdicts")
    if manifest.kind != dumps.kind_of(database):
        raise StoreError(
            f"{path}: holds a database of {manifest.kind}, and {database.name} is one of {dumps.kind_of(database)}"
        )
    with alone(settings.home, "a restore"):
        aside = _make_room(database, settings, clock.now(), replace=replace)
        try:
            _unpack(path, manifest, database, settings, report)
        except OSError as error:
            where = error.filename or settings.home
            raise StoreError(f"{where}: cannot be written: {error.strerror or error}") from error
        _compare(path, manifest, database)
        schema.upgrade(database)
        with database.writing("audit") as session:
            _move_models(session, manifest.home, settings)
            audit.write(session, deed)
    return Restored(manifest, aside)


def occupied(database: Database, settings: Settings) -> list[str]:
    """Return what is in the way of a restore, nothing if home and database are empty."""
    own = dumps.file_of(database)
    found = [str(root / name) for root in roots(settings).values() for name in _names(root, own)]
    return [*found, *([] if dumps.is_unused(database) else [database.name])]


def _names(root: Path, database: Path | None) -> list[str]:
    if not root.is_dir():
        return []
    beside = database.name if database is not None and database.parent == root else None
    return sorted(
        one.name
        for one in root.iterdir()
        if one.name not in MAY_BE_THERE
        and ASIDE not in one.name
        and not (beside and one.name.startswith(beside))
        and (not one.is_dir() or any(files for _, _, files in os.walk(one)))
    )


def _make_room(database: Database, settings: Settings, now: datetime, *, replace: bool) -> tuple[str, ...]:
    there = occupied(database, settings)
    if there and not replace:
        more = f" and {len(there) - 3} more" if len(there) > 3 else ""
        raise StoreError(f"a backup is restored where nothing is; there is {', '.join(there[:3])}{more}")
    refuse_if_alive(database, now)
    stamp, own, aside = f"{now:%Y%m%dT%H%M%S}", dumps.file_of(database), list[str]()
    if not dumps.is_empty(database):
        aside.append(dumps.set_aside(database, stamp))
    for root in roots(settings).values():
        for name in _names(root, own):
            target = root / f"{name}{ASIDE}{stamp}"
            (root / name).rename(target)
            aside.append(str(target))
    return tuple(aside)


def refuse_if_alive(database: Database, now: datetime) -> None:
    """Raise ``StoreError`` if some part of the console gave a sign of life just now."""
    if dumps.is_empty(database):
        return
    with database.reading() as session:
        alive = (HeartbeatRow.at > now - ALIVE, HeartbeatRow.flow.not_in(NOTES))
        fresh = session.scalars(select(HeartbeatRow.flow).where(*alive).distinct()).all()
    if fresh:
        raise StoreError(
            f"{database.name}: still in use ({', '.join(sorted(fresh))} gave signs of life within a minute)"
        )


def _unpack(path: Path, manifest: Manifest, database: Database, settings: Settings, report: Report) -> None:
    folders = roots(settings)
    staging = settings.home.absolute() / RESTORING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    dump = staging / "dump"
    try:
        with opened(path) as tar:
            for number, (entry, file) in enumerate(entries(tar, path), 1):
                kept = manifest.files.get(entry.name)
                if entry.name == MANIFEST or kept is None:
                    continue
                target = dump if entry.name == DATABASE else _target(entry.name, folders)
                _write(file, target, kept, path, entry.name)
                if number % 5000 == 0:
                    report(f"{number} of {len(manifest.files)} files …")
        dumps.load(database, dump)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _target(name: str, folders: Mapping[str, Path]) -> Path:
    label, *parts = PurePosixPath(name).parts
    root = folders.get(label) or folders["home"] / "models"
    return root.joinpath(*parts)


def _write(file: IO[bytes], target: Path, kept: Kept, path: Path, name: str) -> None:
    """Write one file; it was checked before, but a disk may have failed since."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = sha256()
    with target.open("wb") as out:
        while piece := file.read(_PIECE):
            digest.update(piece)
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != kept.sha256:
        raise StoreError(f"{path}: {name} is not what was written (its checksum differs)")
    target.chmod(kept.mode)
    os.utime(target, ns=(kept.mtime_ns, kept.mtime_ns))  # the tickets of watched folders know files by their time


def _compare(path: Path, manifest: Manifest, database: Database) -> None:
    found = contents(database)
    wrong = [name for name, content in manifest.tables.items() if found.get(name) != content]
    if wrong:
        raise StoreError(f"{database.name}: after the restore of {path} {', '.join(wrong)} differ from its manifest")


def _move_models(session: Session, home: str, settings: Settings) -> None:
    """Registered models are known by their path: under another home they lie elsewhere."""
    new = str(settings.home.absolute())
    if new == home:
        return
    for number, told in session.execute(select(ModelVersionRow.id, ModelVersionRow.path)).tuples().all():
        if Path(told).is_relative_to(home):
            moved = str(Path(new) / Path(told).relative_to(home))
            session.execute(update(ModelVersionRow).where(ModelVersionRow.id == number).values(path=moved))
