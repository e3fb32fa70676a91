"""Ending by a signal in good order: SIGTERM and SIGINT both mean "finish and leave with status 0"."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType


def leave_by_signals() -> None:
    """Let SIGTERM leave through every ``finally`` on the way out, and SIGINT do what SIGTERM does.

    Prefect's runner puts its own handler of SIGTERM in place: it ends the watches, and each commits what it judged.
    """
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _as_term)


def stop_by_signals() -> Callable[[], bool]:
    """Return what says whether SIGTERM or SIGINT came, for work that looks now and then whether it is to end."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    return stopped.is_set


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _as_term(_number: int, _frame: FrameType | None) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
