"""Handing over what the simulators make: each thing once its time in the shift has come."""

import argparse
import json
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from app.story import playback
from app.story.playback import Playback, Show
from core.clock import Clock, SystemClock

LONGEST_WAIT_S = 0.5


@dataclass(frozen=True, slots=True)
class Delivery:
    """One file that somebody will write: when in the shift, what is in it, and how it is written into a folder."""

    at: datetime
    story: str
    write: Callable[[Path], Path]


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a shift was handed over: a simulator that is started again goes on from there."""

    path: Path
    began_at: datetime

    def read(self) -> int:
        """Return how many files of this shift were written."""
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0
        return int(said["count"]) if said["began_at"] == self.began_at.isoformat() else 0

    def write(self, count: int) -> None:
        """Note it; what dies before writes one file again, with the same content."""
        part = self.path.with_name(f".{self.path.name}.part")
        part.write_text(json.dumps({"began_at": self.began_at.isoformat(), "count": count}), encoding="utf-8")
        part.replace(self.path)


@dataclass
class Courier:
    """Writes files into a folder until ``stop`` is set; ``report`` is told what happens."""

    folder: Path
    playback: Playback
    clock: Clock
    stop: threading.Event
    report: Callable[[str], None] = print
    progress: Progress | None = None

    def play(self, deliveries: Iterable[Delivery]) -> None:
        """Write each file once its time has come, but for those that were written before."""
        first = 0 if self.progress is None else self.progress.read()
        for number, delivery in enumerate(islice(deliveries, first, None), first + 1):
            if not wait_until(self.playback.due(delivery.at), self.clock, self.stop):
                return
            path = delivery.write(self.folder)
            if self.progress is not None:
                self.progress.write(number)
            self.report(f"{delivery.at:%H:%M:%S} {path.name}: {delivery.story}")


def run(
    module: str, about: str | None, deliveries: Callable[[Show], Iterable[Delivery]], given: Sequence[str] | None
) -> int:
    """Be the command line of a simulator: fill the watched folder until SIGINT or SIGTERM.

    Parameters
    ----------
    module, about
        What the command is called, and what its help says.
    deliveries
        What is written, for the shift that is played.
    given
        Arguments; those of the process by default.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument("--folder", type=Path, required=True, help="the watched folder")
    playback.add_options(parser)
    options, stop = parser.parse_args(given), playback.asked_to_stop()
    with suppress(KeyboardInterrupt):
        if (show := playback.awaited(options, stop)) is not None:
            kept = None if options.show is None else options.show.with_name(f"{module}.delivered")
            progress = None if kept is None else Progress(kept, show.playback.began_at)
            tell = lambda line: print(line, flush=True)  # noqa: E731
            Courier(options.folder, show.playback, SystemClock(), stop, tell, progress).play(deliveries(show))
    return 0


def wait_until(at: datetime, clock: Clock, stop: threading.Event) -> bool:
    """Wait; return whether there is still anything to wait for."""
    while not stop.is_set() and (left := (at - clock.now()).total_seconds()) > 0:
        stop.wait(min(left, LONGEST_WAIT_S))
    return not stop.is_set()
