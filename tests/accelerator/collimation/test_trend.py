"""Trends of margins: lines with honest errors, and the time at which a margin is gone."""

import numpy as np
import pytest

from accelerator.collimation.trend import describe, fit_line, hours_left


def course(slope, hours=6.0, error=0.03, seed=0, outliers=0):
    rng = np.random.default_rng(seed)
    at = np.arange(0, hours, 1 / 60)
    values = 1.5 + slope * at + rng.normal(0, error, len(at))
    values[rng.integers(len(at), size=outliers)] -= 1.0
    return at, values, np.full(len(at), error)


def test_a_slope_is_found_in_spite_of_outliers():
    at, values, errors = course(-0.1, outliers=10)
    line = fit_line(at - at[-1], values, errors)
    assert line.slope == pytest.approx(-0.1, abs=0.01)
    assert line.value == pytest.approx(0.9, abs=0.03)


def test_errors_are_honest():
    pulls = []
    for seed in range(200):
        at, values, errors = course(0.0, hours=1.0, seed=seed)
        line = fit_line(at - at[-1], values, errors)
        pulls.append(line.slope / line.slope_error)
    assert 0.8 < np.std(pulls) < 1.2


def test_the_time_at_which_a_margin_is_gone():
    at, values, errors = course(-0.2)
    trend, line = describe("TCP to TCSG7", (1.7e9 + 3600 * at).tolist(), values, errors)
    middle, early, late = hours_left(line)
    assert early <= middle <= late
    assert middle == pytest.approx(1.5 / 0.2 - at[-1], abs=0.3)
    assert trend.gone_at is not None
    assert trend.gone_earliest <= trend.gone_at <= trend.gone_latest
    assert len(trend.times) == len(trend.values_sigma) <= 120


def test_a_level_margin_is_never_gone():
    at, values, errors = course(0.0, seed=3)
    trend, _ = describe("TCP to TCSG7", (1.7e9 + 3600 * at).tolist(), values, errors)
    assert trend.gone_at is None


def test_too_few_points_give_no_line():
    assert fit_line(np.array([0.0, 1.0]), np.ones(2), np.ones(2)) is None
    trend, line = describe("x", [], np.array([]), np.array([]))
    assert line is None
    assert trend.times == ()
