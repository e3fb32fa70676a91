"""The watched scanner folder: complete image files become observations, each state of each file once."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from core.clock import Clock, SystemClock
from core.contracts import Arrival
from core.errors import IncompleteInputError, InputError
from core.observation import Condition, Observation
from core.settings import Settings
from inspection.flex.exif import taken_at
from inspection.flex.images import SUFFIXES, decode, printable, read_bytes
from inspection.flex.labels import read_label, sidecar_of

_PARTIAL = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".swp")
_ASKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size: int
    changed_ns: int
    state: str


class FolderSource:
    """All images below the watched folder, oldest first.

    A file counts as complete once it (and its sidecar) was left alone for ``settle_s``: by its modification time, or,
    where that lies in the future of our clock, by having been seen unchanged for as long. Hidden files and names of
    unfinished copies are left out, and so is what does not look like an image by its suffix.
    """

    name = "inbox"

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._folder = settings.flex_inbox
        self._seen: dict[Path, tuple[str, datetime]] = {}

    def arrivals(self, settled: Callable[[Sequence[str]], set[str]]) -> Iterator[Arrival]:
        """Yield complete images that are not settled, oldest first.

        Raises
        ------
        core.errors.InputError
            If the watched folder is not there.
        """
        files = sorted(self._complete(), key=lambda file: (file.changed_ns, str(file.path)))
        for first in range(0, len(files), _ASKED_AT_ONCE):
            part = [(self._ticket(file), file) for file in files[first : first + _ASKED_AT_ONCE]]
            known = settled([ticket for ticket, _ in part])
            for ticket, file in part:
                if ticket not in known:
                    yield Arrival(ticket, printable(file.path), {"bytes": file.size})

    def read(self, arrival: Arrival) -> Observation:
        """Read one image.

        Raises
        ------
        OSError
            If it cannot be opened now (permission, network, vanished): worth another try later.
        core.errors.IncompleteInputError
            If it changed while it was read.
        core.errors.InputError
            If it is no usable picture or its sidecar is wrong.
        """
        path = self._path(arrival.origin)
        if path.is_dir():
            list(os.scandir(path))  # says why it could not be listed; if now it can, its files come by themselves
            raise IncompleteInputError(arrival.origin, "is a folder that can be listed again")
        return _observe(path, self._settings, self._clock)

    def _path(self, origin: str) -> Path:
        """The path behind a printable one, which differs where a name is no UTF-8."""
        path = Path(origin)
        if "\\x" not in origin or path.exists():
            return path
        return next((file.path for file in _images(self._folder) if printable(file.path) == origin), path)

    def _complete(self) -> list[_File]:
        folder = self._folder
        if not folder.is_dir():
            if self._settings.flex.inbox is not None or folder.exists():
                raise InputError(printable(folder), "the watched folder does not exist")
            folder.mkdir(parents=True, exist_ok=True)
        files = list(_images(folder))
        self._seen = {file.path: self._first_seen(file) for file in files}
        return [file for file in files if self._has_settled(file)]

    def _first_seen(self, file: _File) -> tuple[str, datetime]:
        before = self._seen.get(file.path)
        return before if before and before[0] == file.state else (file.state, self._clock.now())

    def _has_settled(self, file: _File) -> bool:
        now, wait = self._clock.now(), timedelta(seconds=self._settings.flex.settle_s)
        changed = datetime.fromtimestamp(file.changed_ns / 1e9, UTC)
        return changed + wait <= now or (changed > now and self._seen[file.path][1] + wait <= now)

    def _ticket(self, file: _File) -> str:
        relative = os.fsencode(file.path.relative_to(self._folder))
        return hashlib.sha256(relative + b"\0" + file.state.encode()).hexdigest()[:40]


def read_file(path: Path, settings: Settings, clock: Clock | None = None) -> Observation:
    """Read one image of any folder.

    Raises
    ------
    core.errors.InputError
        If it cannot be read or used; the text names file and reason.
    """
    try:
        return _observe(path, settings, clock or SystemClock())
    except PermissionError:
        raise InputError(printable(path), "permission denied") from None
    except FileNotFoundError:
        raise InputError(printable(path), "does not exist") from None
    except OSError as error:
        raise InputError(printable(path), f"cannot be read ({error.strerror or error})") from None


def _observe(path: Path, settings: Settings, clock: Clock) -> Observation:
    name = printable(path)
    label = read_label(path, settings.flex.name_pattern)
    content = read_bytes(path, settings.flex.max_megapixels)
    modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    pixels = decode(content, name, settings.flex.max_megapixels)
    digest = hashlib.sha256(content).hexdigest()
    observed_at, told = _observed_at(content, modified, clock.now())
    conditions: dict[str, Condition] = {
        **label.conditions,
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "file": printable(Path(path.name)),
        **told,
    }
    return Observation(
        system="flex",
        element=label.serial or printable(Path(path.stem)),
        key=digest[:16],
        observed_at=observed_at,
        origin=name,
        sha256=digest,
        conditions=conditions,
        payload={"image": np.ascontiguousarray(pixels)},
        axes={"image": ("row", "column", "channel")},
    )


def _observed_at(content: bytes, modified: datetime, now: datetime) -> tuple[datetime, dict[str, Condition]]:
    """When the picture was taken, by EXIF or else by the file; never in the future."""
    taken = taken_at(content)
    told: dict[str, Condition] = {"time_from": "exif" if taken else "file"}
    at = taken or modified
    if at > now:
        told["time_note"] = f"{told['time_from']} says {at.isoformat()}, which is in the future: taken as now"
        at = now
    return at, told


def _images(folder: Path) -> Iterator[_File]:
    """All files that look like complete images, below ``folder``; linked folders are not followed.

    A folder that cannot be listed is offered as if it were a file: reading it tells why.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        yield from _described(folder)
        return
    for entry in entries:
        name = entry.name.lower()
        if name.startswith((".", "~")) or name.endswith(_PARTIAL):
            continue
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
        except OSError:
            continue
        if is_folder:
            yield from _images(Path(entry.path))
        elif Path(name).suffix in SUFFIXES:
            yield from _described(Path(entry.path))


def _described(path: Path) -> Iterator[_File]:
    try:
        status = path.stat()
    except OSError:  # vanished, or a link to nowhere
        return
    state, changed = f"{status.st_size}:{status.st_mtime_ns}", status.st_mtime_ns
    try:
        sidecar = sidecar_of(path).stat()
        state, changed = f"{state}:{sidecar.st_size}:{sidecar.st_mtime_ns}", max(changed, sidecar.st_mtime_ns)
    except (OSError, ValueError):
        pass
    yield _File(path, status.st_size, changed, state)
