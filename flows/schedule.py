"""Signs of life of what starts the watches: this process, and the Prefect server that it asks."""

import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import Clock
from core.errors import StoreError
from core.signs import SCHEDULE
from core.store import Store
from flows.beside import beside

EVERY_S = 5.0
PATIENCE = timedelta(seconds=15)
"""A busy server may take so long for an answer; one that refuses the connection is down at once."""
FIRST_PATIENCE = timedelta(seconds=120)
"""So long may a server take to start."""
log = logging.getLogger(__name__)


@dataclass
class Schedule:
    """What is known of the server between two looks; signs for every system that is scheduled here."""

    store: Store
    systems: Sequence[str]
    url: str
    clock: Clock
    last_answer: datetime | None = None
    began: datetime | None = None

    def look(self) -> None:
        """Ask the server and write down what came of it; a store that refuses is noted, never raised."""
        error, now = answer(self.url), self.clock.now()
        self.began = self.began or now
        if error is None:
            self.last_answer = now
        trouble = self._trouble(error, now)
        try:
            for system in self.systems:
                self.store.heartbeat(system, SCHEDULE, now, trouble is None, trouble or self.url)
        except StoreError as refused:
            log.warning("no sign of life of the schedule: %s", refused)

    def _trouble(self, error: str | None, now: datetime) -> str | None:
        if error is None:
            return None
        if self.last_answer is None:
            begun = self.began or now
            return f"{self.url} does not answer yet ({error})" if now - begun > FIRST_PATIENCE else None
        if error != REFUSED and now - self.last_answer <= PATIENCE:
            return None
        return f"{self.url} does not answer since {self.last_answer:%H:%M:%S} UTC ({error})"


REFUSED = "connection refused"


def answer(url: str, timeout_s: float = 4.0) -> str | None:
    """Return why a Prefect server does not answer, None if it does."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=timeout_s):  # noqa: S310 the site's own
            return None
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return REFUSED if isinstance(reason, ConnectionRefusedError) else str(reason)


def tell(schedule: Schedule, stop: threading.Event, every_s: float = EVERY_S) -> threading.Thread:
    """Look every few seconds, beside whatever else this process does, until ``stop`` is set."""
    return beside(schedule.look, stop, every_s, "schedule")
