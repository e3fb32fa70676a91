"""What is done every few seconds beside the main work of a process."""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


def beside(look: Callable[[], None], stop: threading.Event, every_s: float, name: str) -> threading.Thread:
    """Call ``look`` every few seconds in a thread called ``name`` until ``stop`` is set; no error ends it."""

    def go_on() -> None:
        while True:
            try:
                look()
            except Exception:  # a bug here must not make a healthy part look dead
                log.exception("%s: a look failed", name)
            if stop.wait(every_s):
                return

    thread = threading.Thread(target=go_on, name=name, daemon=True)
    thread.start()
    return thread
