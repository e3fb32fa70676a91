"""The LHC side of the demo: a simulated fill, written into the watched folder in true time, as the logging would.

Nothing is sped up, so that every time on the pages is true: the fill came to its collisions ``PAST_S`` ago; what was
logged up to now is written at once (as if the console had been started late), from then on each piece when it ends.
First come the loss maps of both beams and planes, then the monitors at 1 Hz; a primary drifts, a secondary jumps.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.fill import TOP_GEV, BlowUp, FillPlan, Phase, Wrong
from accelerator.collimation.simulate.stream import Piece, simulate_fill, write_piece
from accelerator.collimation.states import State
from accelerator.collimation.stream import Stream
from app import exports
from core.clock import Clock, SystemClock

PAST_S = 150 * 60.0
CAMPAIGN_S = 480
"""At flat top, with the loss maps, before collisions."""
STABLE_S = 4 * 3600.0
PIECE_S = 120
FIRST_FILL = 10_101
MACHINE = 2018
BACKGROUND_S, BLOWUP_S, AFTER_S = 40, 12, 8
MAPS = ((60, 1, "H"), (150, 1, "V"), (240, 2, "H"), (330, 2, "V"))
"""Second of the fill, beam and plane of each excitation."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One file that the logging will write: when, what is in it, and how it is written into a folder."""

    at: datetime
    story: str
    write: Callable[[Path], Path]


@dataclass
class Machine:
    """Writes files into a folder until ``stop`` is set; ``report`` is told what happens."""

    folder: Path
    clock: Clock
    stop: threading.Event
    report: Callable[[str], None] = print

    def play(self, deliveries: Iterable[Delivery]) -> None:
        """Write each file once its time has come."""
        for delivery in deliveries:
            if not self._wait_until(delivery.at):
                return
            path = delivery.write(self.folder)
            self.report(f"{delivery.at:%H:%M:%S} {path.name}: {delivery.story}")

    def _wait_until(self, at: datetime) -> bool:
        """Wait; return whether there is anything to wait for."""
        while not self.stop.is_set() and (left := (at - self.clock.now()).total_seconds()) > 0:
            self.stop.wait(min(left, 1.0))
        return not self.stop.is_set()


@dataclass(frozen=True, slots=True)
class Event:
    """What goes wrong in every fill of the demo: ``per_hour`` for what grows."""

    element: str
    change: float
    begins_s: float
    per_hour: float | None = None

    @property
    def beam(self) -> int:
        """Whose collimator it is."""
        return int(self.element[-1])


DRIFT = Event("tcp.c6l7.b1", 1.4, CAMPAIGN_S + 66 * 60.0, 0.8)
"""Faster than a primary would drift, so that what is past shows it; after the hour in which the fill is learnt."""
JUMP = Event("tcspm.b4r7.b2", -2.0, PAST_S - 300.0)
EVENTS = (DRIFT, JUMP)


def deliveries(began_at: datetime, seed: int) -> Iterator[Delivery]:
    """Yield what the logging writes, fill after fill, without end."""
    number = 0
    while True:
        begins = began_at + timedelta(seconds=number * (CAMPAIGN_S + STABLE_S))
        yield from fill(begins, FIRST_FILL + number, seed + number)
        number += 1


def fill(begins: datetime, number: int, seed: int) -> Iterator[Delivery]:
    """Yield the exports of the loss maps at flat top, then the pieces of the monitors in collisions."""
    campaign: list[Stream] = []
    for piece in simulate_fill(plan(begins, number), seed, PIECE_S):
        ends = datetime.fromtimestamp(float(piece.stream.time_unix_s[-1]) + 1, UTC)
        if (ends - begins).total_seconds() <= CAMPAIGN_S:
            campaign.append(piece.stream)
            continue
        if campaign:
            yield from _maps(_joined(campaign), begins, number)
            campaign = []
        yield Delivery(ends, _told(piece.truth), partial(_write_piece, piece))


def plan(begins: datetime, number: int) -> FillPlan:
    """Return the plan of one fill."""
    return FillPlan(
        fill=number,
        begins_at=begins,
        phases=(
            Phase("FLATTOP", CAMPAIGN_S, State.FLAT_TOP, TOP_GEV, TOP_GEV, 11.0),
            Phase("STABLE", STABLE_S, State.COLLISIONS, TOP_GEV, TOP_GEV, 0.3, collides=True),
        ),
        wrong=tuple(
            Wrong(Setting(one.element, Quantity.GAP, one.change), one.begins_s, one.per_hour) for one in EVENTS
        ),
        blowups=tuple(BlowUp(at_s, beam, plane, BLOWUP_S) for at_s, beam, plane in MAPS),
        machine_seed=MACHINE,
    )


def _maps(stream: Stream, begins: datetime, number: int) -> Iterator[Delivery]:
    for at_s, beam, plane in MAPS:
        at = begins + timedelta(seconds=at_s)
        part = exports.cut(stream, at.timestamp() - BACKGROUND_S, at.timestamp() + BLOWUP_S + AFTER_S)
        name = f"lossmap_{number}_B{beam}{plane}.csv"
        yield Delivery(
            at + timedelta(seconds=BLOWUP_S + AFTER_S),
            f"loss map of beam {beam}, {plane}",
            partial(_write_map, part, name),
        )


def _write_piece(piece: Piece, folder: Path) -> Path:
    return write_piece(folder, piece)


def _write_map(part: Stream, name: str, folder: Path) -> Path:
    return exports.write(folder / name, part)


def _joined(streams: Sequence[Stream]) -> Stream:
    first = streams[0]
    context = {name: np.concatenate([one.context[name] for one in streams]) for name in first.context}
    times = np.concatenate([one.time_unix_s for one in streams])
    return Stream(times, first.monitors, np.concatenate([one.signal_gy_per_s for one in streams]), context)


def _told(truth: Iterable[Setting]) -> str:
    return ", ".join(f"{one.element} {one.change:+.2f} sigma" for one in truth) or "nothing wrong"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the watched folder until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m app.machine", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the watched folder")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random")
    options = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    clock = SystemClock()
    with suppress(KeyboardInterrupt):
        machine = Machine(options.folder, clock, stop, lambda line: print(line, flush=True))
        machine.play(deliveries(clock.now() - timedelta(seconds=PAST_S), options.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
