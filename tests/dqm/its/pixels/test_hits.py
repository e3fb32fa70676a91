"""Hits of a run: order, repetitions, and everything that cannot be."""

from datetime import UTC, datetime

import numpy as np
import pytest

from core.errors import InputError
from dqm.its.pixels.hits import MAX_HITS, checked, from_observation, to_observation

GOOD = {
    "event": np.array([5, 2, 5, 5]),
    "plane": np.array([1, 0, 0, 1], dtype=np.uint8),
    "column": np.array([9, 1023, 3, 9], dtype=np.uint16),
    "row": np.array([8, 511, 4, 8], dtype=np.int16),
}


def test_hits_are_ordered_and_each_is_there_once():
    hits = checked(7, 2, GOOD, "run")
    assert hits.plane.tolist() == [0, 0, 1]
    assert hits.event.tolist() == [2, 5, 5]
    assert hits.column.tolist() == [1023, 3, 9]
    assert hits.row.tolist() == [511, 4, 8]
    assert hits.planes == (0, 1)


@pytest.mark.parametrize(
    ("name", "array", "reason"),
    [
        ("event", None, "no array called event"),
        ("event", np.array([-1, 0, 0, 0]), "from -1"),
        ("event", np.array([2**63, 0, 0, 0], dtype=np.uint64), "from 0 to 9223372036854775808"),
        ("plane", np.array([0, 0, 0, 24120]), "to 24120"),
        ("column", np.array([0, 0, 0, 1024]), "to 1024"),
        ("row", np.array([0, 0, 0, 512]), "to 512"),
        ("row", np.array([0, 0, 0]), "row 3"),
        ("row", np.array([0.0, 1.0, np.nan, 0.0]), "float64"),
        ("row", np.array([True, False, True, True]), "bool"),
        ("column", np.zeros((2, 2), dtype=int), "shape (2, 2)"),
        ("column", np.zeros(MAX_HITS + 1, dtype=np.uint16), "more than 1000000"),
    ],
)
def test_impossible_arrays_are_refused(name, array, reason):
    arrays = {key: value for key, value in {**GOOD, name: array}.items() if value is not None}
    with pytest.raises(InputError, match="somewhere: ") as raised:
        checked(7, 2, arrays, "somewhere")
    assert reason in raised.value.reason


@pytest.mark.parametrize(
    ("run", "events", "reason"), [(-1, 2, "run -1"), (1, -5, "events -5"), (1, 1, "2 events of 1")]
)
def test_impossible_numbers_are_refused(run, events, reason):
    with pytest.raises(InputError, match=reason):
        checked(run, events, GOOD, "somewhere")


def test_observation_and_back():
    hits = checked(7, 3, GOOD, "run")
    observation = to_observation(hits, datetime(2026, 5, 1, tzinfo=UTC), "file", "0" * 64, "beam telescope")
    assert observation.identity == ("its", "beam telescope", "run 7")
    back = from_observation(observation)
    assert (back.run, back.events) == (7, 3)
    assert all(np.array_equal(getattr(back, name), getattr(hits, name)) for name in GOOD)
