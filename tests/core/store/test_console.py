"""Circumstances, guidance, notices, past alarms and people at the same time, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core.alarms.events import AlarmAction, ChangeKind
from core.alarms.severity import Severity
from core.clock import ManualClock
from core.contracts import AlarmRule, Arrival, Circumstance, Incident, Settled
from core.desk import Desk, Person, Way
from core.errors import AlarmError, StoreError
from core.observation import Observation
from core.roles import Role
from core.store import Store, schema
from core.store.guidance_log import Guidance
from core.store.views import Judgement
from core.verdict import Quality

from .conftest import NOW, a_verdict

RULE = AlarmRule()
NO_BEAM = Circumstance("no beam", "no beam (cosmics)", frozenset({"background", ""}))
RAMP = Circumstance("ramp", "the beams are ramped")


def cycle(
    store: Store,
    minutes: float,
    *incidents: Incident,
    standing: tuple[Circumstance, ...] | None = (),
    quality: Quality | None = None,
) -> None:
    at = NOW + timedelta(minutes=minutes)
    quality = quality or (Quality.BAD if incidents else Quality.GOOD)
    seen = Observation(
        system="its", element="ITS", key=f"c{minutes}", observed_at=at, origin="qcdb", sha256="a" * 64, conditions={}
    )
    told = None if quality is Quality.NULL else incidents
    verdict = a_verdict(quality, evidence={})
    store.record("its", "qcdb", [Settled(Arrival(f"t{minutes}", "qcdb"), seen, verdict, at, told, standing)], RULE)


def incident(kind: str = "place", element: str = "L3_07", cause: str = "dead lane", *places: str) -> Incident:
    return Incident(kind, frozenset(places or [element]), element, Quality.BAD, NOW, cause, f"{cause} at {element}")


def held(store: Store) -> dict[str, str | None]:
    return {view.kind or view.element: view.inhibited_by for view in store.alarms()}


def expert(store: Store, name: str = "Eva", minutes: float = 0) -> Desk:
    return Desk(store, Person(name, Role.EXPERT, Way.PAGE), ManualClock(NOW + timedelta(minutes=minutes)))


def test_no_beam_holds_back_background_and_what_cannot_be_judged_until_there_is_beam(store: Store) -> None:
    cycle(store, 0, incident("background", "side A"), incident("place"))
    cycle(store, 1, incident("place"), standing=(NO_BEAM,), quality=Quality.NULL)
    assert held(store) == {"background": NO_BEAM.reason, "place": None, "ITS": NO_BEAM.reason}
    [state] = store.overview(NOW)
    assert (sum(state.open_alarms.values()), state.inhibited) == (1, 2)
    cycle(store, 2, incident("background", "side A"), incident("place"))
    assert held(store) == {"background": None, "place": None, "ITS": None}
    [background] = [view for view in store.alarms() if view.kind == "background"]
    detail = store.alarm(background.id)
    assert detail is not None
    kinds = [event.kind for event in detail.events]
    assert kinds == [ChangeKind.RAISED, ChangeKind.INHIBITED, ChangeKind.RELEASED]
    assert detail.view.asked_at == NOW + timedelta(minutes=2)


def test_an_observation_that_is_set_apart_says_nothing_good_or_bad(store: Store) -> None:
    cycle(store, 0, incident("place"))
    cycle(store, 1, standing=(RAMP,))
    [view] = store.alarms()
    assert (view.current, view.inhibited_by) == (Severity.MAJOR, RAMP.reason)
    cycle(store, 2, incident("background", "side A"), standing=(RAMP,))
    assert len(store.alarms()) == 1
    cycle(store, 3)
    [view] = store.alarms()
    assert (view.current, view.inhibited_by) == (Severity.OK, None)


def test_an_older_cycle_that_comes_late_has_no_say(store: Store) -> None:
    cycle(store, 0, incident("background", "side A"))
    cycle(store, 5, standing=(NO_BEAM,))
    cycle(store, 3, standing=())
    assert held(store) == {"background": NO_BEAM.reason}
    cycle(store, 6, standing=None)
    assert held(store) == {"background": NO_BEAM.reason}


def test_a_silent_source_keeps_real_alarms_and_holds_back_the_rest(store: Store) -> None:
    cycle(store, 0, incident("place"))
    cycle(store, 1, incident("place"), quality=Quality.NULL)
    at = NOW + timedelta(minutes=2)
    store.condition("its", "source qcdb", Severity.INVALID, at, "nothing came", holds_back=True)
    assert held(store) == {"place": None, "ITS": "nothing came", "source qcdb": None}
    store.condition("its", "source qcdb", Severity.OK, at, "arrivals again", holds_back=True)
    assert held(store) == {"place": None, "ITS": None, "source qcdb": None}


def test_an_alarm_that_needs_no_action_is_a_notice_and_ends_by_itself(store: Store) -> None:
    cycle(store, 0, incident(cause="hot pixel"))
    expert(store).write_guidance("its", "hot pixel", Guidance("nothing to do", needs_action=False), "never anything")
    [view] = store.alarms()
    assert (view.is_notice, view.needs_person(NOW)) == (True, False)
    assert store.overview(NOW)[0].notices == 1
    store.tick(NOW + timedelta(hours=2), {})
    assert store.alarms()[0].overdue_at is None
    cycle(store, 1)
    assert not store.alarms()
    cycle(store, 2, incident(cause="hot pixel"))
    assert store.alarms()[0].is_notice
    expert(store).write_guidance("its", "hot pixel", Guidance("mask it", respond_min=5), "too many now")
    assert not store.alarms()[0].is_notice
    store.tick(NOW + timedelta(minutes=8), {})
    assert store.alarms()[0].overdue_at is not None


def test_a_notice_that_is_over_ends_when_it_becomes_one(store: Store) -> None:
    cycle(store, 0, incident(cause="hot pixel"))
    cycle(store, 1)
    assert store.alarms()[0].recovered_at is not None
    expert(store).write_guidance("its", "hot pixel", Guidance("nothing", needs_action=False), "never anything")
    assert not store.alarms()


def test_every_version_of_guidance_is_kept(store: Store) -> None:
    for number in (1, 2):
        expert(store).write_guidance("its", "dead lane", Guidance(f"text {number}", "1655"), f"reason {number}")
    newest, first = store.guidance("its", "dead lane")
    assert (newest.version, newest.text, newest.reason, newest.contact) == (2, "text 2", "reason 2", "1655")
    assert first.text == "text 1"
    assert not store.guidance("flex", "dead lane")


@pytest.mark.parametrize(
    ("said", "reason"),
    [(Guidance(" "), "r"), (Guidance("x" * 2001), "r"), (Guidance("t"), " "), (Guidance("t", respond_min=0.0), "r")],
)
def test_guidance_that_says_nothing_is_refused(store: Store, said: Guidance, reason: str) -> None:
    with pytest.raises(StoreError, match="guidance for its, x"):
        expert(store).write_guidance("its", "x", said, reason)
    assert not store.guidance("its", "x")
    assert not store.trail()


@pytest.mark.parametrize("table", ["guidance", "audit"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET author = 'forged'", "DELETE FROM {}"])
def test_guidance_and_trail_cannot_be_changed(store: Store, table: str, statement: str) -> None:
    expert(store).write_guidance("its", "x", Guidance("t"), "r")
    with (
        store.database.engine.connect() as connection,
        pytest.raises(SQLAlchemyError, match=f"{table} is append-only"),
    ):
        connection.execute(text(statement.format(table)))


def test_past_alarms_that_were_alike_and_what_they_turned_out_to_be(store: Store) -> None:
    for number, (element, cause) in enumerate(
        [("L3_07", "dead lane"), ("L3_07", "noisy chip"), ("L0_01", "dead lane"), ("L5_05", "dead chip")]
    ):
        cycle(store, 10 * number, incident("place", element, cause))
        cycle(store, 10 * number + 1)
        [view] = store.alarms()
        desk = expert(store, "Ana", 10 * number + 2)
        assert view.observation_id is not None
        desk.say(view.observation_id, Judgement.KNOWN if number else Judgement.RIGHT, alarm_id=view.id)
        desk.act(view.id, AlarmAction.ACKNOWLEDGE, f"note {number}")
    cycle(store, 100, incident("place", "L3_07", "dead lane"))
    past = store.similar_alarms(store.alarms()[0].id)
    assert [(one.view.element, one.view.cause) for one in past] == [
        ("L3_07", "dead lane"),
        ("L3_07", "noisy chip"),
        ("L0_01", "dead lane"),
    ]
    assert past[0].said == {Judgement.RIGHT: 1}
    assert past[0].note == "note 0"
    assert not store.similar_alarms(10_000)


def test_of_people_who_acknowledge_at_once_one_does_and_the_others_learn_who(store: Store) -> None:
    url = store.database.engine.url.render_as_string(hide_password=False)
    for minute in range(5):
        cycle(store, minute, incident("place", f"L{minute}_01"))
        number, start = store.alarms()[0].id, Barrier(4)

        def acknowledge(name: str, number: int = number, start: Barrier = start) -> str:
            with Store.open(url, store.artefacts.folder) as own:
                start.wait()
                try:
                    expert(own, name).act(number, AlarmAction.ACKNOWLEDGE, f"by {name}")
                except AlarmError as error:
                    return str(error)
                return "done"

        with ThreadPoolExecutor(4) as pool:
            said = list(pool.map(acknowledge, ["Ana", "Ben", "Eva", "Ida"]))
        assert said.count("done") == 1, said
        detail = store.alarm(number)
        assert detail is not None
        lines = [event for event in detail.events if event.kind is ChangeKind.ACKNOWLEDGED]
        assert [line.author for line in lines] == [detail.view.acknowledged_by]
        assert sum(f"by {detail.view.acknowledged_by}" in text for text in said) == 3
    assert len([line for line in store.trail() if line.deed == "acknowledge"]) == 5


def test_going_back_a_release_keeps_the_history_in_words_that_it_knows(store: Store) -> None:
    cycle(store, 0, incident("background", "side A"))
    cycle(store, 1, standing=(NO_BEAM,))
    schema.downgrade(store.database, "0002")
    with store.database.engine.connect() as connection:
        rows = connection.execute(text("SELECT kind, note FROM alarm_event ORDER BY id")).all()
        assert ("COMMENTED", f"inhibited: {NO_BEAM.reason}") in [tuple(row) for row in rows]
    with store.database.engine.connect() as connection, pytest.raises(SQLAlchemyError, match="append-only"):
        connection.execute(text("UPDATE alarm_event SET author = 'forged'"))
    store.upgrade()
    assert held(store) == {"background": None}
