"""Handing over what the simulators make: each thing once its time in the shift has come."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.story.playback import Playback
from core.clock import Clock

LONGEST_WAIT_S = 0.5


@dataclass(frozen=True, slots=True)
class Delivery:
    """One file that somebody will write: when in the shift, what is in it, and how it is written into a folder."""

    at: datetime
    story: str
    write: Callable[[Path], Path]


@dataclass
class Courier:
    """Writes files into a folder until ``stop`` is set; ``report`` is told what happens."""

    folder: Path
    playback: Playback
    clock: Clock
    stop: threading.Event
    report: Callable[[str], None] = print

    def play(self, deliveries: Iterable[Delivery]) -> None:
        """Write each file once its time has come."""
        for delivery in deliveries:
            if not wait_until(self.playback.due(delivery.at), self.clock, self.stop):
                return
            path = delivery.write(self.folder)
            self.report(f"{delivery.at:%H:%M:%S} {path.name}: {delivery.story}")


def wait_until(at: datetime, clock: Clock, stop: threading.Event) -> bool:
    """Wait; return whether there is still anything to wait for."""
    while not stop.is_set() and (left := (at - clock.now()).total_seconds()) > 0:
        stop.wait(min(left, LONGEST_WAIT_S))
    return not stop.is_set()
