"""Intervals against the exact ones of scipy and what they must hold for; precision from answers."""

from math import isclose

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.intervals import count_interval, share_interval
from core.precision import Precision


@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from((0.68, 0.9, 0.95)))
def test_the_interval_of_a_share_is_wilsons(count: int, rest: int, confidence: float) -> None:
    total = count + rest
    low, high = share_interval(count, total, confidence)
    assert 0 <= low <= high <= 1
    if total:
        exact = stats.binomtest(count, total).proportion_ci(confidence, method="wilson")
        assert isclose(low, exact.low, abs_tol=1e-9)
        assert isclose(high, exact.high, abs_tol=1e-9)
        assert low - 1e-9 <= count / total <= high + 1e-9


def test_nothing_seen_says_nothing() -> None:
    assert share_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="no share"):
        share_interval(3, 2)
    with pytest.raises(ValueError, match="no count"):
        count_interval(-1)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 10, 30, 100, 1000])
def test_the_interval_of_a_count_is_close_to_the_exact_one(count: int) -> None:
    low, high = count_interval(count)
    exact_low = stats.chi2.ppf(0.05, 2 * count) / 2 if count else 0.0
    exact_high = stats.chi2.ppf(0.95, 2 * count + 2) / 2
    assert low == pytest.approx(exact_low, rel=0.01, abs=0.012)
    assert high == pytest.approx(exact_high, rel=0.01)


def test_wilson_covers_what_it_promises_on_average() -> None:
    rng = np.random.default_rng(3)
    truth = rng.uniform(0.02, 0.98, 4000)
    counts = rng.binomial(25, truth)
    covered = [low <= share <= high for share, (low, high) in zip(truth, map(_of_25, counts), strict=True)]
    assert 0.88 < np.mean(covered) < 0.93


def _of_25(count: int) -> tuple[float, float]:
    return share_interval(int(count), 25)


def test_precision_counts_what_was_there() -> None:
    one = Precision(right=6, known=1, wrong_cause=2, false_alarm=3)
    assert (one.real, one.answered, one.share, one.cause_share) == (9, 12, 0.75, 0.75)
    assert one.interval() == share_interval(9, 12)
    assert one.cause_interval() == share_interval(6, 8)
    assert (Precision().share, Precision().cause_share, Precision().interval()) == (None, None, (0.0, 1.0))
