"""Scores become false alarms per shift: as many as there are in nominal shifts, shared by the checks."""

import numpy as np
import pytest

from core.errors import CalibrationError
from dqm.its.background import BACKGROUND_FLOOR, Scales
from dqm.its.calibration import Calibration, ShiftScores
from dqm.its.incidents import Check

CYCLES = 160
CYCLE_S = 180.0


def shifts(seed: int, count: int, checks: tuple[Check, ...] = (Check.PLACE,)) -> list[ShiftScores]:
    """Shifts with five incidents of exponential scores per check."""
    rng = np.random.default_rng(seed)
    return [
        ShiftScores("pp", {check: tuple(5 + rng.exponential(1.0, rng.poisson(5))) for check in checks}, CYCLES)
        for _ in range(count)
    ]


def test_one_per_shift_is_one_per_shift_on_other_shifts() -> None:
    calibration = Calibration.fit(shifts(1, 100), Scales.unit())
    assert calibration.per_shift(Check.PLACE, 5 + np.log(5), CYCLE_S) == pytest.approx(1.0, rel=0.25)
    others = [score for shift in shifts(2, 400) for score in shift.scores[Check.PLACE]]
    called = sum(calibration.per_shift(Check.PLACE, score, CYCLE_S) <= 1.0 for score in others)
    assert called / 400 == pytest.approx(1.0, rel=0.3)


def test_two_checks_share_the_budget() -> None:
    both = Calibration.fit(shifts(1, 100, (Check.PLACE, Check.BACKGROUND)), Scales.unit())
    one = Calibration.fit(shifts(1, 100), Scales.unit())
    assert both.per_shift(Check.PLACE, 8.0, CYCLE_S) == pytest.approx(2 * one.per_shift(Check.PLACE, 8.0, CYCLE_S), 0.3)


def test_shorter_cycles_look_more_often() -> None:
    calibration = Calibration.fit(shifts(1, 50), Scales.unit())
    long, short = (calibration.per_shift(Check.PLACE, 8.0, cycle_s) for cycle_s in (180.0, 60.0))
    assert short == pytest.approx(3 * long)


def test_a_check_that_was_quiet_on_all_shifts_calls_a_rate_that_could_have_been_missed() -> None:
    calibration = Calibration.fit(shifts(1, 50), Scales.unit())
    assert calibration.per_shift(Check.BACKGROUND, BACKGROUND_FLOOR, CYCLE_S) == pytest.approx(0.01)
    rates = [calibration.per_shift(Check.BACKGROUND, score, CYCLE_S) for score in (4.0, 5.0, 8.0, 50.0)]
    assert rates == sorted(rates, reverse=True), "stronger is worse all the same"
    assert calibration.score_at(Check.BACKGROUND, 1.0, CYCLE_S) == BACKGROUND_FLOOR
    rare = calibration.score_at(Check.BACKGROUND, 1e-4, CYCLE_S)
    assert calibration.per_shift(Check.BACKGROUND, rare, CYCLE_S) == pytest.approx(1e-4)


def test_it_goes_to_json_and_back() -> None:
    calibration = Calibration.fit(shifts(1, 50), Scales.unit())
    again = Calibration.from_json(calibration.to_json())
    for score in (5.0, 8.0, 30.0):
        assert again.per_shift(Check.PLACE, score, 60.0) == calibration.per_shift(Check.PLACE, score, 60.0)


def test_what_is_no_calibration_is_refused() -> None:
    with pytest.raises(CalibrationError, match="no nominal shift"):
        Calibration.fit([], Scales.unit())
    with pytest.raises(CalibrationError, match="no calibration"):
        Calibration.from_json({"checks": {"place": 3}})


def test_few_new_shifts_are_added_to_an_earlier_calibration_and_many_replace_it() -> None:
    known = Calibration.fit(shifts(1, 40), Scales.unit())
    few = Calibration.fit(shifts(2, 3), Scales.unit(), known)
    many = Calibration.fit(shifts(2, 30), Scales.unit(), known)
    assert (few.shifts, many.shifts) == (43, 30)
    quiet = ShiftScores("pp", {}, CYCLES)
    assert Calibration.fit([quiet], Scales.unit(), known).per_shift(Check.PLACE, 6.6, CYCLE_S) == pytest.approx(
        known.per_shift(Check.PLACE, 6.6, CYCLE_S), rel=0.1
    )
