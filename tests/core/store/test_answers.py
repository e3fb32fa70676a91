"""Answers in the store: the newest on each thing counts; precision by model; labels with all that is known."""

from datetime import timedelta

import pytest

from core.precision import Precision
from core.store import Store
from core.store.answers import labels, on_alarm, precision
from core.store.views import Judgement, RegionDecision
from core.verdict import Model, Quality

from .conftest import NOW, RULE, a_verdict, an_arrival

J = Judgement


@pytest.fixture
def boards(store: Store) -> list[int]:
    """Three bad boards of one model, one of another."""
    other = a_verdict(Quality.BAD, model=Model("synthetic", "2"))
    batch = [an_arrival(Quality.BAD, f"b{i}", f"k{i}") for i in range(3)]
    store.record("flex", "inbox", [*batch, an_arrival(Quality.BAD, "b3", "k3", verdict=other)], RULE)
    return [number for i in range(4) if (number := store.find("flex", f"b{i}", f"k{i}")) is not None]


def test_the_newest_answer_on_each_thing_counts(store: Store, boards: list[int]) -> None:
    def say(board: int, judgement: Judgement, region: int | None = None, alarm: int | None = None) -> None:
        store.add_feedback(boards[board], "ana", NOW, judgement, region, alarm_id=alarm)

    say(0, J.RIGHT, 0)
    say(0, J.FALSE_ALARM, 0)  # changed her mind
    say(0, J.RIGHT, 1)
    say(1, J.KNOWN)
    say(1, J.WRONG_CAUSE)
    first = min(alarm.id for alarm in store.alarms())
    say(2, J.FALSE_ALARM, alarm=first)
    say(0, J.RIGHT, alarm=first)  # the same alarm, told by another of its observations
    say(3, J.RIGHT, 0)
    assert precision(store.database, "flex") == {
        Model("synthetic", "1"): Precision(right=2, wrong_cause=1, false_alarm=1),
        Model("synthetic", "2"): Precision(right=1),
    }
    assert precision(store.database, "its") == {}
    said = on_alarm(store.database, first)
    assert said is not None
    assert said[0] is J.RIGHT
    assert on_alarm(store.database, first + 1) is None


def test_labels_hold_what_was_shown_and_said(store: Store, boards: list[int]) -> None:
    store.decide(boards[0], "ana", NOW, [RegionDecision(1, J.WRONG_CAUSE, "dust", "tiny")], None)
    store.add_feedback(boards[1], "eva", NOW + timedelta(hours=1), J.FALSE_ALARM)
    region, whole = labels(store.database, "flex")
    assert (region.element, region.judgement, region.cause, region.comment) == ("b0", J.WRONG_CAUSE, "dust", "tiny")
    assert region.region is not None
    assert (region.region["x"], region.proposed, region.model) == (1, None, Model("synthetic", "1"))
    assert set(region.evidence) == {"thumbnail"}
    assert (whole.element, whole.region, whole.proposed, whole.quality) == ("b1", None, "scratch", Quality.BAD)
    assert [one.element for one in labels(store.database, "flex", NOW + timedelta(minutes=1))] == ["b1"]
