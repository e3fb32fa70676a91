"""Alarms and the level that a budget allows, against counting by hand and by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.its.alarms import auc, count_alarms, level_for

RUNS = st.lists(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, -np.inf]), min_size=1, max_size=25), min_size=1, max_size=4
)


def test_near_cycles_are_one_alarm():
    assert count_alarms(np.array([1, 0, 0, 1, 0, 0, 0, 1, 1], bool)) == 2
    assert count_alarms(np.zeros(5, bool)) == 0
    assert count_alarms(np.ones(5, bool)) == 1


def test_level_leaves_the_allowed_alarms():
    run = np.array([0.1, 9.0, 0.2, 0.3, 0.1, 0.2, 7.0, 8.0, 0.1, 0.1, 0.1, 6.0])
    assert level_for([run], 1) == 8.0  # 9 alone; with 8 there would be two
    assert level_for([run], 2) == 6.0  # 7 belongs to 8
    assert level_for([run], 0) == 9.0


def test_two_alarms_may_grow_together():
    run = np.array([5.0, 1.0, 1.0, 4.0, 1.0, 1.0, 1.0, 5.0])
    assert level_for([run], 2) == -np.inf  # lower, the three become one alarm
    assert count_alarms(run > 4.5) == 2
    assert count_alarms(run > 0.5) == 1


def test_runs_do_not_grow_together():
    assert level_for([np.array([3.0]), np.array([2.0])], 1) == 2.0


@settings(max_examples=200, deadline=None)
@given(RUNS, st.integers(0, 4))
def test_level_is_the_lowest_that_never_breaks_the_budget(runs, allowed):
    scores = [np.array(run) for run in runs]

    def alarms(level: float) -> int:
        return sum(count_alarms(run >= level) for run in scores)

    heights = sorted({score for run in runs for score in run if np.isfinite(score)}, reverse=True)
    expected = next((height for height in heights if alarms(height) > allowed), -np.inf)
    assert level_for(scores, allowed) == expected


def test_auc_counts_ties_half():
    assert auc(np.array([0.0, 1.0]), np.array([1.0, 2.0])) == pytest.approx((0.5 + 1 + 1 + 1) / 4)
    assert np.isnan(auc(np.array([]), np.array([1.0])))
