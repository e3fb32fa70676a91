"""Tails and words of chance: against scipy and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.coincidence import chance
from core.coincidence.conditioning import normal_quantile, normal_scores


def test_normal_scores_are_quantiles_at_ranks_with_ties_shared_and_gaps_kept() -> None:
    share = np.concatenate([np.logspace(-9, -0.31, 60), 1 - np.logspace(-9, -0.31, 60)])
    assert normal_quantile(share) == pytest.approx(stats.norm.ppf(share), rel=1e-7, abs=1e-8)
    found = normal_scores(np.array([5.0, np.nan, 7.0, 5.0, 100.0]))
    assert np.isnan(found[1])
    assert found[0] == found[3] < found[2] < found[4]
    assert found[[2, 4]] == pytest.approx(stats.norm.ppf([(3 - 0.375) / 4.25, (4 - 0.375) / 4.25]), rel=1e-6)


@given(st.floats(1e-9, 0.5), st.integers(1, 200))
def test_more_looks_are_more_chance(p_value: float, looks: int) -> None:
    assert chance.per_shift(p_value, looks) == pytest.approx(2 * looks * p_value)


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (1 / 213, "once in 210 shifts"),
        (1 / 20, "once in 20 shifts"),
        (1 / 7, "once in 7 shifts"),
        (1.4, "1.4 times a shift"),
        (1e-9, "less than once in 1000 shifts"),
        (0.0, "less than once in 1000 shifts"),
    ],
)
def test_chance_is_told_as_shifts(expected: float, words: str) -> None:
    assert chance.told(expected) == words
