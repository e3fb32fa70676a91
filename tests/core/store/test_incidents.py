"""Incidents in the store: one alarm each, from observation to observation, whatever happens in between."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from core.alarms.events import AlarmAction, ChangeKind
from core.alarms.severity import Severity
from core.alarms.state import Phase
from core.contracts import AlarmRule, Incident, Settled
from core.observation import Observation
from core.store import Store, schema
from core.store.views import AlarmView
from core.verdict import Quality, unreadable

from .conftest import NOW, a_verdict, an_arrival

K = ChangeKind
RULE = AlarmRule(clear_count=3)


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def incident(
    places: str, kind: str = "place", quality: Quality = Quality.BAD, since: float = 0, **more: str
) -> Incident:
    element = more.get("element", places[:1])
    return Incident(
        kind, frozenset(places.split()), element, quality, later(since), more.get("cause"), f"wrong: {places}"
    )


def cycle(number: int, *incidents: Incident, quality: Quality | None = None) -> Settled:
    """The observation of one minute, with what is wrong in it."""
    judged = quality or (Quality.BAD if incidents else Quality.GOOD)
    verdict = unreadable("the run has just begun") if judged is Quality.NULL else a_verdict(judged, evidence={})
    at = later(number)
    observation = Observation("its", "ITS", f"run/{number}", at, "qcdb", "ab" * 32)
    arrival = an_arrival(ticket=f"t{number}").arrival
    return Settled(arrival, observation, verdict, at, incidents)


def take(store: Store, *cycles: Settled) -> list[ChangeKind]:
    return [change.kind for change in store.record("its", "qcdb", cycles, RULE)]


def by_element(store: Store, *, open_only: bool = True) -> dict[str, AlarmView]:
    return {alarm.element: alarm for alarm in store.alarms(open_only)}


def kinds(store: Store, alarm_id: int) -> list[ChangeKind]:
    detail = store.alarm(alarm_id)
    assert detail is not None
    return [event.kind for event in detail.events]


def test_an_incident_is_one_alarm_from_cycle_to_cycle_and_begins_when_it_says(store: Store) -> None:
    assert take(store, cycle(5, incident("a b", since=4, cause="dead chip"))) == [K.RAISED]
    assert take(store, cycle(6, incident("b c", since=4)), cycle(7, incident("c d", since=4))) == []
    (alarm,) = store.alarms()
    assert (alarm.element, alarm.kind, alarm.places, alarm.count) == ("a", "place", ("a", "b", "c", "d"), 3)
    assert (alarm.bad_since, alarm.raised_at, alarm.severity) == (later(4), later(5), Severity.MAJOR)
    assert (alarm.message, alarm.cause) == ("wrong: c d", None)
    assert alarm.observation_id == store.find("its", "ITS", "run/7")
    assert {view.alarm_id for view in store.observations("its")} == {alarm.id}


def test_each_incident_of_an_observation_is_an_alarm_and_its_verdict_belongs_to_the_worst(store: Store) -> None:
    worst, other = incident("x", "background", element="inner barrel A"), incident("a b")
    take(store, cycle(1, worst, other))
    found = by_element(store)
    assert set(found) == {"inner barrel A", "a"}
    assert store.observations("its")[0].alarm_id == found["inner barrel A"].id


def test_two_kinds_at_one_place_are_two_alarms(store: Store) -> None:
    take(store, cycle(1, incident("a"), incident("a", "background")))
    assert sorted((alarm.kind, alarm.element) for alarm in store.alarms()) == [("background", "a"), ("place", "a")]


def test_it_is_over_after_three_good_cycles_in_a_row(store: Store) -> None:
    take(store, cycle(0, incident("a")), cycle(1), cycle(2), cycle(3, incident("a")), cycle(4), cycle(5))
    (alarm,) = store.alarms()
    assert alarm.phase is Phase.UNACKNOWLEDGED
    assert take(store, cycle(6)) == [K.RECOVERED]
    (alarm,) = store.alarms()
    assert (alarm.phase, alarm.recovered_at) == (Phase.RECOVERED, later(6))
    assert take(store, cycle(7)) == []
    store.act(alarm.id, AlarmAction.ACKNOWLEDGE, "ana", "", later(8))
    assert store.alarms() == []
    assert take(store, cycle(9, incident("a", since=9))) == [K.RAISED]
    assert len(store.alarms(open_only=False)) == 2


def test_it_comes_again_as_the_same_alarm_while_nobody_has_seen_it(store: Store) -> None:
    take(store, cycle(0, incident("a")), cycle(1), cycle(2), cycle(3))
    assert take(store, cycle(9, incident("a b", since=9))) == [K.RELAPSED]
    (alarm,) = store.alarms()
    assert (alarm.bad_since, alarm.places) == (later(0), ("a", "b"))


def test_nothing_is_known_of_incidents_while_no_verdict_can_be_given(store: Store) -> None:
    take(store, cycle(0, incident("a")), cycle(1), cycle(2))
    assert take(store, *(cycle(number, quality=Quality.NULL) for number in range(3, 9))) == [K.RAISED]
    found = by_element(store)
    assert (found["ITS"].severity, found["ITS"].kind) == (Severity.INVALID, "")
    assert found["a"].phase is Phase.UNACKNOWLEDGED
    assert take(store, cycle(9)) == [K.RECOVERED], "only the incident had two good ones before"
    assert take(store, cycle(10), cycle(11)) == [K.RECOVERED]
    assert {alarm.phase for alarm in store.alarms()} == {Phase.RECOVERED}


def test_a_faint_one_begins_nothing_and_keeps_what_is_open(store: Store) -> None:
    faint = incident("a", quality=Quality.MEDIUM)
    assert take(store, cycle(0, faint, quality=Quality.MEDIUM)) == []
    assert store.alarms(open_only=False) == []
    take(store, cycle(1, incident("a b")))
    assert take(store, *(cycle(number, faint, quality=Quality.MEDIUM) for number in range(2, 9))) == []
    assert take(store, cycle(9), cycle(10), cycle(11)) == [K.RECOVERED]


def test_regions_that_grow_together_and_fall_apart_stay_two_alarms(store: Store) -> None:
    take(store, cycle(0, incident("a"), incident("c")))
    take(store, *(cycle(number, incident("a b c")) for number in range(1, 6)))
    take(store, cycle(6, incident("a"), incident("c")))
    assert {alarm.phase for alarm in store.alarms()} == {Phase.UNACKNOWLEDGED}
    assert set(by_element(store)) == {"a", "c"}


def test_a_bad_verdict_that_names_no_incident_is_an_alarm_of_the_element(store: Store) -> None:
    assert take(store, cycle(0, quality=Quality.BAD)) == [K.RAISED]
    assert set(by_element(store)) == {"ITS"}
    assert take(store, cycle(1, incident("a")), cycle(2, incident("a")), cycle(3, incident("a"))) == [
        K.RAISED,
        K.RECOVERED,
    ]


def test_pending_incidents_leave_nothing_behind(store: Store) -> None:
    rule = AlarmRule(count=2)
    store.record("its", "qcdb", [cycle(0, incident("a")), cycle(1)], rule)
    store.record("its", "qcdb", [cycle(2, incident("b"))], rule)
    assert store.alarms(open_only=False) == []
    store.record("its", "qcdb", [cycle(3)], rule)
    assert [view.alarm_id for view in store.observations("its")] == [None] * 4
    (change,) = store.record("its", "qcdb", [cycle(4, incident("b")), cycle(5, incident("b"))], rule)
    assert change.kind is K.RAISED


def test_a_shelved_incident_stays_shelved_when_it_comes_anew(store: Store) -> None:
    take(store, cycle(0, incident("a")))
    (alarm,) = store.alarms()
    store.act(alarm.id, AlarmAction.SHELVE, "ana", "being repaired", later(1), later(60))
    store.act(alarm.id, AlarmAction.ACKNOWLEDGE, "ana", "", later(1))
    take(store, cycle(2), cycle(3), cycle(4), cycle(5, incident("a", "background")), cycle(6, incident("a")))
    found = {alarm.kind: alarm.shelved_by for alarm in store.alarms()}
    assert found == {"place": "ana", "background": None}


def test_an_older_cycle_that_comes_late_ends_nothing(store: Store) -> None:
    take(store, cycle(10, incident("a", since=9)))
    take(store, cycle(1), cycle(2), cycle(3), cycle(4))
    assert store.alarms()[0].phase is Phase.UNACKNOWLEDGED
    take(store, cycle(5, incident("a", since=5)))
    assert store.alarms()[0].bad_since == later(5)


def test_the_same_cycles_again_change_nothing(store: Store) -> None:
    cycles = [cycle(0, incident("a")), cycle(1), cycle(2, incident("b"))]
    take(store, *cycles)
    before = [store.alarm(alarm.id) for alarm in store.alarms()]
    assert take(store, *cycles) == []
    assert take(store, *(replace(one, arrival=replace(one.arrival, ticket="other")) for one in cycles)) == []
    assert [store.alarm(alarm.id) for alarm in store.alarms()] == before


def test_one_batch_or_one_by_one_come_to_the_same(store: Store) -> None:
    cycles = [
        cycle(0, incident("a b", since=0)),
        cycle(1, incident("b", since=0), incident("x", "background", since=1)),
        cycle(2),
        cycle(3, quality=Quality.NULL),
        cycle(4, incident("x y", "background", since=1)),
        cycle(5),
        cycle(6),
    ]
    take(store, *cycles)
    together = [(a.element, a.phase, a.bad_since, a.count, kinds(store, a.id)) for a in store.alarms(open_only=False)]
    with Store.open(f"sqlite:///{store.artefacts.folder.parent / 'apart.db'}", store.artefacts.folder) as apart:
        apart.upgrade()
        for one in cycles:
            take(apart, one)
        assert together == [
            (a.element, a.phase, a.bad_since, a.count, kinds(apart, a.id)) for a in apart.alarms(open_only=False)
        ]


def test_hostile_names_are_kept_as_plain_ones_and_found_again(store: Store) -> None:
    odd = Incident("place", frozenset({"p\x00\udcff"}), "e" * 300 + "\x00", Quality.BAD, NOW, "c\x00", "m\udcff")
    take(store, cycle(0, odd), cycle(1, odd))
    (alarm,) = store.alarms()
    assert (alarm.count, alarm.places, alarm.cause) == (2, ("p\\x00\\udcff",), "c\\x00")


def test_going_back_a_release_closes_what_that_one_would_never_judge_again(store: Store) -> None:
    store.record("its", "qcdb", [cycle(0, incident("p"))], AlarmRule(count=2))
    take(store, cycle(1, incident("a"), incident("a", "background")), cycle(2, quality=Quality.NULL))
    open_before = {alarm.id for alarm in store.alarms()}
    schema.downgrade(store.database, "0001")
    with store.database.engine.connect() as connection:
        rows = connection.execute(text("SELECT element, closed_at IS NULL FROM alarm ORDER BY id")).all()
        assert [tuple(row) for row in rows] == [("a", False), ("a", False), ("ITS", True)]
    store.upgrade()
    assert {alarm.element for alarm in store.alarms()} == {"ITS"}
    closed = [alarm for alarm in store.alarms(open_only=False) if not alarm.is_open]
    assert {alarm.id for alarm in closed} < open_before
    assert {kinds(store, alarm.id)[-1] for alarm in closed} == {K.CLEARED}


def test_alarms_of_the_release_before_are_still_there_after_upgrading(store: Store, tmp_path: Path) -> None:
    schema.downgrade(store.database, "0001")
    with store.database.writing("flex") as session:
        session.execute(
            text(
                "INSERT INTO alarm (system, element, severity, current, message, bad_count, bad_since, raised_at) "
                "VALUES ('flex', 'board', 'MAJOR', 'MAJOR', 'BAD', 1, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
            )
        )
    store.upgrade()
    (alarm,) = store.alarms()
    assert (alarm.element, alarm.kind, alarm.places, alarm.cause) == ("board", "", (), None)
    store.record("flex", "inbox", [an_arrival(Quality.GOOD, "board", at=later(5000 * 365))], AlarmRule())
    assert store.alarms()[0].phase is Phase.RECOVERED
