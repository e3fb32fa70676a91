"""The ALICE side of the demo: a fake QCDB that the ITS fills during the fill of the shift, each cycle when it ends.

Its server dies once; what is taken meanwhile is stored when it is back, as the QC's own tasks would.
"""

import argparse
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from app.story import fill, playback, script
from app.story.delivering import wait_until
from app.story.playback import Playback
from core.clock import Clock, SystemClock
from core.errors import SourceError
from dqm.its.cycle import Cycle
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.publishing import publish
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.simulate.faults import Fault
from dqm.its.simulate.publishing import masked, to_cycle
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings

CYCLE_S = 60.0
FIRST_RUN = 560_001
DETECTOR = 1
RETRY_S = 2.0


@dataclass
class Shift:
    """Fills a QCDB until ``stop`` is set; ``report`` is told what happens."""

    server: FakeQcdb
    playback: Playback
    clock: Clock
    stop: threading.Event
    report: Callable[[str], None] = print

    def play(self, seed: int) -> None:
        """Play run after run, one in each shift."""
        with QcdbClient(self.server.url, timeout_s=5.0, attempts=1) as client:
            for number, settings in enumerate(runs(self.playback)):
                self.report(f"run {settings.run} of {settings.beam_type} beams, began {settings.began_at:%H:%M:%S} UTC")
                threading.Thread(target=self._die, args=(number,), daemon=True).start()
                for cycle, told in played(settings, seed + settings.run):
                    if not wait_until(self.playback.due(cycle.ended_at), self.clock, self.stop):
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

    def _die(self, number: int) -> None:
        """Take the server down for a while, unless that is past: what nobody watched, nobody noticed."""
        at = self.playback.at(number * script.SHIFT_S + script.OUTAGE_BEGINS_S)
        due = self.playback.due(at)
        if due < self.clock.now() or not wait_until(due, self.clock, self.stop):
            return
        self.report(f"{at:%H:%M:%S} the QCDB is down for {script.OUTAGE_S:g} s")
        self.server.down_for(script.OUTAGE_S)


def runs(shift: Playback) -> Iterator[RunSettings]:
    """Yield the settings of the run of each shift, without end."""
    settings = RunSettings(
        run=FIRST_RUN,
        fill_number=fill.FIRST_FILL,
        fill=fill.luminosity(script.SHIFT_S),
        began_at=shift.at(script.RUN_BEGINS_S),
        began_in_fill_s=script.RUN_BEGINS_S - fill.CAMPAIGN_S,
        duration_s=script.SHIFT_S - script.RUN_BEGINS_S,
        cycle_s=CYCLE_S,
        detector_seed=DETECTOR,
        recoveries_per_hour=0.0,
        faults=tuple(_in_run(one) for one in (*script.FAULTS, *script.background().faults)),
    )
    while True:
        yield settings
        settings = replace(
            settings,
            run=settings.run + 1,
            fill_number=settings.fill_number + 1,
            began_at=settings.began_at + timedelta(seconds=script.SHIFT_S),
        )


def _in_run(fault: Fault) -> Fault:
    """Return a fault of the script by the seconds of the run."""
    began_s, ended_s = (at - script.RUN_BEGINS_S for at in (fault.began_s, fault.ended_s))
    return replace(fault, began_s=began_s, ended_s=ended_s)


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
    parser.add_argument("--port", type=int, required=True, help="the port the QCDB listens on")
    parser.add_argument("--host", default="127.0.0.1", help="the address it listens on (0.0.0.0: any)")
    playback.add_options(parser)
    options = parser.parse_args(arguments)
    stop = playback.asked_to_stop()
    with FakeQcdb(options.port, host=options.host) as server, suppress(KeyboardInterrupt):
        if (show := playback.awaited(options, stop)) is None:
            return 0
        shift = Shift(server, show.playback, SystemClock(), stop, lambda line: print(line, flush=True))
        shift.play(show.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
