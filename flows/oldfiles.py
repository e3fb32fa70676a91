"""Old files of a system: what its source still offers, inputs judged long ago, and what lies in quarantine."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.contracts import Arrival, System
from core.errors import ShiftwatchError
from core.keeping import KeepSettings
from core.settings import Settings
from core.store import retention, rows
from flows.removing import GB, Removed

if TYPE_CHECKING:
    from flows.retaining import Round

REASON = ".reason.json"


@dataclass(frozen=True, slots=True)
class Offered:
    """What a source offers, settled or not; ``why``: it could not be asked."""

    source: str
    arrivals: tuple[Arrival, ...]
    why: str | None = None

    @property
    def tickets(self) -> frozenset[str]:
        """The tickets of all that it offers."""
        return frozenset(one.ticket for one in self.arrivals)

    @property
    def digests(self) -> frozenset[str]:
        """The same, as the store knows them."""
        return frozenset(rows.ticket_digest(ticket) for ticket in self.tickets)


@dataclass(frozen=True, slots=True)
class _Old:
    """Files that belong together and go together."""

    paths: tuple[Path, ...]
    bytes: int
    changed: float
    ticket: str = ""
    source: str = ""


def offered(system: System, settings: Settings) -> Offered:
    """Ask the source of a system for everything that it has, as if nothing had been settled."""
    try:
        source = system.source(settings)
        return Offered(source.name, tuple(source.arrivals(lambda _: set())))
    except (ShiftwatchError, OSError) as error:
        return Offered("", (), f"its source cannot be asked ({error})")


def inputs(one: "Round", keep: KeepSettings, seen: Offered, removed: Removed) -> None:
    """Remove files of the watched folder that were judged long ago, or are too many, if the site wants that."""
    if keep.inputs_days is None and keep.inputs_gb is None:
        return
    files = [file for arrival in seen.arrivals if (file := _file(arrival, seen.source)) is not None]
    shared = _shared(path for file in files for path in file.paths)
    removed.inputs += _drop(one, keep.inputs_days, keep.inputs_gb, files, removed, shared)


def quarantined(one: "Round", keep: KeepSettings, removed: Removed) -> None:
    """Remove copies of unusable inputs that are old, or too many."""
    if keep.quarantine_days is None and keep.quarantine_gb is None:
        return
    files = list(_in_quarantine(one.settings.quarantine / removed.system))
    removed.quarantined += _drop(one, keep.quarantine_days, keep.quarantine_gb, files, removed, frozenset())


def _drop(
    one: "Round",
    days: float | None,
    most_gb: float | None,
    files: list[_Old],
    removed: Removed,
    shared: frozenset[Path],
) -> int:
    """Remove what is older than ``days``, then the oldest until no more than ``most_gb`` is left; return how many."""
    now, gone = one.clock.now(), 0
    free = _free(one, files, removed.system, None)
    old = set() if days is None else _free(one, files, removed.system, now - timedelta(days=days))
    over = 0.0 if most_gb is None else sum(file.bytes for file in files) - most_gb * GB
    for file in sorted(files, key=lambda each: each.changed):
        if one.stop():
            break
        is_old = days is not None and file.ticket in old and _age(file, now) >= timedelta(days=days)
        if not is_old and not (over > 0 and most_gb is not None and file.ticket in free):
            continue
        if one.dry_run or _unlink(file, shared):
            over -= file.bytes
            removed.bytes += file.bytes
            gone += 1
    return gone


def _free(one: "Round", files: Iterable[_Old], system: str, before: datetime | None) -> set[str]:
    """The tickets that were settled (before an instant) and that nobody needs any more."""
    by_source: dict[str, set[str]] = {}
    for file in files:
        by_source.setdefault(file.source, set()).add(file.ticket)
    found: set[str] = set()
    for source, tickets in by_source.items():
        found |= retention.settled_before(one.store.database, system, source, tickets, before)
    return found


def _age(file: _Old, now: datetime) -> timedelta:
    return now - datetime.fromtimestamp(file.changed, UTC)


def _file(arrival: Arrival, source: str) -> _Old | None:
    """The file behind an arrival, if it is the plain file that was listed."""
    path, beside = Path(arrival.origin), str(arrival.detail.get("beside") or "")
    try:
        status = path.stat() if path.is_file() else None
    except (OSError, ValueError):
        return None
    listed = arrival.detail.get("bytes"), arrival.detail.get("changed_ns")
    if status is None or status.st_size != listed[0] or status.st_mtime_ns > int(str(listed[1] or 0)):
        return None
    paths = (path, Path(beside)) if beside else (path,)
    return _Old(paths, status.st_size, int(str(listed[1])) / 1e9, arrival.ticket, source)


def _shared(paths: Iterable[Path]) -> frozenset[Path]:
    seen: set[Path] = set()
    twice: set[Path] = set()
    for path in paths:
        (twice if path in seen else seen).add(path)
    return frozenset(twice)


def _unlink(file: _Old, shared: frozenset[Path]) -> bool:
    """Remove files unless the first has changed since it was listed; False if it cannot be."""
    first, *others = file.paths
    try:
        if first.stat().st_size != file.bytes or first.stat().st_mtime > file.changed:
            return False
        first.unlink()
        for other in others:
            if other not in shared:
                other.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _in_quarantine(folder: Path) -> Iterator[_Old]:
    """What is kept with its reason; the reason names the ticket."""
    for reason in sorted(folder.glob(f"*{REASON}")):
        kept = reason.with_name(reason.name.removesuffix(REASON))
        try:
            note: Any = json.loads(reason.read_bytes())
            paths = (kept, reason) if kept.is_file() else (reason,)
            status = paths[0].stat()
            yield _Old(paths, status.st_size, status.st_mtime, str(note["ticket"]), str(note["source"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
