"""A watch over the QCDB through a drill: trouble is shown while it lasts, then every cycle is in the store, once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from core.clock import ManualClock
from core.contracts import AlarmRule, System
from core.observation import Observation
from core.settings import Settings
from core.store import Store
from core.verdict import Quality, Verdict
from dqm.its.objects import HITS, OBJECTS
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.faults import FaultKind
from dqm.its.qcdb.publishing import Publisher, TaskCycles
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.source import QcdbSource
from flows.watching import Summary, pipeline
from flows.windows import Window
from tests.dqm.its.qcdb.tape import BEGAN, FEW, cycle, with_only
from tests.dqm.its.stored import NOON, store


class Nodding:
    """Finds every cycle good."""

    def judge(self, observation: Observation) -> Verdict:
        assert observation.payload
        return Verdict(Quality.GOOD, score=0.0, threshold=1.0)


@dataclass
class Drill:
    """A clock that does things at given times while a watch sleeps."""

    server: FakeQcdb
    clock: "ActingClock"
    settings: Settings
    store: Store

    def watch(self, seconds: float) -> Summary:
        source = QcdbSource(self.settings, self.clock, monotonic=lambda: self.clock.now().timestamp())
        system = System(
            name="its",
            title="ITS",
            source=lambda _: source,
            detector=lambda _: Nodding(),
            read_file=lambda path, _: pytest.fail(str(path)),
            rule=AlarmRule(),
            guidance=lambda _: "",
            silent_after_s=lambda _: None,
        )
        try:
            return pipeline(system, self.store, self.settings, self.clock, Window.lasting(self.clock, seconds).over)
        finally:
            source.close()

    def keys(self) -> dict[str, Any]:
        return {view.key: view.conditions["missing"] for view in self.store.observations("its", limit=50)}

    def beat(self) -> tuple[bool, str]:
        (state,) = [s for s in self.store.overview(self.clock.now()) if s.system == "its"]
        return state.heartbeats[0].ok, state.heartbeats[0].detail


@dataclass
class ActingClock(ManualClock):
    """Moves when told to, and does what is due."""

    due: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        for moment, act in [item for item in self.due if self.at >= NOON + timedelta(seconds=item[0])]:
            self.due.remove((moment, act))
            act()


def ended(seconds: float) -> Any:
    """An object of which the data end that long after noon."""
    return NOON + timedelta(seconds=seconds)


@pytest.fixture
def drill(tmp_path: Path) -> Iterator[Drill]:
    clock = ActingClock(NOON)
    with FakeQcdb(clock=clock) as server:
        its = {"qcdb_url": server.url, "attempts": 1, "poll_s": 5}
        settings = Settings(home=tmp_path, its=its)
        made = Store.open(settings.url, settings.artefacts)
        made.upgrade()
        yield Drill(server, clock, settings, made)
        made.close()


def test_an_outage_is_shown_and_nothing_is_lost(drill: Drill) -> None:
    seen = list[tuple[bool, str]]()
    versions = drill.server.versions
    drill.clock.due = [
        (10, lambda: store(versions, 1, ended_at=ended(10))),
        (60, drill.server.down),
        (70, lambda: store(versions, 2, ended_at=ended(70))),
        (150, lambda: seen.append(drill.beat())),
        (160, drill.server.up),
        (400, lambda: seen.append(drill.beat())),
    ]
    assert drill.watch(420) == Summary(2, ())
    assert drill.keys() == {"560123/1": "", "560123/2": ""}
    assert [ok for ok, _ in seen] == [False, True]
    assert drill.server.url in seen[0][1]
    assert "refused" in seen[0][1]


def test_cycles_through_a_drill_are_each_judged_once_over_two_windows(drill: Drill) -> None:
    versions, faults = drill.server.versions, drill.server.faults
    angular = OBJECTS["angular"].path()
    drill.clock.due = [
        (10, lambda: store(versions, 1, ended_at=ended(10))),
        (20, lambda: faults.add(FaultKind.ERROR, pattern=angular)),
        (190, lambda: store(versions, 2, ended_at=ended(190))),
        (300, faults.clear),
        (370, lambda: store(versions, 3, but=["vertex_z"], ended_at=ended(370))),
        (480, lambda: store(versions, 3, only=["vertex_z"], ended_at=ended(370))),
        (490, lambda: store(versions, 2, ended_at=ended(190))),
        (550, lambda: store(versions, 4, ended_at=ended(550))),
        (600, lambda: versions.thin(0, 10_000)),
    ]
    assert drill.watch(330).settled == 2
    assert drill.watch(330).settled == 2
    assert drill.keys() == {"560123/1": "", "560123/2": "angular", "560123/3": "vertex_z", "560123/4": ""}


def test_objects_that_hold_the_run_through_failures_and_a_restart(drill: Drill) -> None:
    """The QCDB fails for six minutes and the watch is started anew: every cycle is there once, with its own data."""
    after_noon = (BEGAN - NOON).total_seconds()
    drill.clock.at = BEGAN
    settings = drill.settings.model_copy(update={"its": drill.settings.its.model_copy(update={"patience_s": 5})})
    with QcdbClient(drill.server.url) as client:
        publisher = Publisher(client, window="run", tasks={HITS: TaskCycles(first=70)})

        def publish(number: int) -> None:
            publisher.publish(with_only(cycle(number), FEW))

        drill.clock.due = [
            *((after_noon + 180 * n, partial(publish, n)) for n in range(1, 7)),
            (after_noon + 370, lambda: drill.server.faults.add(FaultKind.ERROR)),
            (after_noon + 730, drill.server.faults.clear),
        ]
        drill.settings = settings
        assert drill.watch(800).settled == 4
        assert drill.watch(400).settled == 2
    views = drill.store.observations("its", limit=50)
    assert sorted(view.key for view in views) == [f"560123/{number}" for number in range(1, 7)]
    for view in views:
        assert view.conditions["cycle_s"] == view.conditions["hit_s"] == 180.0
        assert view.conditions["subtracted"] == ("" if view.key == "560123/1" else str(int(view.key[-1]) - 1))


def test_a_cycle_that_can_never_be_used_is_kept_with_its_reason(drill: Drill) -> None:
    store(drill.server.versions, 1, ended_at=NOON)
    drill.server.faults.add(FaultKind.WRONG_TYPE)
    assert drill.watch(20).settled == 1
    (view,) = drill.store.observations("its", limit=50)
    assert view.quality is Quality.NULL
    (note,) = (drill.settings.quarantine / "its").glob("*.reason.json")
    assert "none of the" in note.read_text()
