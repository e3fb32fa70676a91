"""The course of one element, and what came before and after."""

from datetime import UTC, datetime, timedelta

from core.contracts import AlarmRule, Arrival, Settled
from core.observation import Observation
from core.store import Store
from core.verdict import Evidence, Measurement, Quality, Verdict

START = datetime(2026, 5, 1, 6, 0, tzinfo=UTC)


def seen(number: int, element: str = "ITS") -> Settled:
    """Return a cycle that began ``number`` minutes after START."""
    at = START + timedelta(minutes=number)
    observation = Observation("its", element, f"1/{number}", at, "made up", f"{number:064d}", {"run": number // 10})
    verdict = Verdict(
        Quality.GOOD,
        score=float(number),
        threshold=5.0,
        measurements={"rate": Measurement(number, None, "Hz")},
        evidence={"cells": Evidence(b"%d" % number, "x"), "pull": Evidence(b"p", "image/png")},
    )
    return Settled(Arrival(f"{element}{number}", "made up"), observation, verdict, at)


def test_a_course_is_in_the_order_of_the_data_not_of_arrival(store: Store) -> None:
    store.record("its", "s", [seen(n) for n in (3, 1, 2, 11)] + [seen(2, "telescope")], AlarmRule())
    course = store.course("its", "ITS", START, START + timedelta(minutes=10), evidence="cells")
    assert [point.score for point in course] == [1, 2, 3]
    assert course[0].measurements["rate"].value == 1
    assert course[0].conditions["run"] == 0
    assert course[2].figures is not None
    assert store.artefacts.get(course[2].figures) == b"3"
    assert {point.figures for point in store.course("its", "ITS", START, START + timedelta(hours=1))} == {None}


def test_a_long_course_keeps_its_newest_part(store: Store) -> None:
    store.record("its", "s", [seen(n) for n in range(5)], AlarmRule())
    assert [point.score for point in store.course("its", "ITS", START, START + timedelta(hours=1), limit=2)] == [3, 4]


def test_neighbours_are_of_the_same_element_and_end_somewhere(store: Store) -> None:
    store.record("its", "s", [seen(2), seen(1), seen(3), seen(2, "telescope")], AlarmRule())
    second, first, third = (store.find("its", "ITS", f"1/{n}") for n in (2, 1, 3))
    assert second is not None
    assert first is not None
    assert third is not None
    assert store.neighbours(second) == (first, third)
    assert store.neighbours(first) == (None, second)
    assert store.neighbours(third) == (second, None)
    assert store.neighbours(999) == (None, None)
