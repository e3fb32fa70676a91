"""Work on everything under the home, one at a time: a backup must not copy what retention is just removing."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from core.errors import StoreError

LOCK = ".housekeeping"
AGAIN_S = 0.5


@contextmanager
def alone(home: Path, what: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold the home for a backup, a restore or retention; the kernel lets go of it if the process dies.

    Raises
    ------
    StoreError
        Another one has held it for longer than ``wait_s``, or the home cannot be written; the text says who or why.
    """
    path = home / LOCK
    try:
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error
    try:
        _take(descriptor, path, time.monotonic() + wait_s)
        os.ftruncate(descriptor, 0)
        with suppress(OSError):  # a full disk takes no name; the lock holds without
            os.pwrite(descriptor, what.encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                who = os.pread(descriptor, 200, 0).decode(errors="replace") or "something else"
                raise StoreError(f"{path.parent}: {who} goes on; try again when it is over") from None
            time.sleep(AGAIN_S)
        else:
            return
