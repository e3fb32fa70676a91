"""The clock that all simulators of the demo share: when something of the shift is handed over.

It starts once all watches give signs of life, so that a slow machine loses nothing of it. The shift lies in the past,
so that no time on any page is made up: it began so long ago that, played ``speed`` times as fast, it has caught up with
the present at its end; from then on it goes on in true time.
"""

import argparse
import json
import signal
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from core.errors import SettingsError

LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Playback:
    """When the shift began (by its own clock), when playing started (by ours), and how many times as fast it goes.

    ``speed`` None: what is past is handed over at once, as if the console had been started late.
    """

    began_at: datetime
    started_at: datetime
    speed: float | None = None

    @classmethod
    def fast(cls, now: datetime, speed: float, length_s: float) -> Self:
        """Return a playback that has caught up with the present once ``length_s`` of the shift are played."""
        past = timedelta(seconds=length_s * (1 - 1 / speed))
        return cls((now - past).replace(microsecond=0), now, speed)

    @classmethod
    def late(cls, now: datetime, past_s: float) -> Self:
        """Return a playback of a shift that began ``past_s`` ago, handed over at once up to now."""
        return cls((now - timedelta(seconds=past_s)).replace(microsecond=0), now)

    def at(self, second: float) -> datetime:
        """Return an instant of the shift."""
        return self.began_at + timedelta(seconds=second)

    def due(self, at: datetime) -> datetime:
        """Return when, by our clock, what the shift had at an instant is handed over: never before it happened."""
        if self.speed is None:
            return max(at, self.started_at)
        return max(at, self.started_at + (at - self.began_at) / self.speed)

    def second(self, now: datetime) -> float:
        """Return which second of the shift our clock stands at: the reverse of ``due``."""
        played = now - self.began_at
        if self.speed is not None:
            played = min(played, (now - self.started_at) * self.speed)
        return played.total_seconds()

    def arguments(self) -> list[str]:
        """Return the options that tell a simulator of it."""
        told = ["--began", self.began_at.isoformat(), "--started", self.started_at.isoformat()]
        return told if self.speed is None else [*told, "--speed", str(self.speed)]


@dataclass(frozen=True, slots=True)
class Show:
    """Which shift is simulated: when and how fast it is played, and the seed of what is random in it."""

    playback: Playback
    seed: int


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add how a simulator finds out what to play: from a file that it waits for, or told at once."""
    parser.add_argument("--show", type=Path, help="file that says what to play: waited for (else: the options below)")
    parser.add_argument("--began", type=datetime.fromisoformat, help="when the shift began (UTC)")
    parser.add_argument("--started", type=datetime.fromisoformat, help="when playing it started (UTC)")
    parser.add_argument("--speed", type=float, help="so many times as fast (default: what is past at once)")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random")


def asked_to_stop() -> threading.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def awaited(options: argparse.Namespace, stop: threading.Event) -> Show | None:
    """Return what the options say, once it is known; None if there is nothing to wait for any more.

    Raises
    ------
    SettingsError
        The options say nothing.
    """
    if options.show is None:
        if options.began is None or options.started is None:
            raise SettingsError("a simulator needs --show, or --began and --started")
        return Show(Playback(options.began, options.started, options.speed), options.seed)
    while not options.show.exists():
        if stop.wait(LOOK_S):
            return None
    return read(options.show)


def read(path: Path) -> Show:
    """Return what a file says."""
    said = json.loads(path.read_text(encoding="utf-8"))
    began, started = (datetime.fromisoformat(said[name]) for name in ("began_at", "started_at"))
    return Show(Playback(began, started, said["speed"]), int(said["seed"]))
