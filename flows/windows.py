"""How long a watch lasts, and how one run hands over to the next without a gap.

Scheduled runs begin at the multiples of the interval (ticks). A run that still holds the only place when the next
one wants to begin makes Prefect cancel that one, and nothing would watch until the tick after. So a run ends
shortly before the tick, whenever it began; if its last batch made it too late for that, it goes on to the next tick.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from core.clock import Clock

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
MARGIN_S = 6.0
EXIT_S = 3.0  # what Prefect needs between the end of the work and the free place, on a busy machine


@dataclass
class Window:
    """The time that a watch has; ``over`` once true stays true."""

    clock: Clock
    ends: datetime
    interval: timedelta | None = None
    grace: timedelta = field(default=timedelta())
    _closed: bool = False

    @classmethod
    def lasting(cls, clock: Clock, seconds: float) -> "Window":
        """Return a window from now on."""
        return cls(clock, clock.now() + timedelta(seconds=seconds))

    @classmethod
    def until_tick(cls, clock: Clock, interval_s: float) -> "Window":
        """Return a window to shortly before the next tick that is worth it."""
        interval, now = timedelta(seconds=interval_s), clock.now()
        margin = timedelta(seconds=min(MARGIN_S, interval_s / 2))
        ends = now - (now - ANCHOR) % interval + interval - margin
        if ends - now < margin:
            ends += interval
        return cls(clock, ends, interval, margin - timedelta(seconds=min(EXIT_S, interval_s / 5)))

    def over(self) -> bool:
        """Whether the watch must end now."""
        now = self.clock.now()
        if self._closed or now < self.ends:
            return self._closed
        while self.interval is not None and now > self.ends + self.grace:
            self.ends += self.interval
        self._closed = now >= self.ends
        return self._closed

    def close(self) -> None:
        """End the window now (a signal)."""
        self._closed = True


def slept_through(started: datetime, ended: datetime, interval_s: float) -> bool:
    """Whether a run that ended late, on a machine that is very busy, held the place when the next one wanted to begin.

    That one was cancelled, so that nothing would watch until the tick after.
    """
    interval = timedelta(seconds=interval_s)
    since_tick = (ended - ANCHOR) % interval
    return since_tick < interval / 2 and started < ended - since_tick
