"""Committing judged arrivals: again until the store takes them, one by one if it will not take them together."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.clock import Clock
from core.contracts import Settled, System
from core.signs import BEAT_S
from core.store import Store
from flows.pulse import Pulse
from flows.waiting import WaitingRoom, pause_s

PATIENCE = 5
LONGEST_NAP_S = 0.5
Stop = Callable[[], bool]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Register:
    """Where a watch commits: the store, and what is told about it."""

    system: System
    source: str
    store: Store
    clock: Clock
    stop: Stop
    pulse: Pulse
    waiting: WaitingRoom

    def commit(self, batch: Sequence[Settled]) -> int:
        """Commit a batch and return how many of it were committed.

        While the whole store refuses, it is tried again with growing pauses until the watch is stopped. An arrival
        that a living store refuses again and again is left for later, so that it does not hold up the others.
        What is not committed is not settled: the source offers it again.
        """
        left, attempts = list(batch), 0
        while left:
            left, trouble = self._try(left, apart=attempts > 0 and len(left) > 1)
            if not left:
                break
            attempts += 1
            alive = self.pulse.beat([trouble], force=True)
            if self.stop() or (alive and attempts >= PATIENCE):
                self._set_aside(left, trouble)
                break
            nap(self.clock, self.stop, pause_s(attempts) if alive else min(pause_s(attempts), BEAT_S))
        return len(batch) - len(left)

    def _try(self, batch: list[Settled], *, apart: bool) -> tuple[list[Settled], str]:
        left, trouble = [], ""
        for part in [[item] for item in batch] if apart else [batch]:
            now = self.clock.now()
            try:
                self.store.record(self.system.name, self.source, part, self.system.rule, self.pulse.watermark(now))
            except Exception as error:  # a StoreError as a rule; whatever else it is must not end the watch
                trouble = str(error) or type(error).__name__
                log.warning("%s: %d arrivals not committed yet: %s", self.system.name, len(part), trouble)
                left += part
                continue
            self.pulse.arrived(len(part), now)
            for item in part:
                self.waiting.dismiss(item.arrival.ticket)
        return left, trouble

    def _set_aside(self, batch: list[Settled], trouble: str) -> None:
        for item in batch:
            self.waiting.admit(item.arrival.ticket, self.clock.now(), f"{item.arrival.origin}: {trouble}")


def nap(clock: Clock, stop: Stop, seconds: float) -> None:
    """Wait in small steps, so that a stop is noticed."""
    while seconds > 0 and not stop():
        step = min(seconds, LONGEST_NAP_S)
        clock.sleep(step)
        seconds -= step
