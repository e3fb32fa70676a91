"""The drill: the real watch reads thirty minutes of shift from a QCDB that fails, and is itself killed again and again.

Every incident of the shift must end as one alarm with the right start, and every cycle must be judged once. The shift
lies in the past and is played faster than it happened; server, watch, store and detector are the real ones.
"""

import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from core.alarms.events import ChangeKind
from core.settings import Settings
from core.store import Store
from core.store.views import AlarmView, ObservationView
from core.verdict import Quality
from dqm.its.causes import Cause
from dqm.its.cycle import Cycle, to_observation
from dqm.its.detector import ItsDetector
from dqm.its.objects import OBJECTS
from dqm.its.qcdb.faults import FaultKind
from dqm.its.qcdb.publishing import publish
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.simulate.cells import index, name
from dqm.its.simulate.faults import BACKGROUNDS, Fault
from dqm.its.simulate.publishing import masked, to_cycle
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings

SEED, KILLS = 20261126, 8
SHIFT_S, CYCLE_S = 1800.0, 60.0
PACE_S, TROUBLE_S, PATIENCE_S, BUDGET_S = 1.0, 3.0, 3.0, 480.0
MINUTE = 60.0
HAPPENS = (
    Fault(Cause.BEAM_BACKGROUND_A, 5.5 * MINUTE, 11 * MINUTE, 0.25),
    Fault(Cause.DEAD_LANE, 8.2 * MINUTE, SHIFT_S, 1.0, (index(4, 12, 7),), {"flagged": 0.0}),
    Fault(Cause.DEAD_LANE, 14.4 * MINUTE, SHIFT_S, 1.0, (index(6, 30, 3),), {"flagged": 1.0}),
    Fault(Cause.NOISY_CHIP, 13 * MINUTE, 17 * MINUTE, 3.0, (index(1, 5, 3),)),
    Fault(Cause.READOUT_LOSS, 19.3 * MINUTE, 25 * MINUTE, 0.6, tuple(index(5, 20, lane) for lane in range(14))),
    Fault(Cause.HOT_PIXEL, 22 * MINUTE, SHIFT_S, 0.8, (index(0, 3, 4),)),
)
RUN = RunSettings(
    run=570_001, duration_s=SHIFT_S, cycle_s=CYCLE_S, recoveries_per_hour=0.0, faults=HAPPENS, vertex_wander_cm=0.05
)


@dataclass
class Qcdb:
    """The QCDB of the drill; ``trouble`` says what it does wrong from some cycles on, for a while."""

    server: FakeQcdb
    over: Event = field(default_factory=Event)

    def trouble(self, number: int) -> Callable[[], object] | None:
        angular = OBJECTS["angular"].path()
        return {
            4: self._down,
            7: lambda: self._wrong(FaultKind.SLOW, seconds=10.0),
            11: lambda: self._wrong(FaultKind.ERROR),
            14: lambda: self._wrong(FaultKind.HALF_BODY),
            17: lambda: self._wrong(FaultKind.NOT_FOUND, pattern=angular),
            21: self._down,
            24: lambda: self._wrong(FaultKind.NO_LISTING),
            26: lambda: self._wrong(FaultKind.WRONG_SUM),
        }.get(number)

    def play(self, cycles: list[Cycle]) -> None:
        """Store cycle after cycle; retention takes two objects of the ninth, the nineteenth comes twice."""
        for cycle in cycles:
            if (trouble := self.trouble(cycle.number)) is not None:
                trouble()
            publish(self.server.versions, cycle)  # type: ignore[arg-type] the store itself: QC does not wait for us
            if cycle.number == 9:
                self._thin(cycle, "lane_fault", "hits_when_long_L1")
            if cycle.number == 19:
                publish(self.server.versions, cycle)  # type: ignore[arg-type]
            self.over.wait(PACE_S)
        self.server.faults.clear()

    def _thin(self, cycle: Cycle, *payloads: str) -> None:
        told = {"CycleNumber": str(cycle.number)}
        for payload in payloads:
            for held in self.server.versions.browse(OBJECTS[payload].path(), told, 0, 2**62):
                self.server.versions.remove(held.uuid)

    def _down(self) -> None:
        self.server.down_for(TROUBLE_S)

    def _wrong(self, kind: FaultKind, **how: Any) -> None:
        self.server.faults.add(kind, **how)
        Thread(target=lambda: (self.over.wait(TROUBLE_S), self.server.faults.clear()), daemon=True).start()


def watch(home: str, qcdb: str) -> None:
    """Run a watch as ``python -m flows.watching --system its`` does."""
    from flows.watching import main

    os.environ |= {
        "SHIFTWATCH_HOME": home,
        "SHIFTWATCH_POLL_S": "0.2",
        "SHIFTWATCH_ITS__QCDB_URL": qcdb,
        "SHIFTWATCH_ITS__MASKED": json.dumps(masked(RUN)),
        "SHIFTWATCH_ITS__POLL_S": "0.2",
        "SHIFTWATCH_ITS__PATIENCE_S": str(PATIENCE_S),
        "SHIFTWATCH_ITS__TIMEOUT_S": "2",
        "SHIFTWATCH_ITS__ATTEMPTS": "1",
    }
    with Path(home, "watch.log").open("a") as sys.stderr:
        sys.exit(main(["--system", "its", "--window", "600"]))


@dataclass
class Crew:
    """Starts a watch, and another one whenever it is killed."""

    home: Path
    qcdb: str
    process: BaseProcess | None = None

    def start(self) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["flows.watching", "core.store.schema", "dqm.its.system", "dqm.its.detector"])
        self.process = context.Process(target=watch, args=(str(self.home), self.qcdb))
        self.process.start()

    def kill(self) -> None:
        assert self.process is not None
        assert self.process.pid is not None
        assert self.process.is_alive(), (self.home / "watch.log").read_text()[-3000:]
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()


@contextmanager
def playing(qcdb: Qcdb, cycles: list[Cycle]) -> Iterator[Thread]:
    player = Thread(target=qcdb.play, args=(cycles,))
    player.start()
    try:
        yield player
    finally:
        qcdb.over.set()
        player.join()


def get_to_know(settings: Settings) -> None:
    """Let the detector see an hour of an earlier run: it was installed before this shift."""
    detector = ItsDetector.load(settings)
    earlier = replace(
        RUN, run=RUN.run - 1, duration_s=3600.0, cycle_s=180.0, faults=(), began_at=RUN.began_at - timedelta(days=365)
    )
    for simulated in simulate_run(earlier, SEED + 1):
        detector.judge(to_observation(to_cycle(earlier, simulated), "earlier", "ab"))


def judged(store: Store) -> list[ObservationView]:
    return store.observations("its", limit=200)


def run_drill(settings: Settings, cycles: list[Cycle], store: Store) -> None:
    """Play the shift to its end, killing the watch at random moments, until all of it is judged."""
    rng, deadline = random.Random(SEED), time.monotonic() + BUDGET_S
    with FakeQcdb() as server, playing(Qcdb(server), cycles) as player:
        crew = Crew(settings.home, server.url)
        crew.start()
        kills = 0
        while player.is_alive() or len(judged(store)) < len(cycles):
            time.sleep(rng.uniform(1.0, 2 * len(cycles) * PACE_S / KILLS) if kills < KILLS else 0.5)
            if kills < KILLS:
                crew.kill()
                crew.start()
                kills += 1
            assert time.monotonic() < deadline, (settings.home / "watch.log").read_text()[-3000:]
        crew.kill()
        assert kills == KILLS


def is_of(alarm: AlarmView, fault: Fault) -> bool:
    if fault.cause in BACKGROUNDS:
        return (alarm.kind, alarm.element[-1]) == ("background", fault.cause.value[-1])
    places = {name(cell).replace(" ", "_") for cell in fault.cells}
    return alarm.kind == "place" and not places.isdisjoint(alarm.places)


@pytest.mark.slow
def test_every_incident_is_one_alarm_through_outages_and_kills(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    began_at = datetime.now(UTC) - timedelta(seconds=SHIFT_S + 120)
    run = replace(RUN, began_at=began_at)
    cycles = [to_cycle(run, simulated) for simulated in simulate_run(run, SEED)]
    get_to_know(settings)
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        run_drill(settings, cycles, store)
        seen = judged(store)
        assert sorted(view.key for view in seen) == sorted(cycle.key for cycle in cycles), "each once"
        assert [view.key for view in seen if view.quality is Quality.NULL] in ([], [f"{run.run}/1"])
        alarms = store.alarms(open_only=False, system="its")
        for fault in HAPPENS:
            (alarm,) = [alarm for alarm in alarms if is_of(alarm, fault)]
            late_s = (alarm.bad_since - began_at).total_seconds() - fault.began_s
            assert -CYCLE_S <= late_s <= CYCLE_S, (fault.cause, late_s)
            assert (alarm.recovered_at is None) is (fault.ended_s == SHIFT_S), fault.cause
            detail = store.alarm(alarm.id)
            assert detail is not None
            assert [event.kind for event in detail.events].count(ChangeKind.RAISED) == 1
        assert len(alarms) == len(HAPPENS), [(alarm.element, alarm.message) for alarm in alarms]
