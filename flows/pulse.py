"""Signs of life of a watch: its heartbeat, what troubles it, and whether its source fell silent."""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.alarms.inhibition import SOURCE
from core.alarms.severity import Severity
from core.clock import Clock
from core.contracts import System
from core.errors import StoreError
from core.signs import BEAT_S, STUCK_S, WATCH
from core.store import Store
from flows.beside import beside

TAKEN_AT = "taken_at"
AGAIN_S, CONFIRMED = 1.0, 3
log = logging.getLogger(__name__)


@dataclass
class Pulse:
    """Keeps the store informed about a watch; a store that refuses is noted, never raised.

    The watch calls ``beat`` between two works; ``again`` is for a thread beside it and signs while one takes long.
    """

    system: System
    store: Store
    clock: Clock
    silent_after_s: float | None
    source: str = ""
    taken: int = 0
    last_arrival: datetime | None = None
    _last_beat: tuple[datetime, str] | None = None
    _silent: bool | None = None
    _silent_looks: int = 0
    _moved_at: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def beat(self, troubles: Sequence[str], *, force: bool = False) -> bool:
        """Write a heartbeat if something changed or the last one is 5 s old; return False if the store refused."""
        self.moved()
        now, detail = self.clock.now(), "; ".join(troubles)
        with self._lock:
            if not force and self._is_fresh(now) and self._last_beat is not None and detail == self._last_beat[1]:
                return True
            try:
                self._sign(now, detail)
                self.store.tick(now, {self.system.name: self.system.rule})
                self._check_silence(now)
            except StoreError as error:
                log.warning("%s: no heartbeat: %s", self.system.name, error)
                return False
            return True

    def moved(self) -> None:
        """Note that the watch gets on."""
        self._moved_at = time.monotonic()

    def again(self) -> None:
        """Give the last sign again if it is overdue, unless the watch has not got on for ``STUCK_S``."""
        if time.monotonic() - self._moved_at > STUCK_S or not self._lock.acquire(blocking=False):
            return
        try:
            now = self.clock.now()
            if self._last_beat is not None and not self._is_fresh(now, AGAIN_S):
                self._sign(now, self._last_beat[1])
        except StoreError as error:
            log.debug("%s: no heartbeat: %s", self.system.name, error)
        finally:
            self._lock.release()

    def due_in_s(self) -> float:
        """Return how long until the next heartbeat is due, at least a second."""
        now = self.clock.now()
        if self._last_beat is None or not self._is_fresh(now):
            return 1.0
        return max(BEAT_S - (now - self._last_beat[0]).total_seconds(), 1.0)

    def _is_fresh(self, now: datetime, grace_s: float = 0.0) -> bool:
        """Whether the last sign is young enough; one from the future was given before the clock was set back."""
        if self._last_beat is None:
            return False
        return timedelta(0) <= now - self._last_beat[0] < timedelta(seconds=BEAT_S + grace_s)

    def _sign(self, now: datetime, detail: str) -> None:
        self.store.heartbeat(self.system.name, WATCH, now, not detail, detail[:2000] or self._summary())
        self._last_beat = (now, detail)

    def arrived(self, count: int, now: datetime) -> None:
        """Note that something was taken in."""
        self.taken += count
        self.last_arrival = now
        if self._silent is not False and self.silent_after_s is not None:
            self._report(Severity.OK, now, "arrivals again")
            self._silent = False

    def watermark(self, now: datetime) -> dict[str, str]:
        """Return the watermark to commit with a batch."""
        return {TAKEN_AT: now.isoformat()}

    def _summary(self) -> str:
        since = _told(self.last_arrival) if self.last_arrival else "never"
        return f"{self.taken} taken in, last arrival {since}"

    def _check_silence(self, now: datetime) -> None:
        if self.last_arrival is None and self.source:
            self._recall(now)
        if self.silent_after_s is None or self.last_arrival is None or self._silent:
            return
        late = now - self.last_arrival > timedelta(seconds=self.silent_after_s)
        self._silent_looks = self._silent_looks + 1 if late else 0
        if self._silent_looks >= CONFIRMED:  # once is what a clock that was set for a moment looks like
            note = f"nothing came since {_told(self.last_arrival)} (expected every {self.silent_after_s:g} s)"
            self._report(Severity.INVALID, now, note)
            self._silent = True

    def _recall(self, now: datetime) -> None:
        """Take the last arrival from the store; a source never watched before counts from now."""
        mark = self.store.watermark(self.system.name, self.source)
        if mark is None:
            mark = self.watermark(now)
            self.store.set_watermark(self.system.name, self.source, mark)
        self.last_arrival = datetime.fromisoformat(mark[TAKEN_AT])

    def _report(self, severity: Severity, now: datetime, note: str) -> None:
        try:
            element = f"{SOURCE}{self.source}"
            self.store.condition(self.system.name, element, severity, now, note, holds_back=True)
        except StoreError as error:
            log.warning("%s: %s could not be reported: %s", self.system.name, note, error)


def _told(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


@contextmanager
def signing(pulse: Pulse) -> Iterator[None]:
    """Give signs of life beside a watch, also while it judges something large."""
    stop = threading.Event()
    thread = beside(pulse.again, stop, AGAIN_S, "signs of life")
    try:
        yield
    finally:
        stop.set()
        thread.join(AGAIN_S)
