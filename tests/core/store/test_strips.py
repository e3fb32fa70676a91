"""What strips are drawn from, on both databases: verdicts by five minutes, spans of alarms, how far apart data come."""

from datetime import datetime, timedelta

from sqlalchemy import text

from core.alarms.events import AlarmAction
from core.alarms.severity import Severity
from core.signs import CONSOLE, GUARD, MODEL, WATCH
from core.store import Store, drills, strips
from core.store.audit import Deed
from core.store.drill_models import DrillObservationRow
from core.store.drills import Asked
from core.store.strips import AlarmSpan, Period
from core.verdict import Quality

from .conftest import NOW, RULE, an_arrival


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def observe(store: Store, quality: Quality, minutes: float) -> None:
    """Observed then, judged half a minute later."""
    arrival = an_arrival(quality, "b", f"k{minutes}", at=at(minutes + 0.5), observed_at=at(minutes))
    store.record("flex", "inbox", [arrival], RULE)


def test_verdicts_are_counted_by_the_time_of_their_data(store: Store) -> None:
    for minutes, quality in ((0, Quality.GOOD), (4.9, Quality.GOOD), (4.95, Quality.BAD), (5, Quality.MEDIUM)):
        observe(store, quality, minutes)
    observe(store, Quality.NULL, 61)
    found = strips.periods(store.database, "flex", at(0), at(60))
    assert found == [Period(at(0), {Quality.GOOD: 2, Quality.BAD: 1}), Period(at(5), {Quality.MEDIUM: 1})]
    assert strips.periods(store.database, "flex", at(60), at(120)) == [Period(at(60), {Quality.NULL: 1})]
    assert strips.periods(store.database, "its", at(0), at(60)) == []


def test_spans_of_alarms_are_those_that_asked_somebody(store: Store) -> None:
    observe(store, Quality.BAD, 10)
    observe(store, Quality.GOOD, 20)
    store.condition("its", "watch", Severity.INVALID, at(30), "no sign of life")
    store.condition("its", "source qcdb", Severity.INVALID, at(40), "silent", holds_back=True)
    found = strips.alarm_spans(store.database, at(0))
    assert found["flex"] == [AlarmSpan(at(10), at(20.5), Severity.MAJOR, unknown=False)]
    assert found["its"] == [
        AlarmSpan(at(30), None, Severity.INVALID, unknown=True),
        AlarmSpan(at(40), None, Severity.INVALID, unknown=True),
    ]
    assert "flex" not in strips.alarm_spans(store.database, at(25))
    [alarm] = store.alarms(system="flex")
    store.act(alarm.id, AlarmAction.ACKNOWLEDGE, "ana", "", at(22))
    assert strips.alarm_spans(store.database, at(0))["flex"][0].ends == at(20.5)
    assert "flex" not in strips.alarm_spans(store.database, at(25))


def test_what_a_drill_altered_is_shown_until_it_is_over_and_then_as_it_was(store: Store) -> None:
    """Nobody may tell a drill while it goes on; afterwards the strip must not show a fault that never was."""
    asked = Asked("flex", "fault", "a fault", ("cause",), 1, timedelta(hours=1))
    number = drills.ask(store.database, asked, "eva", at(0), Deed(at(0), "eva", "expert", "test", "drill", ""))
    observe(store, Quality.GOOD, 5)
    observe(store, Quality.BAD, 10)
    [altered, _] = store.observations("flex", 2)
    with store.database.writing("flex") as session:
        session.add(DrillObservationRow(observation_id=altered.id, drill_id=number, quality=Quality.GOOD, verdict={}))
    drills.begun(store.database, number, "b", at(10))
    good, bad = Period(at(5), {Quality.GOOD: 1}), Period(at(10), {Quality.BAD: 1})
    assert strips.periods(store.database, "flex", at(0), at(60)) == [good, bad]
    assert [one.begins for one in strips.alarm_spans(store.database, at(0))["flex"]] == [at(10)]
    drills.reveal(store.database, number, at(20), "test")
    was = Period(at(10), {Quality.GOOD: 1})
    assert strips.periods(store.database, "flex", at(0), at(60)) == [good, was]
    assert strips.alarm_spans(store.database, at(0)) == {}


def test_how_far_apart_data_come_as_a_rule(store: Store) -> None:
    for number in range(3):
        observe(store, Quality.GOOD, number)
    assert store.overview(at(5))[0].usual_gap_s is None
    for number in (3, 4, 40, 41):
        observe(store, Quality.GOOD, number)
    [flex] = store.overview(at(45))
    assert (flex.usual_gap_s, flex.last_observed_at) == (60.0, at(41))


def test_the_console_itself_is_no_system(store: Store) -> None:
    store.heartbeat(CONSOLE, GUARD, NOW, ok=True)
    store.heartbeat("flex", MODEL, at(9), ok=False, detail="old")
    store.heartbeat("flex", WATCH, NOW, ok=True)
    [flex] = store.overview(at(10))
    assert flex.system == "flex"
    assert flex.heartbeat is not None
    assert (flex.heartbeat.at, flex.heartbeat.ok) == (NOW, True)
    model = flex.sign(MODEL)
    assert model is not None
    assert model.detail == "old"
    assert {beat.system for beat in store.heartbeats()} == {CONSOLE, "flex"}


def test_a_strip_reads_a_stretch_of_an_index(store: Store) -> None:
    if store.database.engine.dialect.name != "sqlite":
        return  # PostgreSQL plans by the size of the tables; benchmarks/console measures it
    query = (
        "EXPLAIN QUERY PLAN SELECT quality, count(*) FROM observation JOIN verdict ON observation_id = observation.id "
        "WHERE observation.system = 'flex' AND observed_at >= '2026' AND observed_at < '2027' GROUP BY quality"
    )
    with store.database.reading() as session:
        plan = " ".join(str(row[3]) for row in session.execute(text(query)))
    assert "ix_observation_system_observed_at (system=? AND observed_at>? AND observed_at<?)" in plan
    assert "SCAN" not in plan
