"""Event files are read in a process of their own, which is kept for the next one and replaced when one harms it.

After 1500 damaged files the HDF5 library was once seen never to come to an end when its process did, and another time
to have taken 16 GB. What crosses over are JSON, bytes of files and pixels: nothing is pickled.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from functools import lru_cache
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from accelerator.schlieren.events.record import EventRecord, from_bytes
from core.errors import InputError, SourceError
from core.settings import SchlierenSettings

_CHILD = "accelerator.schlieren.events.child"
_ROOT = Path(__file__).resolve().parents[3]
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_BYTES_PER_S = 10e6
_STARTING_S = 60.0
_LONGEST_REASON = 600
_TOO_LONG = "takes too long to read"


def read_event_apart(content: bytes, origin: str, settings: SchlierenSettings) -> EventRecord:
    """Read the bytes of an event file where they can do no harm.

    Raises
    ------
    core.errors.InputError
        As `accelerator.schlieren.events.reading.read_event`; also if reading takes too long or ends the process.
    """
    return _reader(os.getpid()).read(content, origin, settings)


@lru_cache(maxsize=1)
def _reader(process: int) -> "Reader":
    """The reader of a process; one that was forked has its own."""
    return Reader(process)


class Reader:
    """Reads event files in a child process, one at a time; whoever comes meanwhile waits.

    Parameters
    ----------
    owner
        Number of the process that it belongs to; a fork of that leaves the child alone.
    longest_s
        CPU time that a small file may take (a large one more); the clock may go on for three times as long.
    """

    def __init__(self, owner: int, longest_s: float = 10.0) -> None:
        self._owner = owner
        self._longest_s = longest_s
        self._lock = threading.Lock()
        self._child: _Child | None = None

    @property
    def process(self) -> int | None:
        """Number of the child process, if there is one."""
        return self._child.process.pid if self._child else None

    def read(self, content: bytes, origin: str, settings: SchlierenSettings) -> EventRecord:
        """Read the bytes of an event file.

        Raises
        ------
        core.errors.InputError
            If they cannot be read.
        core.errors.SourceError
            If no process can be started to read them.
        """
        cpu_s = self._longest_s + len(content) / _BYTES_PER_S
        asked = {"settings": settings.model_dump(mode="json"), "origin": origin, "cpu_s": cpu_s}
        with self._lock:
            answer = self._answer(json.dumps(asked).encode(), content, origin, cpu_s)
        if answer[:1] == b"-":
            raise InputError(origin, answer[1:].decode("utf-8", "replace")[:_LONGEST_REASON])
        return from_bytes(answer[1:])

    def close(self) -> None:
        """End the child process."""
        if self._child is not None:
            self._child.end()
        self._child = None

    def _answer(self, asked: bytes, content: bytes, origin: str, cpu_s: float) -> bytes:
        """Ask the child there is, and a new one if that has ended: it need not be this file's doing."""
        for child in (self._child, None):
            self._child = child or _Child(self._owner)
            try:
                answer = self._child.ask(asked, content, 3 * cpu_s)
            except TimeoutError:
                self.close()
                raise InputError(origin, _TOO_LONG) from None
            except (EOFError, OSError):
                ended_by = self._child.end()
                self._child = None
                if ended_by == -signal.SIGXCPU:
                    raise InputError(origin, _TOO_LONG) from None
                if child is None:
                    break
            else:
                if answer.startswith(b"!"):
                    self.close()
                return answer.removeprefix(b"!")
        raise InputError(origin, "is damaged HDF5 (the library did not survive it)")


class _Child:
    """A process that reads, and the connection to it."""

    def __init__(self, owner: int) -> None:
        self._ours, theirs = Pipe()
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", _CHILD, str(theirs.fileno())],
            env=os.environ | _ONE_THREAD | {"PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()
        self._finalizer = weakref.finalize(self, _end, owner, self.process, self._ours)
        if not self._ours.poll(_STARTING_S) or not self._said_ready():
            raise SourceError(f"the process that reads event files does not start (exit status {self.end()})")

    def ask(self, asked: bytes, content: bytes, wait_s: float) -> bytes:
        """Return the answer; raises EOFError or OSError if the process has ended, TimeoutError if it takes too long."""
        self._ours.send_bytes(asked)
        self._ours.send_bytes(content)
        if not self._ours.poll(wait_s):
            raise TimeoutError
        return self._ours.recv_bytes()

    def end(self) -> int | None:
        """End the process, if it has not ended by itself; return its exit status."""
        self._finalizer()
        return self.process.returncode

    def _said_ready(self) -> bool:
        try:
            return self._ours.recv_bytes(8) == b"ready"
        except (EOFError, OSError):
            return False


def _end(owner: int, process: "subprocess.Popen[bytes]", connection: Connection) -> None:
    connection.close()
    if os.getpid() == owner:
        process.kill()
        process.wait()
