"""The process in which event files are read: started by `accelerator.schlieren.events.apart`, never imported by it.

Whatever a damaged file does to the HDF5 library stays here. Time and memory are limited by the kernel, and the
process ends without the library's own cleaning up, which was once seen to go round for ever.
"""

import json
import os
import resource
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from accelerator.schlieren.events.reading import read_event
from accelerator.schlieren.events.record import to_bytes
from core.errors import InputError
from core.settings import SchlierenSettings

GOOD, REFUSED, LAST = b"+", b"-", b"!"
_PAGE = os.sysconf("SC_PAGE_SIZE")
_USUAL_BYTES = 1 << 28
_KEPT_BYTES = 1 << 28
_MOST_REFUSED = 100


def main(channel: Connection) -> None:
    """Answer one request after another until the other end is closed, or the library had too many damaged files.

    It begins with ``ready``. A request is JSON with ``settings``, ``origin`` and ``cpu_s``, then the bytes of the file.
    An answer is one byte and what was read, or the reason why nothing was; `LAST` before it if there will be no other.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    usual, refused = _held(1), 0
    channel.send_bytes(b"ready")
    while True:
        request = json.loads(channel.recv_bytes())
        content = channel.recv_bytes()
        answer = _answer(request, content)
        del content
        refused += answer.startswith(REFUSED)
        is_last = refused >= _MOST_REFUSED or _held(1) > usual + _KEPT_BYTES
        channel.send_bytes((LAST if is_last else b"") + answer)
        if is_last:
            return


def _answer(request: Mapping[str, Any], content: bytes) -> bytes:
    settings, origin = SchlierenSettings(**request["settings"]), str(request["origin"])
    _limit(float(request["cpu_s"]), _USUAL_BYTES + len(content) + int(16e6 * settings.max_megapixels))
    try:
        return GOOD + to_bytes(read_event(content, origin, settings))
    except InputError as error:
        return REFUSED + error.reason.encode()
    except MemoryError:
        return REFUSED + b"needs more memory than an event may take"
    finally:
        _limit(None, None)


def _limit(cpu_s: float | None, more_bytes: int | None) -> None:
    """Let the process take so much more CPU time and memory than it has now; None: as much as it likes."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    for what, now, more in (
        (resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1, cpu_s),
        (resource.RLIMIT_AS, _held(0), more_bytes),
    ):
        hard = resource.getrlimit(what)[1]
        most = resource.RLIM_INFINITY if more is None else now + int(more)
        resource.setrlimit(what, (hard if 0 <= hard < most or most < 0 else most, hard))


def _held(column: int) -> int:
    """Bytes of address space (0) or of memory (1) that the process has; 0 where the kernel does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[column]) * _PAGE
    except OSError:
        return 0


if __name__ == "__main__":
    try:
        main(Connection(int(sys.argv[1])))
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)
