"""Alarms in the store: state, history, what people do."""

from datetime import timedelta

import pytest

from core.alarms.events import AlarmAction, ChangeKind
from core.alarms.severity import Severity
from core.alarms.state import Phase
from core.contracts import AlarmRule
from core.errors import AlarmError
from core.store import Store
from core.verdict import Quality

from .conftest import NOW, RULE, an_arrival

K = ChangeKind


def later(minutes: float) -> object:
    return NOW + timedelta(minutes=minutes)


def take(store: Store, *qualities: Quality, start: int = 0, element: str = "board", rule: AlarmRule = RULE) -> list:
    batch = [
        an_arrival(quality, element, f"k{start + i}", at=NOW + timedelta(minutes=start + i))
        for i, quality in enumerate(qualities)
    ]
    return store.record("flex", "inbox", batch, rule)


def kinds(store: Store, alarm_id: int) -> list[ChangeKind]:
    detail = store.alarm(alarm_id)
    assert detail is not None
    return [event.kind for event in detail.events]


def test_a_bad_board_raises_an_alarm_that_links_to_it(store: Store) -> None:
    [change] = take(store, Quality.BAD)
    [alarm] = store.alarms()
    assert (change.kind, change.alarm_id, change.element) == (K.RAISED, alarm.id, "board")
    assert (alarm.system, alarm.element, alarm.severity, alarm.phase) == (
        "flex",
        "board",
        Severity.MAJOR,
        Phase.UNACKNOWLEDGED,
    )
    assert alarm.observation_id == change.observation_id == store.find("flex", "board", "k0")
    assert (alarm.raised_at, alarm.bad_since) == (NOW, NOW - timedelta(seconds=3))
    assert alarm.message == "BAD, score 7.5 against the threshold 6, 2 suspect regions, scratch (80%)"
    assert alarm.is_open


def test_one_alarm_per_element_with_a_count(store: Store) -> None:
    take(store, Quality.BAD, Quality.BAD)
    take(store, Quality.BAD, start=2)
    take(store, Quality.BAD, element="another")
    assert [(alarm.element, alarm.count) for alarm in store.alarms()] == [("another", 1), ("board", 3)]


def test_the_whole_life_of_an_alarm(store: Store) -> None:
    take(store, Quality.BAD)
    number = store.alarms()[0].id
    view = store.act(number, AlarmAction.ACKNOWLEDGE, "ana", "on it", later(1))  # type: ignore[arg-type]
    assert (view.phase, view.acknowledged_by, view.acknowledged_at) == (Phase.ACKNOWLEDGED, "ana", later(1))
    take(store, Quality.NULL, start=2)
    assert store.alarms()[0].phase is Phase.UNACKNOWLEDGED
    take(store, Quality.GOOD, start=3)
    view = store.act(number, AlarmAction.ACKNOWLEDGE, "eva", "seen", later(4))  # type: ignore[arg-type]
    assert (view.phase, view.closed_at, view.acknowledged_by) == (Phase.CLEARED, later(4), "eva")
    assert (view.severity, view.current, view.recovered_at) == (Severity.INVALID, Severity.OK, later(3))
    assert store.alarms() == []
    assert [alarm.id for alarm in store.alarms(open_only=False)] == [number]
    assert kinds(store, number) == [
        K.RAISED,
        K.ACKNOWLEDGED,
        K.ESCALATED,
        K.REOPENED,
        K.RECOVERED,
        K.ACKNOWLEDGED,
        K.CLEARED,
    ]
    take(store, Quality.BAD, start=9)
    assert store.alarms()[0].id != number, "bad again after closing is a new alarm"


def test_a_person_clears(store: Store) -> None:
    take(store, Quality.BAD)
    number = store.alarms()[0].id
    assert store.act(number, AlarmAction.CLEAR, "ana", "cleaned", NOW).phase is Phase.RECOVERED
    assert store.act(number, AlarmAction.ACKNOWLEDGE, "ana", "", NOW).phase is Phase.CLEARED


def test_refusals_change_nothing_and_name_the_alarm(store: Store) -> None:
    take(store, Quality.BAD)
    number = store.alarms()[0].id
    store.act(number, AlarmAction.ACKNOWLEDGE, "ana", "", NOW)
    before = store.alarm(number)
    with pytest.raises(AlarmError, match=rf"alarm {number} \(flex board\): .*already acknowledged by ana"):
        store.act(number, AlarmAction.ACKNOWLEDGE, "eva", "", NOW)
    with pytest.raises(AlarmError, match="time at which it returns"):
        store.act(number, AlarmAction.SHELVE, "eva", "noisy", NOW)
    with pytest.raises(AlarmError, match="there is no alarm 999"):
        store.act(999, AlarmAction.ACKNOWLEDGE, "eva", "", NOW)
    assert store.alarm(number) == before


def test_a_pending_alarm_is_no_alarm_yet(store: Store) -> None:
    take(store, Quality.BAD, rule=AlarmRule(count=2))
    assert store.alarms(open_only=False) == []
    assert store.overview(NOW)[0].open_alarms == {}
    for number in range(1, 4):
        assert store.alarm(number) is None
        with pytest.raises(AlarmError, match="there is no alarm"):
            store.act(number, AlarmAction.COMMENT, "ana", "hello", NOW)


def test_time_alone_raises_after_the_delay(store: Store) -> None:
    rule = AlarmRule(delay_s=600)
    take(store, Quality.BAD, rule=rule)
    assert store.tick(later(5), {"flex": rule}) == []  # type: ignore[arg-type]
    assert [change.kind for change in store.tick(later(10), {"flex": rule})] == [K.RAISED]  # type: ignore[arg-type]
    assert len(store.alarms()) == 1


def test_the_tick_of_another_system_raises_nothing_of_this_one(store: Store) -> None:
    take(store, Quality.BAD, rule=AlarmRule(count=3))
    assert store.tick(later(5), {"its": AlarmRule()}) == []  # type: ignore[arg-type]
    assert store.alarms() == []


def test_a_shelved_alarm_returns_by_itself(store: Store) -> None:
    take(store, Quality.BAD)
    number = store.alarms()[0].id
    view = store.act(number, AlarmAction.SHELVE, "ana", "known until cleaned", NOW, NOW + timedelta(hours=1))
    assert (view.shelved_by, view.shelved_reason) == ("ana", "known until cleaned")
    assert view.is_shelved(NOW)
    assert not view.is_shelved(NOW + timedelta(hours=1))
    state = store.overview(NOW)[0]
    assert (state.open_alarms, state.unacknowledged, state.shelved) == ({}, 0, 1)
    state = store.overview(NOW + timedelta(hours=1))[0]
    assert (state.open_alarms, state.unacknowledged, state.shelved) == ({Severity.MAJOR: 1}, 1, 0)
    assert store.tick(later(59)) == []  # type: ignore[arg-type]
    assert [change.kind for change in store.tick(later(60))] == [K.UNSHELVED]  # type: ignore[arg-type]
    assert store.alarms()[0].shelved_until is None


def test_a_shelf_outlives_its_alarm(store: Store) -> None:
    take(store, Quality.BAD)
    number = store.alarms()[0].id
    store.act(number, AlarmAction.SHELVE, "ana", "noisy", NOW, NOW + timedelta(hours=1))
    take(store, Quality.GOOD, start=1)
    store.act(number, AlarmAction.ACKNOWLEDGE, "ana", "", NOW)
    take(store, Quality.BAD, start=2)
    assert store.alarms()[0].shelved_by == "ana"
    store.act(store.alarms()[0].id, AlarmAction.CLEAR, "ana", "", NOW)
    store.act(store.alarms()[0].id, AlarmAction.ACKNOWLEDGE, "ana", "", NOW)
    take(store, Quality.BAD, start=90)
    assert store.alarms()[0].shelved_by is None


def test_comments_stay_possible_after_closing(store: Store) -> None:
    take(store, Quality.BAD)
    number = store.alarms()[0].id
    store.act(number, AlarmAction.CLEAR, "ana", "", NOW)
    closed = store.act(number, AlarmAction.ACKNOWLEDGE, "ana", "", NOW)
    assert store.act(number, AlarmAction.COMMENT, "eva", "it was dust", NOW) == closed
    assert kinds(store, number)[-1] is K.COMMENTED


def test_a_condition_that_is_no_observation(store: Store) -> None:
    [change] = store.condition("flex", "source inbox", Severity.UNDEFINED, NOW, "silent for 2 hours")
    assert (change.kind, change.severity, change.note) == (K.RAISED, Severity.UNDEFINED, "silent for 2 hours")
    assert store.condition("flex", "source inbox", Severity.UNDEFINED, NOW, "silent for 3 hours") == []
    assert store.alarms()[0].message == "silent for 3 hours"
    store.condition("flex", "source inbox", Severity.OK, NOW, "it talks again")
    assert store.alarms()[0].phase is Phase.RECOVERED


def test_pages_of_alarms_and_the_shift_log(store: Store) -> None:
    for i in range(7):
        take(store, Quality.BAD, start=i, element=f"b{i}")
    store.condition("its", "layer 3", Severity.MINOR, NOW, "warm")
    first = store.alarms(limit=3)
    second = store.alarms(limit=3, before_id=first[-1].id)
    third = store.alarms(limit=3, before_id=second[-1].id)
    seen = [alarm.element for alarm in (*first, *second, *third)]
    assert seen == ["layer 3", *(f"b{i}" for i in reversed(range(7)))]
    assert {alarm.system for alarm in store.alarms(system="flex")} == {"flex"}
    log = store.alarm_history(later(2), later(5))  # type: ignore[arg-type]
    assert [line.element for line in log] == ["b2", "b3", "b4"]
    assert store.alarm_history(NOW, later(60), system="its")[0].element == "layer 3"  # type: ignore[arg-type]


def test_the_lines_for_alarm_health_are_those_of_alarms_open_within_the_span(store: Store) -> None:
    take(store, Quality.BAD, Quality.GOOD, element="early")
    [early] = store.alarms()
    store.act(early.id, AlarmAction.ACKNOWLEDGE, "Anna", "", later(3))
    take(store, Quality.BAD, start=30, element="late")
    [late] = store.alarms()
    store.act(late.id, AlarmAction.COMMENT, "Anna", "a remark is no line", later(31))
    everything = store.alarm_lines(NOW, later(60))
    assert [(line.element, line.change, line.author) for line in everything] == [
        ("early", K.RAISED, ""),
        ("early", K.RECOVERED, ""),
        ("early", K.ACKNOWLEDGED, "Anna"),
        ("early", K.CLEARED, ""),
        ("late", K.RAISED, ""),
    ]
    assert {line.element for line in store.alarm_lines(later(10), later(60))} == {"late"}
    assert {line.element for line in store.alarm_lines(NOW, later(10))} == {"early"}
    assert all(line.severity is Severity.MAJOR and line.at.tzinfo for line in everything)
