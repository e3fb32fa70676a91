"""Reading files from outside: never more than is allowed, and what a file says of its time."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from core.clock import Clock
from core.errors import InputError
from core.inbox import printable
from core.settings import Settings

MAX_LOSSMAP_BYTES = 32 * 2**20
MAX_SIDECAR_BYTES = 2**20


def read_bytes(path: Path, limit: int) -> bytes:
    """Read a file that holds no more than ``limit`` bytes.

    Raises
    ------
    OSError
        It cannot be opened.
    core.errors.InputError
        It is empty or larger.
    """
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise InputError(printable(path), f"is larger than {limit / 2**20:.0f} MB")
    if not content:
        raise InputError(printable(path), "is empty")
    return content


def limit_bytes(settings: Settings) -> int:
    """Return how large a file may be."""
    return int(settings.collimation.max_file_mb * 2**20)


def digest(content: bytes) -> str:
    """Return the SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def changed_at(path: Path) -> datetime:
    """Return when a file was last changed."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def not_in_future(at: datetime, clock: Clock, notes: list[str]) -> datetime:
    """Return a time, or now (with a note) if it lies ahead: a wrong clock wrote it."""
    now = clock.now()
    if at <= now:
        return at
    notes.append(f"its time {at.isoformat()} is in the future: taken as now")
    return now
