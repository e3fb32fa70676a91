"""The watched folder: complete loss maps and pieces of a stream become observations, each state of each file once."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from accelerator.collimation.files import printable
from accelerator.collimation.observing import STREAM, noted
from accelerator.collimation.reading import NAMES_FILE, SUFFIXES, observe
from core.clock import Clock, SystemClock
from core.contracts import Arrival
from core.errors import IncompleteInputError, InputError
from core.observation import Condition, Observation
from core.settings import Settings

_PARTIAL = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".swp")
_ASKED_AT_ONCE = 500
_GROWING_S = 60.0
"""A text file without an end of line that changed so lately is still being written."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size: int
    changed_ns: int
    state: str


class FolderSource:
    """All loss maps and pieces of streams below the watched folder, oldest first; of the same time, by name.

    A file counts as complete once it (and its sidecar) was left alone for ``settle_s``, as in ``inspection.flex``. The
    newest second is remembered while the source lives: a piece that overlaps or precedes it is read and says so.
    """

    name = "inbox"

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._folder = settings.collimation_inbox
        self._seen: dict[Path, tuple[str, datetime]] = {}
        self._newest_s: float | None = None

    def arrivals(self, settled: Callable[[Sequence[str]], set[str]]) -> Iterator[Arrival]:
        """Yield complete files that are not settled, oldest first.

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
        """Read one file.

        Raises
        ------
        OSError
            If it cannot be opened now: worth another try later.
        core.errors.IncompleteInputError
            If it is still being written.
        core.errors.InputError
            If it can never be used.
        """
        path = self._path(arrival.origin)
        if path.is_dir():
            list(os.scandir(path))  # says why it could not be listed; if now it can, its files come by themselves
            raise IncompleteInputError(arrival.origin, "is a folder that can be listed again")
        self._refuse_growing(path)
        return self._in_turn(observe(path, self._settings, self._clock))

    def _in_turn(self, observation: Observation) -> Observation:
        """A piece with what there is to say about its place among the pieces before it."""
        if observation.conditions.get("kind") != STREAM:
            return observation
        begins, ends = (float(observation.conditions[name] or 0) for name in ("begins_unix_s", "ends_unix_s"))
        before, self._newest_s = self._newest_s, max(self._newest_s or ends, ends)
        told: dict[str, Condition] = {}
        if before is not None and ends <= before:
            told["late_s"] = round(before - ends, 3)
        elif before is not None and begins <= before:
            told["overlaps_s"] = round(before - begins, 3)
        elif before is not None and begins - before > 1.5:
            told["after_gap_s"] = round(begins - before, 3)
        return replace(observation, conditions=noted({**observation.conditions, **told}, ())) if told else observation

    def _refuse_growing(self, path: Path) -> None:
        if path.suffix.lower() != ".csv":
            return
        status = path.stat()
        age = self._clock.now() - datetime.fromtimestamp(status.st_mtime, UTC)
        if status.st_size and age < timedelta(seconds=_GROWING_S):
            with path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                if file.read(1) not in {b"\n", b"\r"}:
                    raise IncompleteInputError(printable(path), "ends within a line: still being written")

    def _path(self, origin: str) -> Path:
        """The path behind a printable one, which differs where a name is no UTF-8."""
        path = Path(origin)
        if "\\x" not in origin or path.exists():
            return path
        return next((file.path for file in _files(self._folder) if printable(file.path) == origin), path)

    def _complete(self) -> list[_File]:
        folder = self._folder
        if not folder.is_dir():
            if self._settings.collimation.inbox is not None or folder.exists():
                raise InputError(printable(folder), "the watched folder does not exist")
            folder.mkdir(parents=True, exist_ok=True)
        files = list(_files(folder))
        self._seen = {file.path: self._first_seen(file) for file in files}
        return [file for file in files if self._has_settled(file)]

    def _first_seen(self, file: _File) -> tuple[str, datetime]:
        before = self._seen.get(file.path)
        return before if before and before[0] == file.state else (file.state, self._clock.now())

    def _has_settled(self, file: _File) -> bool:
        now, wait = self._clock.now(), timedelta(seconds=self._settings.collimation.settle_s)
        changed = datetime.fromtimestamp(file.changed_ns / 1e9, UTC)
        return changed + wait <= now or (changed > now and self._seen[file.path][1] + wait <= now)

    def _ticket(self, file: _File) -> str:
        relative = os.fsencode(file.path.relative_to(self._folder))
        return hashlib.sha256(relative + b"\0" + file.state.encode()).hexdigest()[:40]


def _files(folder: Path) -> Iterator[_File]:
    """All files that look like losses, below ``folder``; linked folders are not followed.

    A folder that cannot be listed is offered as if it were a file: reading it tells why.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        yield from _described(folder)
        return
    for entry in entries:
        name = entry.name.lower()
        if name.startswith((".", "~")) or name.endswith((*_PARTIAL, ".meta.json", NAMES_FILE)):
            continue
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
        except OSError:
            continue
        if is_folder:
            yield from _files(Path(entry.path))
        elif Path(name).suffix in SUFFIXES:
            yield from _described(Path(entry.path))


def _described(path: Path) -> Iterator[_File]:
    try:
        status = path.stat()
    except OSError:  # vanished, or a link to nowhere
        return
    state, changed = f"{status.st_size}:{status.st_mtime_ns}", status.st_mtime_ns
    try:
        beside = path.with_name(f"{path.stem}.meta.json").stat()
        state, changed = f"{state}:{beside.st_size}:{beside.st_mtime_ns}", max(changed, beside.st_mtime_ns)
    except (OSError, ValueError):
        pass
    yield _File(path, status.st_size, changed, state)
