"""A small file that several processes read and replace as a whole: what a detector remembers."""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TypeAlias

Version: TypeAlias = tuple[int, int, int]
log = logging.getLogger(__name__)


def version(path: Path) -> Version | None:
    """Return what tells one state of a file from the next: time, place and size; None if it is not there.

    The time alone does not: two states can be written within one tick of the file system's clock.
    """
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def replace_file(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside ``path`` and rename it: readers see the old one or the new one, whole.

    Raises
    ------
    OSError
        If it cannot be written; the old one is then still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix, delete=False) as file:
        unfinished = Path(file.name)
        try:
            write(file)
            file.flush()
            os.fsync(file.fileno())
            unfinished.rename(path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink()
            raise


def keep(path: Path, save: Callable[[], object]) -> Version | None:
    """Save what a detector remembers; a full disk loses the memory, not what was judged. Return the file's version."""
    try:
        save()
    except OSError as error:
        log.warning("%s: what the detector remembers is not saved (%s)", path, error.strerror or error)
    return version(path)
