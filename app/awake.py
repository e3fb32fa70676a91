"""The AWAKE side of the demo: a simulated run, an event file for every extraction, written in true time.

The run began ``PAST_S`` ago; its events up to now are written at once, from then on each when it is taken. The laser
drops out, the vapour density drifts, the camera's server hands out old pictures, the knife edge creeps, then all again
in the next run. What is true of a shot is told to the log, never to the files.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.simulate.anomalies import Anomaly
from accelerator.schlieren.simulate.publishing import publish
from accelerator.schlieren.simulate.shift import PERIOD_S, Episode, Event, ShiftSettings, simulate_shift
from app.machine import Delivery, Machine
from core.clock import SystemClock
from core.settings import SchlierenSettings, load_settings

SHOTS = 240
"""In a run of two hours."""
PAST_S = 120 * PERIOD_S
AFTER_S = 3.0
"""An event is written so long after the extraction: its slowest reading is stamped 2 s after."""
FIRST_RUN = 1001


def _growing(cause: Cause, step: float, first: int, shots: int) -> tuple[Episode, ...]:
    """Return an anomaly that grows from shot to shot."""
    return tuple(
        Episode(Anomaly(cause, step * (number + 1)), first + number, first + number + 1) for number in range(shots)
    )


NO_LASER = Episode(Anomaly(Cause.NO_IONISATION, 0.003), 20, 24)
DENSITY = _growing(Cause.DENSITY_DRIFT, 0.0016, 36, 30)
STALE = Episode(Anomaly(Cause.STALE, -40.0), 76, 80)
KNIFE = _growing(Cause.MASK_DRIFT, 1.0, 86, 24)
LATER = (
    Episode(Anomaly(Cause.NO_IONISATION, 1.0), 128, 132),
    Episode(Anomaly(Cause.FROZEN, 0.0), 150, 154),
    Episode(Anomaly(Cause.SATURATION, 2.0), 175, 178),
    Episode(Anomaly(Cause.PARTIAL_IONISATION, 0.3), 200, 205),
)
EPISODES = (NO_LASER, *DENSITY, STALE, *KNIFE, *LATER)
"""What goes wrong in every run."""


def deliveries(began_at: datetime, seed: int, settings: SchlierenSettings) -> Iterator[Delivery]:
    """Yield the event files of run after run, without end."""
    number = 0
    while True:
        began = began_at + timedelta(seconds=number * SHOTS * PERIOD_S)
        plan = ShiftSettings(run=FIRST_RUN + number, began_at=began, shots=SHOTS, episodes=EPISODES)
        for event in simulate_shift(plan, seed + number):
            yield Delivery(event.at + timedelta(seconds=AFTER_S), told(event), _writer(event, settings))
        number += 1


def told(event: Event) -> str:
    """Return what is true of an event, for the log."""
    anomaly = event.shot.truth.anomaly
    return "nothing wrong" if anomaly is None else f"{anomaly.cause.value} ({anomaly.strength:.3g})"


def _writer(event: Event, settings: SchlierenSettings) -> Callable[[Path], Path]:
    return partial(publish, event, settings=settings)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the watched folder until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m app.awake", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the watched folder")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random")
    options = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    clock = SystemClock()
    with suppress(KeyboardInterrupt):
        machine = Machine(options.folder, clock, stop, lambda line: print(line, flush=True))
        began = clock.now() - timedelta(seconds=PAST_S)
        machine.play(deliveries(began, options.seed, load_settings().schlieren))
    return 0


if __name__ == "__main__":
    sys.exit(main())
