"""The AWAKE side of the demo: a run as long as the shift, an event file for every extraction.

AWAKE has its own shots from the SPS, but the clock of all others. What is true of a shot is told to the log, never to
the files.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from accelerator.schlieren.simulate.publishing import publish
from accelerator.schlieren.simulate.shift import PERIOD_S, Event, ShiftSettings, simulate_shift
from app.story import delivering, script
from app.story.delivering import Delivery
from core.settings import SchlierenSettings, load_settings

SHOTS = int(script.SHIFT_S / PERIOD_S)
AFTER_S = 3.0
"""An event is written so long after the extraction: its slowest reading is stamped 2 s after."""
FIRST_RUN = 1001


def deliveries(began_at: datetime, seed: int, settings: SchlierenSettings) -> Iterator[Delivery]:
    """Yield the event files of run after run, without end."""
    number = 0
    while True:
        began = began_at + timedelta(seconds=number * SHOTS * PERIOD_S)
        plan = ShiftSettings(run=FIRST_RUN + number, began_at=began, shots=SHOTS, episodes=script.EPISODES)
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
    return delivering.run(
        "app.awake",
        __doc__,
        lambda show: deliveries(show.playback.began_at, show.seed, load_settings().schlieren),
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
