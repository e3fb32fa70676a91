"""The ALICE side of the demo: a fake QCDB that a simulated shift of the ITS fills, in true time.

Nothing is sped up, so that every time on the pages is true: the shift began ``PAST_S`` ago, its cycles up to now are
stored at once (as if the console had been started late), and from then on each when it ends.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from core.clock import Clock, SystemClock
from core.errors import SourceError
from dqm.its.causes import Cause
from dqm.its.cycle import Cycle
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.faults import FaultKind
from dqm.its.qcdb.publishing import publish
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.simulate.cells import index
from dqm.its.simulate.faults import Fault
from dqm.its.simulate.publishing import masked, to_cycle
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings

PAST_S = 25 * 60.0
CYCLE_S = 60.0
RUN_S = 45 * 60.0
BREAK_S = 120.0
FIRST_RUN = 560_001
DETECTOR = 1
RETRY_S = 2.0
THIN_EVERY_S = 600.0

BACKGROUND = Fault(Cause.BEAM_BACKGROUND_A, 6 * 60.0, 12 * 60.0, 0.2)
DEAD_LANE = Fault(Cause.DEAD_LANE, 14 * 60.0, 36 * 60.0, 1.0, (index(4, 12, 7),))
NOISY_CHIP = Fault(Cause.NOISY_CHIP, 18 * 60.0, 23 * 60.0, 3.0, (index(1, 5, 3),))
EVENTS = (
    BACKGROUND,
    DEAD_LANE,
    NOISY_CHIP,
    Fault(Cause.BEAM_BACKGROUND_C, 30 * 60.0, 38 * 60.0, 0.1),
    Fault(Cause.READOUT_LOSS, 39 * 60.0, 42 * 60.0, 0.5, tuple(index(5, 20, lane) for lane in range(14))),
)
"""What happens in every run of the demo's shift, in seconds since its start."""


@dataclass(frozen=True, slots=True)
class Outage:
    """The QCDB fails for some time from a moment of the run on: it is down, or answers with ``fault``."""

    at_s: float
    seconds: float
    fault: FaultKind | None = None


OUTAGES = (Outage(28 * 60.0, 90.0), Outage(33 * 60.0, 60.0, FaultKind.ERROR), Outage(41 * 60.0, 60.0, FaultKind.SLOW))
SLOW_S = 30.0


@dataclass
class Shift:
    """Fills a QCDB until ``stop`` is set; ``report`` is told what happens."""

    server: FakeQcdb
    clock: Clock
    stop: threading.Event
    report: Callable[[str], None] = print
    began_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.began_at = self.clock.now() - timedelta(seconds=PAST_S)

    def play(self, seed: int) -> None:
        """Play run after run."""
        with QcdbClient(self.server.url, timeout_s=5.0, attempts=1) as client:
            for settings in runs(self.began_at):
                self.report(f"run {settings.run} of {settings.beam_type} beams, began {settings.began_at:%H:%M:%S} UTC")
                threading.Thread(target=self._misbehave, args=(settings,), daemon=True).start()
                for cycle, told in played(settings, seed + settings.run):
                    if not self._wait_until(cycle.ended_at):
                        return
                    self._store(client, cycle)
                    self.report(f"{cycle.ended_at:%H:%M:%S} cycle {cycle.number} of run {cycle.run}{told}")
                self.server.versions.thin()

    def _store(self, client: QcdbClient, cycle: Cycle) -> None:
        """Store a cycle; while the QCDB fails, again until it is taken."""
        while not self.stop.is_set():
            try:
                publish(client, cycle)
            except SourceError as error:
                self.report(f"not stored yet: {error}")
                self.stop.wait(RETRY_S)
            else:
                return

    def _misbehave(self, settings: RunSettings) -> None:
        for outage in OUTAGES:
            at = settings.began_at + timedelta(seconds=outage.at_s)
            if at < self.clock.now():
                continue
            if not self._wait_until(at):
                return
            self.report(f"{at:%H:%M:%S} the QCDB is {outage.fault or 'down'} for {outage.seconds:g} s")
            if outage.fault is None:
                self.server.down_for(outage.seconds)
                continue
            self.server.faults.add(outage.fault, seconds=SLOW_S)
            self.stop.wait(outage.seconds)
            self.server.faults.clear()

    def _wait_until(self, at: datetime) -> bool:
        """Wait; return whether there is anything to wait for."""
        while not self.stop.is_set() and (left := (at - self.clock.now()).total_seconds()) > 0:
            self.stop.wait(min(left, 1.0))
        return not self.stop.is_set()


def runs(began_at: datetime) -> Iterator[RunSettings]:
    """Yield the settings of one run after the other, without end."""
    settings = RunSettings(
        run=FIRST_RUN,
        began_at=began_at,
        duration_s=RUN_S,
        cycle_s=CYCLE_S,
        detector_seed=DETECTOR,
        recoveries_per_hour=0.0,
        faults=EVENTS,
    )
    while True:
        yield settings
        later_s = RUN_S + BREAK_S
        settings = replace(
            settings,
            run=settings.run + 1,
            began_at=settings.began_at + timedelta(seconds=later_s),
            began_in_fill_s=settings.began_in_fill_s + later_s,
        )


def played(settings: RunSettings, seed: int) -> Iterator[tuple[Cycle, str]]:
    """Yield the cycles of a run as the QC publishes them, and for people what is wrong in each."""
    for simulated in simulate_run(settings, seed):
        told = ", ".join(fault.cause.value for fault in simulated.truth.faults)
        yield to_cycle(settings, simulated), f": {told}" if told else ""


def masked_places() -> tuple[str, ...]:
    """Return the places of the demo's detector that are off by configuration."""
    return masked(RunSettings(detector_seed=DETECTOR))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a QCDB and fill it until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m app.experiment", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where the QCDB listens on 127.0.0.1")
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random")
    options = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with FakeQcdb(options.port) as server, suppress(KeyboardInterrupt):
        Shift(server, SystemClock(), stop, lambda line: print(line, flush=True)).play(options.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
