"""Taking a backup while the watches run: a tar file of what detectors remember, the database, and all files."""

import io
import os
import sqlite3
import tarfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from core.backup.dumps import Dumped, dump, file_of
from core.backup.files import Found, is_bulky, needed
from core.backup.manifest import DATABASE, MANIFEST, Kept, Manifest, program_version
from core.clock import Clock
from core.errors import StoreError
from core.housekeeping import alone
from core.settings import Settings
from core.store.engine import Database

WAIT_S = 600.0
"""So long a backup waits for retention to end its round."""
_NAME = "shiftwatch-{:%Y%m%dT%H%M%SZ}.tar"
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that was written."""

    path: Path
    bytes: int
    manifest: Manifest


@dataclass
class _Writing:
    """A tar file in the making, and what is in it so far."""

    tar: tarfile.TarFile
    files: dict[str, Kept] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add_all(self, found: Iterable[Found], report: Report) -> None:
        for number, one in enumerate(found, 1):
            self.add(one)
            if number % 5000 == 0:
                report(f"{number} files …")

    def add(self, one: Found, *, must: bool = False) -> None:
        """Add a file as it is now; one that vanishes or changes meanwhile is left out, unless it ``must`` be in."""
        try:
            file = one.path.open("rb")
        except OSError as error:
            if must:
                raise
            self.left_out[one.name] = error.strerror or str(error)
            return
        with file:
            status = os.fstat(file.fileno())
            reading = _Reading(file, status.st_size)
            entry = tarfile.TarInfo(one.name)
            entry.size, entry.mtime, entry.mode = status.st_size, int(status.st_mtime), status.st_mode & 0o777
            self.tar.addfile(entry, reading)
            after = os.fstat(file.fileno())
        if reading.was_short or (after.st_size, after.st_mtime_ns) != (status.st_size, status.st_mtime_ns):
            self.left_out[one.name] = "changed while it was copied"
        else:
            self.files[one.name] = Kept(reading.sha256.hexdigest(), status.st_size, status.st_mtime_ns, entry.mode)


class _Reading:
    """Reads as many bytes as were announced, zeros where the file has become shorter, and adds up their digest."""

    def __init__(self, file: io.BufferedReader, size: int) -> None:
        self._file, self._left = file, size
        self.sha256, self.was_short = sha256(), False

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        content = self._file.read(wanted)
        if len(content) < wanted:
            self.was_short = True
            content += bytes(wanted - len(content))
        self._left -= wanted
        self.sha256.update(content)
        return content


def take(
    database: Database,
    settings: Settings,
    target: Path,
    clock: Clock,
    *,
    inputs: bool = True,
    report: Report = lambda _: None,
) -> Taken:
    """Write a backup to ``target``: a file, or a folder in which it is named by its time.

    What detectors remember is copied right before the database, files after it: no row then points to a file that is
    missing. The file appears under its name only when all of it is on the disk.

    Raises
    ------
    StoreError
        The database cannot be dumped, or the backup cannot be written; the text says why, and nothing is left.
    """
    path = target / _NAME.format(clock.now().astimezone(UTC)) if target.is_dir() else target
    part = path.with_name(f".{path.name}.part")
    with alone(settings.home, "a backup", WAIT_S):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            manifest = _write(database, settings, part, clock.now(), inputs, report)
            part.replace(path)
            _flush(path.parent)
            return Taken(path, path.stat().st_size, manifest)
        except (OSError, sqlite3.Error, tarfile.TarError) as error:
            raise StoreError(f"{path}: the backup cannot be written: {_why(error)}") from error
        finally:
            with suppress(OSError):
                part.unlink()


def _write(database: Database, settings: Settings, part: Path, at: datetime, inputs: bool, report: Report) -> Manifest:
    own = file_of(database)
    with part.open("xb") as file, TemporaryDirectory(prefix=".shiftwatch-", dir=part.parent) as folder:
        part.chmod(0o600)  # all that is known of a site is in it
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            writing, copy = _Writing(tar), Path(folder) / "dump"
            if not isinstance(settings.artefacts, Path):
                writing.left_out["artefacts"] = f"are kept in {settings.artefacts}, which needs backups of its own"
            writing.add_all((one for one in needed(settings, own, inputs=inputs) if not is_bulky(one)), report)
            dumped = dump(database, copy)
            report(f"database: {dumped.tables['verdict'].rows} verdicts, {dumped.tables['alarm'].rows} alarms")
            writing.add(Found(DATABASE, copy), must=True)
            copy.unlink()
            writing.add_all((one for one in needed(settings, own, inputs=inputs) if is_bulky(one)), report)
            manifest = _manifest(dumped, writing, settings, at)
            content = manifest.to_json()
            entry = tarfile.TarInfo(MANIFEST)
            entry.size, entry.mtime = len(content), int(at.timestamp())
            tar.addfile(entry, io.BytesIO(content))
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _manifest(dumped: Dumped, writing: _Writing, settings: Settings, at: datetime) -> Manifest:
    return Manifest(
        made_at=at,
        version=program_version(),
        kind=dumped.kind,
        server=dumped.server,
        revision=dumped.revision,
        home=str(settings.home.absolute()),
        tables=dumped.tables,
        files=writing.files,
        left_out=writing.left_out,
    )


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)
