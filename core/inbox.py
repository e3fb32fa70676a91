"""A watched folder: which files are there, complete, and not dealt with yet; the part that such sources share."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.clock import Clock
from core.contracts import Arrival
from core.errors import IncompleteInputError, InputError

PARTIAL = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".swp")
"""Ends of names of files that are still being copied."""
_ASKED_AT_ONCE = 500
_SHARE = 0.1
"""At most so much of the time is spent on looking whether something new is there."""


def printable(path: Path) -> str:
    """Return a path as text that can be stored and shown, whatever its bytes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Say what keeps a file of any folder from being opened.

    Raises
    ------
    core.errors.InputError
        In place of OSError; the text names file and reason.
    """
    try:
        yield
    except PermissionError:
        raise InputError(printable(path), "permission denied") from None
    except FileNotFoundError:
        raise InputError(printable(path), "does not exist") from None
    except OSError as error:
        raise InputError(printable(path), f"cannot be read ({error.strerror or error})") from None


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    size: int
    changed_ns: int
    state: str


class Inbox:
    """All files below a folder that are wanted, oldest first; of the same time, by name.

    A file counts as complete once it (and its sidecar) was left alone for ``settle_s``: by its modification time, or,
    where that lies in the future of our clock, by having been seen unchanged for as long. Hidden files and names of
    unfinished copies are left out, linked folders are not followed.

    Parameters
    ----------
    wanted
        Whether a file with this name (in lower case) is one of those.
    sidecar
        The file that belongs to another one, whether it is there or not; None if none does.
    is_made
        Whether the folder is made if it is not there (else that is an error).
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        settle_s: float,
        wanted: Callable[[str], bool],
        sidecar: Callable[[Path], Path | None] | None = None,
        is_made: bool = False,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._settle = timedelta(seconds=settle_s)
        self._wanted = wanted
        self._sidecar = sidecar
        self._is_made = is_made
        self._seen: dict[Path, tuple[str, datetime]] = {}
        self._settled: set[str] = set()
        self._folders: dict[Path, int | None] = {}
        self._unfinished = False
        self._scanned: tuple[float, float] | None = None

    def arrivals(self, settled: Callable[[Sequence[str]], set[str]]) -> Iterator[Arrival]:
        """Yield complete files that are not settled, oldest first.

        Raises
        ------
        core.errors.InputError
            If the watched folder is not there.
        """
        files = sorted(self._complete(), key=lambda file: (file.changed_ns, str(file.path)))
        offered = [(self._ticket(file), file) for file in files]
        self._settled &= {ticket for ticket, _ in offered}
        fresh = [(ticket, file) for ticket, file in offered if ticket not in self._settled]
        for first in range(0, len(fresh), _ASKED_AT_ONCE):
            part = fresh[first : first + _ASKED_AT_ONCE]
            known = settled([ticket for ticket, _ in part])
            self._settled |= known
            for ticket, file in part:
                if ticket not in known:
                    yield Arrival(ticket, printable(file.path), self._detail(file))

    def has_news(self) -> bool:
        """Whether a folder changed since it was listed, or an unfinished file had its time: some lookups, no listing.

        What is written into a file that was complete is not seen so, nor what a network does not tell at once.
        """
        if self._scanned is None:
            return True
        at, took_s = self._scanned
        waited_s = time.monotonic() - at
        if waited_s < took_s / _SHARE:
            return False
        if self._unfinished and waited_s >= self._settle.total_seconds():
            return True
        return any(_changed_ns(folder) != known for folder, known in self._folders.items())

    def path(self, arrival: Arrival) -> Path:
        """Return where the file of an arrival is.

        Raises
        ------
        OSError
            If it is a folder that still cannot be listed.
        core.errors.IncompleteInputError
            If it is a folder that now can: its files come by themselves.
        """
        path = self._unprinted(arrival.origin)
        if path.is_dir():
            list(os.scandir(path))
            raise IncompleteInputError(arrival.origin, "is a folder that can be listed again")
        return path

    def _unprinted(self, origin: str) -> Path:
        """The path behind a printable one, which differs where a name is no UTF-8."""
        path = Path(origin)
        if "\\x" not in origin or path.exists():
            return path
        return next((file.path for file in self._files(self._folder) if printable(file.path) == origin), path)

    def _detail(self, file: _File) -> dict[str, object]:
        beside = None if self._sidecar is None else self._sidecar(file.path)
        return {
            "bytes": file.size,
            "changed_ns": file.changed_ns,
            "beside": printable(beside) if beside is not None and beside.is_file() else "",
        }

    def _complete(self) -> list[_File]:
        folder = self._folder
        if not folder.is_dir():
            if not self._is_made or folder.exists():
                raise InputError(printable(folder), "the watched folder does not exist")
            folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        self._folders = {}
        files = list(self._files(folder))
        self._seen = {file.path: self._first_seen(file) for file in files}
        complete = [file for file in files if self._has_settled(file)]
        self._unfinished = len(complete) < len(files)
        ended = time.monotonic()
        self._scanned = (ended, ended - began)
        return complete

    def _first_seen(self, file: _File) -> tuple[str, datetime]:
        before = self._seen.get(file.path)
        return before if before and before[0] == file.state else (file.state, self._clock.now())

    def _has_settled(self, file: _File) -> bool:
        now = self._clock.now()
        changed = datetime.fromtimestamp(file.changed_ns / 1e9, UTC)
        return changed + self._settle <= now or (changed > now and self._seen[file.path][1] + self._settle <= now)

    def _ticket(self, file: _File) -> str:
        relative = os.fsencode(file.path.relative_to(self._folder))
        return hashlib.sha256(relative + b"\0" + file.state.encode()).hexdigest()[:40]

    def _files(self, folder: Path) -> Iterator[_File]:
        """A folder that cannot be listed is offered as if it were a file: reading it tells why."""
        self._folders[folder] = _changed_ns(folder)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            yield from self._described(folder)
            return
        for entry in entries:
            name = entry.name.lower()
            if name.startswith((".", "~")) or name.endswith(PARTIAL):
                continue
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
            except OSError:
                continue
            if is_folder:
                yield from self._files(Path(entry.path))
            elif self._wanted(name):
                yield from self._described(Path(entry.path))

    def _described(self, path: Path) -> Iterator[_File]:
        try:
            status = path.stat()
        except OSError:  # vanished, or a link to nowhere
            return
        state, changed = f"{status.st_size}:{status.st_mtime_ns}", status.st_mtime_ns
        try:
            if self._sidecar is not None and (sidecar := self._sidecar(path)) is not None:
                beside = sidecar.stat()
                state, changed = f"{state}:{beside.st_size}:{beside.st_mtime_ns}", max(changed, beside.st_mtime_ns)
        except (OSError, ValueError):
            pass
        yield _File(path, status.st_size, changed, state)


def _changed_ns(folder: Path) -> int | None:
    """Return when a folder got or lost an entry, None if it cannot be said."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return None
