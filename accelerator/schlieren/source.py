"""The watched folder: complete event files and pictures become observations, each state of each file once."""

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from accelerator.schlieren.files import printable
from accelerator.schlieren.observing import SUFFIXES, observe
from accelerator.schlieren.pictures import SUFFIXES as PICTURES
from accelerator.schlieren.sidecar import sidecar_of
from core.clock import Clock, SystemClock
from core.contracts import Arrival
from core.errors import IncompleteInputError, InputError
from core.observation import Observation
from core.settings import Settings

_PARTIAL = (".part", ".partial", ".tmp", ".temp", ".filepart")
_ASKED_AT_ONCE = 500
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size: int
    changed_ns: int
    state: str


class FolderSource:
    """All events and pictures below the watched folder, oldest first.

    A file is complete once it (and a picture's sidecar) was left alone for ``settle_s``: by its time of change or,
    where that lies ahead of our clock, by having been seen unchanged for as long.
    """

    name = "inbox"

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._folder = settings.schlieren_inbox
        self._seen: dict[Path, tuple[str, datetime]] = {}
        self._numbers: OrderedDict[tuple[object, object], str] = OrderedDict()

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
            If it cannot be opened now (permission, network, vanished): worth another try later.
        core.errors.IncompleteInputError
            If it changed while it was read.
        core.errors.InputError
            If it can never be used.
        """
        path = self._path(arrival.origin)
        if path.is_dir():
            list(os.scandir(path))  # says why it could not be listed; if now it can, its files come by themselves
            raise IncompleteInputError(arrival.origin, "is a folder that can be listed again")
        return self._unlike_before(observe(path, self._settings, self._clock))

    def _unlike_before(self, observation: Observation) -> Observation:
        """Say so if another shot had the same numbers."""
        conditions = observation.conditions
        if conditions.get("run") is None or conditions.get("event") is None:
            return observation
        numbers = (conditions["run"], conditions["event"])
        before = self._numbers.setdefault(numbers, observation.sha256)
        while len(self._numbers) > _REMEMBERED:
            self._numbers.popitem(last=False)
        if before == observation.sha256:
            return observation
        text = f"run {numbers[0]} event {numbers[1]} was seen before with other contents"
        notes = "; ".join(filter(None, (str(conditions.get("notes") or ""), text)))
        return replace(observation, conditions={**conditions, "repeated_number": True, "notes": notes})

    def _path(self, origin: str) -> Path:
        """The path behind a printable one, which differs where a name is no UTF-8."""
        path = Path(origin)
        if "\\x" not in origin or path.exists():
            return path
        return next((file.path for file in _files(self._folder) if printable(file.path) == origin), path)

    def _complete(self) -> list[_File]:
        folder = self._folder
        if not folder.is_dir():
            if self._settings.schlieren.inbox is not None or folder.exists():
                raise InputError(printable(folder), "the watched folder does not exist")
            folder.mkdir(parents=True, exist_ok=True)
        files = list(_files(folder))
        self._seen = {file.path: self._first_seen(file) for file in files}
        return [file for file in files if self._has_settled(file)]

    def _first_seen(self, file: _File) -> tuple[str, datetime]:
        before = self._seen.get(file.path)
        return before if before and before[0] == file.state else (file.state, self._clock.now())

    def _has_settled(self, file: _File) -> bool:
        now, wait = self._clock.now(), timedelta(seconds=self._settings.schlieren.settle_s)
        changed = datetime.fromtimestamp(file.changed_ns / 1e9, UTC)
        return changed + wait <= now or (changed > now and self._seen[file.path][1] + wait <= now)

    def _ticket(self, file: _File) -> str:
        relative = os.fsencode(file.path.relative_to(self._folder))
        return hashlib.sha256(relative + b"\0" + file.state.encode()).hexdigest()[:40]


def _files(folder: Path) -> Iterator[_File]:
    """All files that look like complete ones, below ``folder``; linked folders are not followed.

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
            yield from _files(Path(entry.path))
        elif Path(name).suffix in SUFFIXES:
            yield from _described(Path(entry.path))


def _described(path: Path) -> Iterator[_File]:
    try:
        status = path.stat()
    except OSError:  # vanished, or a link to nowhere
        return
    state, changed = f"{status.st_size}:{status.st_mtime_ns}", status.st_mtime_ns
    if path.suffix.lower() in PICTURES:
        try:
            sidecar = sidecar_of(path).stat()
            state, changed = f"{state}:{sidecar.st_size}:{sidecar.st_mtime_ns}", max(changed, sidecar.st_mtime_ns)
        except OSError:
            pass
    yield _File(path, status.st_size, changed, state)
