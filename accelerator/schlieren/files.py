"""Bytes of a file from outside, never more than allowed."""

import stat
from pathlib import Path

from core.errors import IncompleteInputError, InputError
from core.inbox import printable


def read_bytes(path: Path, most_mb: float) -> bytes:
    """Return the bytes of a plain file.

    Raises
    ------
    OSError
        If it cannot be opened or read.
    core.errors.InputError
        If it is no plain file, empty, or larger than ``most_mb``.
    core.errors.IncompleteInputError
        If it changed meanwhile.
    """
    name, before = printable(path), path.stat()
    if not stat.S_ISREG(before.st_mode):
        raise InputError(name, "is a folder" if stat.S_ISDIR(before.st_mode) else "is not a plain file")
    if before.st_size == 0:
        raise InputError(name, "is empty (0 bytes)")
    if before.st_size > most_mb * 1e6:
        raise InputError(name, f"has {before.st_size / 1e6:.0f} MB; the limit is {most_mb:g}")
    with path.open("rb") as file:
        content = file.read(before.st_size + 1)
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(content) != before.st_size:
        raise IncompleteInputError(name, "changed while it was read")
    return content
