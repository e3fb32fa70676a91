"""Drift, calibration and comparison: against scipy, against what must hold, against small cases by hand."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core import calibration, comparison, drift
from core.calibration import FalseAlarms
from core.comparison import mcnemar
from core.drift import Change
from core.store.shadows import Pair
from core.store.views import Judgement
from core.verdict import Quality

SAMPLES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60)


@pytest.mark.filterwarnings("ignore:ks_2samp")  # of the chance, which is not asked for
@given(SAMPLES, SAMPLES)
def test_the_distance_is_that_of_kolmogorov_and_smirnov(first: list[float], second: list[float]) -> None:
    assert drift.ks_distance(first, second) == pytest.approx(stats.ks_2samp(first, second).statistic)


@given(SAMPLES, SAMPLES)
def test_the_index_is_finite_and_not_negative(first: list[float], second: list[float]) -> None:
    found = drift.psi(first, second)
    assert 0 <= found < 100
    assert drift.psi(first, first) == pytest.approx(0)


def test_the_index_of_alike_samples_is_as_expected() -> None:
    rng = np.random.default_rng(1)
    found = [drift.psi(rng.normal(size=800), rng.normal(size=500)) for _ in range(300)]
    assert np.mean(found) == pytest.approx(drift.expected_psi(800, 500), rel=0.15)


def test_what_moved_is_told_and_what_did_not_is_not() -> None:
    rng = np.random.default_rng(2)
    before = rng.normal(size=1000)
    assert drift.compare("score", before, rng.normal(size=1000)).change is Change.ALIKE
    assert drift.compare("score", before, rng.normal(0.4, size=1000)).change is Change.LOOK
    moved = drift.compare("score", before, rng.normal(1.0, size=1000))
    assert moved.change is Change.CHANGED
    assert (moved.before, moved.now) == (pytest.approx(0, abs=0.1), pytest.approx(1, abs=0.1))
    assert moved.ks == pytest.approx(0.38, abs=0.05)
    wrong = [drift.compare("s", rng.normal(size=300), rng.normal(size=300)).change for _ in range(200)]
    assert sum(one is not Change.ALIKE for one in wrong) <= 2


def test_too_few_say_nothing_and_gaps_are_left_out() -> None:
    assert drift.compare("score", [1.0] * 30, [2.0] * 30).change is Change.UNKNOWN
    found = drift.compare("score", [1.0, None, float("nan")], [])
    assert (found.counts, found.psi, found.change) == ((1, 0), 0.0, Change.UNKNOWN)
    assert drift.compare("constant", [1.0] * 100, [1.0] * 100).change is Change.ALIKE


def test_p_values_beside_their_promise() -> None:
    rng = np.random.default_rng(3)
    nominal = calibration.p_values([*rng.uniform(size=20_000).tolist(), None])
    assert [one.total for one in nominal] == [20_000] * 3
    assert all(one.is_kept for one in nominal)
    assert nominal[1].low < nominal[1].achieved < nominal[1].high
    broken = calibration.p_values((rng.uniform(size=20_000) ** 2).tolist())
    assert not any(one.is_kept for one in broken)
    assert calibration.p_values([])[0].is_kept


def test_false_alarms_lie_between_what_was_said_and_what_was_not() -> None:
    found = FalseAlarms(promised=1.0, unit="8 hours", units=30, false=12, unanswered=6)
    assert found.rate() == (0.4, 0.6)
    low, high = found.interval()
    assert low < 0.4
    assert high > 0.6
    assert found.is_kept
    assert not FalseAlarms(0.1, "8 hours", 30, 12, 0).is_kept
    assert FalseAlarms(1.0, "8 hours", 0, 0, 0).is_kept


@pytest.mark.parametrize(("one", "other"), [(0, 0), (3, 0), (5, 1), (10, 10), (40, 20), (900, 1000), (2000, 100)])
def test_mcnemar_is_the_exact_binomial_test(one: int, other: int) -> None:
    exact = stats.binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(exact, rel=0.05, abs=1e-6)


def test_two_models_on_the_same_observations() -> None:
    good, bad = Quality.GOOD, Quality.BAD
    cases = [
        (good, good, None, 6),
        (bad, bad, Judgement.RIGHT, 2),
        (bad, good, Judgement.FALSE_ALARM, 3),
        (good, bad, Judgement.KNOWN, 1),
    ]
    at = datetime(2026, 1, 1, tzinfo=UTC)
    pairs = [
        Pair(0, at, "e", mine, other, 1.0, 2.0, None, 0.5, said)
        for mine, other, said, count in cases
        for _ in range(count)
    ]
    found = comparison.compare(pairs)
    assert (found.total, found.both, found.only_champion, found.only_other) == (12, 2, 3, 1)
    assert found.agreement == pytest.approx(8 / 12)
    assert (found.answered, found.false_champion, found.false_other) == (6, 3, 0)
    assert (found.found_champion, found.found_other) == (2, 3)
    assert found.seconds == 0.5
    assert found.chance == pytest.approx(0.625)
    assert comparison.compare([]).agreement == 0.0
