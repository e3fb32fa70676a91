"""What takes seconds to read is read ahead, once per server, so that nobody waits for it: two weeks of all systems."""

import logging
import threading
import time
from functools import cache

from app.dashboard import kept
from core.errors import StoreError

AGAIN_S = 60.0
log = logging.getLogger(__name__)


@cache
def begin() -> threading.Thread:
    """Start reading ahead, in a thread of its own that ends with it; the same one whenever it is asked for again."""
    thread = threading.Thread(target=read, name="reading ahead", daemon=True)
    thread.start()
    return thread


def read() -> None:
    """Read what the page across systems is drawn from; while the database is away, wait for it."""
    while True:
        try:
            began = time.monotonic()
            kept.across(None)
        except StoreError as error:
            log.info("nothing read ahead yet: %s", error)
            time.sleep(AGAIN_S)
        else:
            log.info("read two weeks of all systems ahead in %.1f s", time.monotonic() - began)
            return
