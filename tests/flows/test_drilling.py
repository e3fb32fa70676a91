"""A drill in a watch: what comes is judged as it is, the altered copy is shown, marked, scored and revealed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.alarms.events import AlarmAction, ChangeKind
from core.contracts import Incident, System
from core.desk import Desk, Person, Way
from core.drilling import DrillFault, Injection
from core.errors import DrillError, NotAllowedError
from core.observation import Observation
from core.roles import Role
from core.shifts import Span
from core.store import answers, drills, handover
from core.store.drill_models import DrillObservationRow
from core.store.drills import Asked
from core.store.views import AlarmView, Judgement
from core.verdict import Quality, Verdict
from flows.drilling import Drilling
from tests.flows.fakes import NAME, drop
from tests.flows.test_watching import Bench

LASTS = timedelta(minutes=10)


def spoil(seen: Observation) -> Observation:
    return replace(seen, conditions={**seen.conditions, "judge": "bad", "altered": True})


def incidents(observation: Observation, verdict: Verdict) -> Sequence[Incident]:
    if verdict.quality is not Quality.BAD:
        return ()
    place = "chip 7" if observation.conditions.get("altered") else "chip 3"
    return (Incident("hot", frozenset({place}), place, Quality.BAD, observation.observed_at, "hot", "hot there"),)


def fault(alter: Any = spoil) -> DrillFault:
    return DrillFault("hot", "A chip gets hot", ("hot",), lambda first, seed, avoid: Injection("chip 7", alter))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def drilled(bench: Bench, one: DrillFault | None = None, **changes: Any) -> System:
    return bench.system(incidents=incidents, drills=lambda: (one or fault(),), **changes)


def watch(bench: Bench, one: DrillFault | None = None, **changes: Any) -> None:
    bench.watch(6.0, incidents=incidents, drills=lambda: (one or fault(),), **changes)


def begin(bench: Bench, role: Role = Role.EXPERT, name: str = "hot", lasts: timedelta = LASTS) -> int:
    desk = Desk(bench.store, Person("Eva", role, Way.COMMAND), bench.clock)
    return desk.drill(Asked(NAME, name, "A chip gets hot", ("hot",), 1, lasts))


def alarm(bench: Bench) -> AlarmView:
    (found,) = bench.store.alarms(open_only=False)
    return found


def marked(bench: Bench) -> dict[int, Quality]:
    with bench.store.database.reading() as session:
        return {row.observation_id: row.quality for row in session.scalars(select(DrillObservationRow))}


def test_the_altered_copy_is_shown_and_the_observation_as_it_came_is_kept_beside_it(bench: Bench) -> None:
    begin(bench)
    drop(bench.inbox, "a", element="chip")
    watch(bench)
    (shown,) = bench.store.observations(NAME)
    assert shown.quality is Quality.BAD
    assert (shown.element, Path(shown.origin).name) == ("chip", "a.json"), "nothing tells it from any other"
    assert marked(bench) == {shown.id: Quality.GOOD}
    assert alarm(bench).message == "hot there"
    assert "drill" not in str(bench.store.alarm(alarm(bench).id)).lower()


def test_before_it_is_revealed_no_page_list_or_trail_tells_of_it_and_afterwards_all_do(bench: Bench) -> None:
    number = begin(bench)
    drop(bench.inbox, "a", element="chip")
    watch(bench)
    assert bench.store.trail(10) == []
    assert drills.revealed(bench.store.database) == []
    ended = Desk(bench.store, Person("Eva", Role.EXPERT, Way.COMMAND), bench.clock).end_drill(number)
    assert ended.place == "chip 7"
    assert [(one.what if hasattr(one, "what") else one.deed) for one in bench.store.trail(10)] == ["drill", "drill"]
    assert [one.id for one in drills.revealed(bench.store.database)] == [number]
    detail = bench.store.alarm(alarm(bench).id)
    assert detail is not None
    assert any("this was a drill" in event.note for event in detail.events if event.kind is ChangeKind.COMMENTED)
    assert not detail.view.is_open, "nobody is left with it"


def test_detector_and_person_are_scored(bench: Bench) -> None:
    number = begin(bench)
    drop(bench.inbox, "a", element="chip")
    watch(bench)
    desk = Desk(bench.store, Person("Ana", Role.SHIFTER, Way.PAGE), bench.clock)
    bench.clock.sleep(90)
    desk.act(alarm(bench).id, AlarmAction.ACKNOWLEDGE)
    desk.say(alarm(bench).observation_id or 0, Judgement.RIGHT, None, None, "", alarm(bench).id)
    result = drills.reveal(bench.store.database, number, bench.clock.now(), "test").result
    assert result is not None
    assert (result.found, result.detector_cause, result.detector_right) == (True, "hot", True)
    assert (result.person_said, result.person_right, result.acknowledged_by) == ("right", True, "Ana")
    assert result.to_alarm_s is not None
    assert result.to_alarm_s < 10
    assert result.to_acknowledge_s is not None
    assert 80 < result.to_acknowledge_s < 110


def test_what_nobody_finds_is_told_as_not_found(bench: Bench) -> None:
    number = begin(bench)
    drop(bench.inbox, "a", element="chip")
    watch(bench, fault(lambda seen: seen))
    result = drills.reveal(bench.store.database, number, bench.clock.now(), "test").result
    assert result is not None
    assert result.found is False


def test_nothing_learns_from_a_drill_and_the_report_counts_what_really_came(bench: Bench) -> None:
    number = begin(bench)
    drop(bench.inbox, "a", element="chip")
    watch(bench)
    desk = Desk(bench.store, Person("Ana", Role.SHIFTER, Way.PAGE), bench.clock)
    desk.say(alarm(bench).observation_id or 0, Judgement.FALSE_ALARM, None, None, "", alarm(bench).id)
    assert answers.precision(bench.store.database, NAME) == {}
    assert list(answers.labels(bench.store.database, NAME)) == []
    (seen,) = bench.store.observations(NAME)
    span = Span(seen.observed_at - timedelta(hours=1), bench.clock.now() + timedelta(days=400))
    before = handover.handover(bench.store.database, span)
    assert [one.quality for one in before.judged[NAME]] == [Quality.BAD], "nothing may tell"
    assert len(before.alarms) == len({line.alarm_id for line in bench.store.alarm_lines(span.begins, span.ends)}) == 1
    drills.reveal(bench.store.database, number, bench.clock.now(), "test")
    after = handover.handover(bench.store.database, span)
    assert [one.quality for one in after.judged[NAME]] == [Quality.GOOD]
    assert after.alarms == []
    assert bench.store.alarm_lines(span.begins, span.ends) == []


def test_something_real_is_committed_as_it_came_and_ends_the_drill(bench: Bench) -> None:
    number = begin(bench)
    drop(bench.inbox, "a", element="chip")
    watch(bench)
    drop(bench.inbox, "b", element="chip", judge="bad")
    watch(bench)
    (view,) = drills.revealed(bench.store.database)
    assert (view.id, view.ending) == (number, "something real came up: hot there")
    newest = bench.store.observations(NAME)[0]
    assert newest.id not in marked(bench)
    assert [one.element for one in bench.store.alarms()] == ["chip 3"], "what is real asks for somebody"


def test_what_cannot_be_judged_ends_it_too(bench: Bench) -> None:
    begin(bench)
    drop(bench.inbox, "a", element="chip", judge="bug")
    watch(bench)
    (view,) = drills.revealed(bench.store.database)
    assert view.ending.startswith("something real came up")
    assert marked(bench) == {}


def test_what_was_wrong_before_goes_on_being_told_and_is_no_reason_to_end(bench: Bench) -> None:
    drop(bench.inbox, "a", element="chip", judge="bad")
    watch(bench)
    begin(bench)
    drop(bench.inbox, "b", element="chip", judge="bad", number=2)
    watch(bench)
    assert drills.running(bench.store.database, NAME) is not None
    assert len(marked(bench)) == 1


@pytest.mark.parametrize("error", [DrillError("no such place"), ZeroDivisionError("a bug")])
def test_a_drill_that_fails_costs_no_verdict(bench: Bench, error: Exception) -> None:
    def fail(seen: Observation) -> Observation:
        raise error

    begin(bench)
    drop(bench.inbox, "a", element="chip")
    watch(bench, fault(fail))
    assert bench.qualities() == {"chip": Quality.GOOD}
    (view,) = drills.revealed(bench.store.database)
    assert view.ending in {"it could not be put in: no such place", "it failed, see the log"}


def test_it_ends_by_itself_when_its_time_is_over(bench: Bench) -> None:
    begin(bench, lasts=timedelta(minutes=1))
    drop(bench.inbox, "a", element="chip")
    watch(bench)
    bench.clock.sleep(120)
    drop(bench.inbox, "b", element="chip")
    watch(bench)
    (view,) = drills.revealed(bench.store.database)
    assert view.ending == "its time was over"
    assert len(marked(bench)) == 1


def test_what_was_altered_when_the_drill_is_over_is_committed_as_it_came(bench: Bench) -> None:
    number = begin(bench)
    drop(bench.inbox, "a", element="chip")
    record = bench.store.record

    def late(*args: Any, **more: Any) -> Any:
        drills.reveal(bench.store.database, number, bench.clock.now(), "meanwhile")
        bench.store.record = record  # type: ignore[method-assign]
        return record(*args, **more)

    bench.store.record = late  # type: ignore[method-assign]
    watch(bench)
    assert bench.qualities() == {"chip": Quality.GOOD}
    assert marked(bench) == {}
    assert bench.store.alarms(open_only=False) == []


def test_the_second_detector_has_a_copy_of_the_memory_and_the_first_keeps_its_own(bench: Bench) -> None:
    memory = bench.settings.home / NAME / "memory"
    memory.parent.mkdir()
    memory.write_text("what came before")
    homes: list[str] = []

    def detector(settings: Any) -> Any:
        homes.append((settings.home / NAME / "memory").read_text())
        (settings.home / NAME / "memory").write_text(f"written by {len(homes)}")
        return bench.oracle

    number = begin(bench)
    one = Drilling(drilled(bench, detector=detector), bench.store, bench.settings, bench.clock)
    one.look()
    assert homes == ["what came before"]
    assert memory.read_text() == "what came before"
    drills.reveal(bench.store.database, number, bench.clock.now(), "test")
    one.look()
    assert not (bench.settings.home / "drill" / str(number)).exists()


def test_one_at_a_time_by_experts_only_and_not_for_ever(bench: Bench) -> None:
    with pytest.raises(NotAllowedError):
        begin(bench, Role.SHIFTER)
    with pytest.raises(DrillError, match="120 minutes at most"):
        begin(bench, lasts=timedelta(hours=3))
    number = begin(bench)
    with pytest.raises(DrillError, match="goes on"):
        begin(bench)
    bench.clock.sleep(LASTS.total_seconds() + 1)
    assert [one.id for one in drills.reveal_due(bench.store.database, bench.clock.now())] == [number]
    with pytest.raises(DrillError, match="over already"):
        drills.reveal(bench.store.database, number, bench.clock.now(), "twice")
    begin(bench)
