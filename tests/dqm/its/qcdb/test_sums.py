"""What came between two versions, whatever they hold."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqm.its.histogram import Histogram
from dqm.its.objects import OBJECTS
from dqm.its.qcdb.sums import FellError, Sum, difference, general_occupancy, is_counts, only_grew, together, ways
from dqm.its.readout import general_bin
from tests.dqm.its.qcdb.tape import cycle

COUNTS = st.lists(st.integers(0, 2**40), min_size=6, max_size=6).map(lambda counts: np.array(counts, float))


@settings(max_examples=60, deadline=None)
@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_what_was_added_comes_back(one: Any, more: Any, frames: Any, more_frames: Any) -> None:
    first, second = Sum(one, frames), Sum(more, more_frames)
    back = first.plus(second).minus(first)
    np.testing.assert_array_equal(back.numerator, more)
    np.testing.assert_array_equal(back.denominator, more_frames)
    assert np.isfinite(back.values).all()
    assert (back.values >= 0).all()
    np.testing.assert_array_equal(Sum(one).plus(Sum(more)).minus(Sum(one)).values, more)


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.integers(0, 5), st.integers(1, 2**20))
def test_nothing_ever_gets_less_silently(counts: Any, where: int, fell: int) -> None:
    later = counts.copy()
    counts[where] += fell
    if later[where] < counts[where] * (1 - 1e-6):
        with pytest.raises(FellError, match="1 of 6 bins fell"):
            Sum(later).minus(Sum(counts))
    else:  # within rounding of single precision
        assert (Sum(later).minus(Sum(counts)).values >= 0).all()


@pytest.mark.parametrize("share", [0.2, 0.8, 1.0, 1.3, 5.0], ids=str)
def test_counts_taken_anew_are_not_taken_for_a_sum(share: float) -> None:
    """Cycles of other length or luminosity; a short first one may be exceeded in every bin, which tells nothing."""
    rng = np.random.default_rng(3)
    shape = rng.gamma(1.0, 30.0, 2000)
    one, two = rng.poisson(shape).astype(float), rng.poisson(share * shape).astype(float)
    assert not only_grew(two, one)
    assert only_grew(one + two, one) is True
    assert only_grew(np.full(3, 50.0), np.full(3, 1.0)) is None
    assert only_grew(two, np.zeros(2000)) is None
    assert only_grew(one, one) is None


def test_rounding_of_single_precision_is_no_fall() -> None:
    before = np.float32(np.random.default_rng(1).random(1000)).astype(float)
    after = before * (1 - 6e-8)
    assert (Sum(after).minus(Sum(before)).values == 0).all()


def test_a_denominator_that_never_changes_is_a_constant() -> None:
    one = Sum(np.array([4.0, 8.0]), np.array(2.0))
    two = Sum(np.array([6.0, 8.0]), np.array(2.0))
    np.testing.assert_array_equal(two.minus(one).values, [1.0, 0.0])


def test_no_new_frames_give_an_empty_map() -> None:
    one = Sum(np.array([4.0, 8.0]), np.array(2.0))
    np.testing.assert_array_equal(one.minus(one).values, [0.0, 0.0])


def test_every_object_has_a_way_but_the_maximum() -> None:
    assert [payload for payload in OBJECTS if not ways(payload)] == ["general_occupancy"]
    counts = [payload for payload in OBJECTS if is_counts(payload)]
    assert len(counts) == 7 + 3 + 1 + 1 + 2
    assert all(not OBJECTS[payload].class_name.endswith("Ratio") for payload in counts)


@pytest.mark.parametrize(
    ("payload", "how", "also"),
    [
        ("cluster_occupation_L4", "ROFs in bc_clusters", ["bc_clusters"]),
        ("cluster_size_L4", "clusters of the occupation", ["bc_clusters", "cluster_occupation_L4"]),
        ("angular", "vertices in vertex_z", ["vertex_z"]),
        ("track_clusters", "vertices in vertex_z", ["vertex_z"]),
        ("hit_occupancy_L0", "time", []),
        ("cluster_occupation_L4", "time", []),
    ],
)
def test_plain_averages_are_weighed_with_what_goes_with_them(payload: str, how: str, also: list[str]) -> None:
    """The average of two cycles is cut into the two again."""
    one, two = cycle(1).histograms, cycle(2).histograms
    others = {name: one[name] for name in also}
    ours, theirs = one[payload], two[payload]
    weigh = ways(payload)[how]
    first, second = weigh(ours, others, 180.0), weigh(theirs, {name: two[name] for name in also}, 180.0)
    assert first is not None
    assert second is not None
    total = first.plus(second)
    held = {name: _plus(one[name], two[name]) for name in also}
    if "cluster_occupation_L4" in held:
        frames = [each["bc_clusters"].values.sum() for each in (one, two)]
        maps = [each["cluster_occupation_L4"].values for each in (one, two)]
        held["cluster_occupation_L4"] = _with(ours, np.average(maps, axis=0, weights=frames))
    result = difference(payload, (_with(theirs, total.values), held, 360.0), (ours, others, 180.0))
    assert result is not None
    assert result.how == how
    np.testing.assert_allclose(result.values, theirs.values, rtol=1e-9, atol=1e-12)


def test_an_average_without_any_weight_is_not_subtracted() -> None:
    found = [cycle(number).histograms["hit_occupancy_L0"] for number in (1, 2)]
    assert difference("hit_occupancy_L0", (found[1], {}, 0.0), (found[0], {}, 0.0)) is None


def test_an_average_that_stands_still_is_not_taken_for_new_data() -> None:
    found = cycle(1).histograms["hit_occupancy_L0"]
    assert difference("hit_occupancy_L0", (found, {}, 360.0), (found, {}, 180.0)) is None


def test_entries_that_fell_are_a_new_start() -> None:
    one, two = (cycle(number).histograms["hit_occupancy_L0"] for number in (1, 2))
    later, earlier = (_with(two, two.values, 5.0), {}, 360.0), (_with(one, one.values, 9.0), {}, 180.0)
    with pytest.raises(FellError, match="entries fell"):
        difference("hit_occupancy_L0", later, earlier)


def test_the_general_occupancy_is_the_largest_of_each_stave() -> None:
    maps = {f"cluster_occupation_L{n}": cycle(1).histograms[f"cluster_occupation_L{n}"].values for n in range(7)}
    made = general_occupancy(maps)
    assert made is not None
    assert made[general_bin(4, 17)] == maps["cluster_occupation_L4"][:, 17].max()
    assert np.count_nonzero(made) == 192
    assert general_occupancy({name: maps[name] for name in list(maps)[:6]}) is None


def test_a_maximum_is_no_sum() -> None:
    assert together("general_occupancy", [(cycle(1).histograms["general_occupancy"], {}, 180.0)]) is None


def _with(like: Histogram, values: Any, entries: float = 0.0) -> Histogram:
    return Histogram(like.name, like.class_name, np.asarray(values), like.edges, like.labels, like.axis_titles, entries)


def _plus(one: Histogram, two: Histogram) -> Histogram:
    return _with(one, one.values + two.values)
