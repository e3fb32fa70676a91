"""How much room is left where the home, its artefacts and an SQLite database lie."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from core.keeping import DiskSettings
from core.settings import Settings

GB = 1e9
TENTH, HUNDREDTH = 0.1, 0.01
BACK = 1.2
"""So many times as much as the limit must be free again before it is over, so that it does not chatter."""
TODO = (
    "Call whoever looks after this machine: it needs room (shiftwatch db retain --dry-run says what could go). "
    "What cannot be stored waits and is judged afterwards: nothing is lost."
)


class Level(IntEnum):
    """How full a disk is."""

    ENOUGH = 0
    LOW = 1
    FULL = 2


@dataclass(frozen=True, slots=True)
class Room:
    """The disk with the least room, and how much that is."""

    path: Path
    free: int
    total: int
    level: Level

    def words(self) -> str:
        """Return how it is in a line."""
        how = {Level.ENOUGH: "room", Level.LOW: "nearly full", Level.FULL: "full"}[self.level]
        return f"{how}, {self.left()}"

    def left(self) -> str:
        """Return how much is left, and where."""
        return f"{_size(self.free)} of {_size(self.total)} free at {self.path}"


def look(settings: Settings, before: Level = Level.ENOUGH) -> Room | None:
    """Return the disk that is fullest, None if none can be asked.

    Parameters
    ----------
    before
        What it was the last time: a level is left only when there is clearly more room than it asks for.
    """
    found = [room for path in _places(settings) if (room := _ask(path, settings.disk, before)) is not None]
    return max(found, key=lambda room: (room.level, -room.free), default=None)


def _places(settings: Settings) -> Iterable[Path]:
    home = settings.home.absolute()
    yield home
    if isinstance(settings.artefacts, Path) and settings.artefacts.exists():
        yield settings.artefacts.absolute()
    if settings.url.startswith("sqlite"):
        yield Path(settings.url.partition(":///")[2]).absolute().parent


def _ask(path: Path, limits: DiskSettings, before: Level) -> Room | None:
    """A disk is full, too, when it can take no more files."""
    try:
        status = os.statvfs(path)
    except OSError:
        return None
    free, total = status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize
    if not total:
        return None
    share = min(1.0, status.f_favail / status.f_files) if status.f_files else 1.0
    warn = min(limits.warn_gb * GB, TENTH * total)
    full = min(limits.full_gb * GB, HUNDREDTH * total)
    level = Level.ENOUGH
    if _below(free, warn, before >= Level.LOW) or _below(share, TENTH / 2, before >= Level.LOW):
        level = Level.LOW
    if _below(free, full, before >= Level.FULL) or _below(share, HUNDREDTH / 2, before >= Level.FULL):
        level = Level.FULL
    return Room(path, free, total, level)


def _below(value: float, limit: float, was_below: bool) -> bool:
    return value < limit * (BACK if was_below else 1.0)


def _size(size: int) -> str:
    return f"{size / GB:.1f} GB" if size >= GB else f"{size / 1e6:.1f} MB"
