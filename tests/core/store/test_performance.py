"""What a model gave of late, on both databases."""

from datetime import timedelta

from core.alarms.severity import Severity
from core.store import Store, performance, shadows
from core.store.performance import Raised
from core.store.shadows import Shadowed
from core.store.views import Judgement
from core.verdict import Model, Quality

from .conftest import NOW, RULE, a_verdict, an_arrival

OURS, OTHER = Model("synthetic", "1"), Model("synthetic", "2")


def later(minutes: float) -> object:
    return NOW + timedelta(minutes=minutes)


def fill(store: Store) -> None:
    batch = [
        an_arrival(Quality.BAD if number == 4 else Quality.GOOD, "b", f"k{number}", at=later(5 * number))  # type: ignore[arg-type]
        for number in range(8)
    ]
    other = a_verdict(Quality.GOOD, model=OTHER)
    store.record("flex", "inbox", [*batch, an_arrival(element="b", key="o", at=later(60), verdict=other)], RULE)  # type: ignore[arg-type]
    store.condition("flex", "watch", Severity.INVALID, NOW, "silent")


def test_the_newest_and_the_first_verdicts_of_a_model(store: Store) -> None:
    fill(store)
    late = performance.newest(store.database, "flex", OURS, 3)
    assert [one.observed_at for one in late] == [later(5 * number) for number in (5, 6, 7)]
    assert late[0].values == {"registration_residual": 0.4}
    early = performance.earliest(store.database, "flex", OURS, 2, NOW + timedelta(minutes=4))
    assert [one.observed_at for one in early] == [later(5), later(10)]
    assert performance.observed(store.database, "flex", NOW) == (9, 5)
    assert performance.observed(store.database, "its", NOW) == (0, 0)


def test_alarms_by_what_was_said_of_them(store: Store) -> None:
    fill(store)
    assert performance.raised(store.database, "flex", OURS, NOW) == Raised({None: 1})
    alarm = next(one for one in store.alarms() if one.element == "b")
    assert alarm.observation_id is not None
    for said in (Judgement.RIGHT, Judgement.FALSE_ALARM):
        store.add_feedback(alarm.observation_id, "ana", NOW, said, alarm_id=alarm.id)
    assert performance.raised(store.database, "flex", OURS, NOW) == Raised({Judgement.FALSE_ALARM: 1})
    assert performance.raised(store.database, "flex", OTHER, NOW).total == 0
    assert performance.raised(store.database, "flex", OURS, NOW + timedelta(hours=1)).total == 0


def test_shadow_verdicts_beside_those_in_charge(store: Store) -> None:
    fill(store)
    said = [Shadowed("b", f"k{n}", a_verdict(Quality.BAD, score=9.0), NOW, 0.5) for n in (3, 4, 99)]
    assert shadows.record(store.database, "flex", OTHER, said) == 2
    assert shadows.record(store.database, "flex", OTHER, said[:1]) == 1
    store.add_feedback(store.find("flex", "b", "k4") or 0, "ana", NOW, Judgement.KNOWN)
    newest, before = shadows.pairs(store.database, "flex", OTHER, 10)
    assert (newest.quality, newest.other_quality, newest.other_score, newest.said) == (
        Quality.BAD,
        Quality.BAD,
        9.0,
        Judgement.KNOWN,
    )
    assert (before.quality, before.other_quality, before.said) == (Quality.GOOD, Quality.BAD, None)
    span = (NOW + timedelta(minutes=18), NOW + timedelta(hours=1))
    assert [one.observation_id for one in shadows.pairs(store.database, "flex", OTHER, 10, *span)] == [
        newest.observation_id
    ]
