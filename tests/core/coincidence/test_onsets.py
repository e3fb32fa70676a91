"""Alarms that begin close together: chances are right for independent streams, and what is connected is found."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.coincidence.history import STEP_S, History, Onset
from core.coincidence.onsets import Past, together
from tests.core.coincidence import simulated as sim
from tests.core.coincidence.simulated import BEGINS_S, DAY, SHIFT_S

STEPS = 14 * DAY
ENDS_S = BEGINS_S + STEPS * STEP_S
SPAN = (ENDS_S - SHIFT_S, ENDS_S)


def quiet(*onsets: Onset) -> History:
    """Two weeks with few alarms and no machine."""
    return sim.history(None, STEPS, list(onsets))


def test_chances_of_independent_alarms_are_uniform() -> None:
    """500 alarms at any time against streams of about three a day: a share below each level as large as the level."""
    rng, found = np.random.default_rng(5), []
    for _ in range(500):
        times = np.sort(rng.uniform(BEGINS_S, ENDS_S, rng.poisson(42)))
        others = [Onset(float(at), "its", "place", number) for number, at in enumerate(times)]
        at = Onset(float(rng.uniform(BEGINS_S + 86_400, ENDS_S - 86_400)), "collimation", "beam 1", 999)
        nearest = min(others, key=lambda one: abs(one.at_s - at.at_s))
        past = Past(quiet(at, *others))
        found.append(past.chance(at, nearest, abs(nearest.at_s - at.at_s), (0.0, 1.0))[0])
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=0.04)


def _with_and_without_the_machine(draws: int) -> Iterator[tuple[History, History]]:
    rng = np.random.default_rng(11)
    while draws:
        modes = sim.fills(rng, STEPS)
        onsets = [*sim.with_rhythm(rng, modes, "its", 1), *sim.with_rhythm(rng, modes, "collimation", 10_000)]
        if sum(SPAN[0] <= one.at_s for one in onsets) >= 2:
            draws -= 1
            yield sim.history(modes, STEPS, onsets), sim.history(None, STEPS, onsets)


def test_the_rhythm_of_the_fills_alone_connects_nothing() -> None:
    """Both streams begin with the beams and come in bunches: beside the machine no more than promised are found."""
    found, naive, looked = [], [], 0
    for beside, alone in _with_and_without_the_machine(300):
        inside = [one for one in beside.onsets if one.at_s >= SPAN[0]]
        counts = [sum(one.system == name for one in inside) for name in ("its", "collimation")]
        looked += min(counts)
        found += [one.p_value for one in together(beside, *SPAN)]
        naive += [one.p_value for one in together(alone, *SPAN)]
    for level in (0.02, 0.05, 0.1):
        promised = level * looked
        assert sum(one <= level for one in found) <= promised + 3 * np.sqrt(promised), level
    assert looked > 300
    assert sum(one <= 0.1 for one in naive) > 1.5 * sum(one <= 0.1 for one in found)
    assert sum(one <= 0.2 for one in found) > 5


def test_rare_alarms_within_minutes_are_found_with_the_right_order_and_chance() -> None:
    first, second = Onset(ENDS_S - 7200, "collimation", "beam 1", 7), Onset(ENDS_S - 7020, "its", "background", 8)
    found = together(quiet(second, first), *SPAN)
    assert [(one.first, one.second) for one in found] == [(first, second)]
    one = found[0]
    assert one.is_found
    assert one.apart_s == 180
    assert one.hours == pytest.approx(14 * 24)
    assert one.p_value == pytest.approx(360 / (14 * 86_400))
    assert one.expected == pytest.approx(2 * one.p_value)


def test_what_comes_all_the_time_is_near_everything_by_chance() -> None:
    rare = Onset(ENDS_S - 7200, "collimation", "beam 1", 1)
    often = [Onset(BEGINS_S + 600.0 + 1200 * number, "its", "place", 10 + number) for number in range(14 * 72)]
    found = together(quiet(rare, *often), *SPAN)
    assert found
    assert not any(one.is_found or one.cannot_tell for one in found)


def test_a_bad_day_of_one_system_is_not_taken_for_a_connection() -> None:
    """Nothing for two weeks, then an alarm every twenty minutes: that one of the other system is near says nothing."""
    many = [Onset(SPAN[0] + 600 + 1200 * number, "its", "place", 10 + number) for number in range(23)]
    found = together(quiet(Onset(SPAN[0] + 14_650, "collimation", "beam 1", 1), *many), *SPAN)
    assert [one.is_found for one in found] == [False]


def test_in_the_first_minutes_of_stable_beams_little_can_be_told() -> None:
    modes = np.array((["INJPHYS"] * 12 + ["STABLE"] * 120 + ["NOBEAM"] * 12) * 28)[:STEPS]
    steady = np.flatnonzero((modes[1:] == "STABLE") & (modes[:-1] != "STABLE"))[-1] + 1
    at = BEGINS_S + steady * STEP_S + 60
    pair = [Onset(at, "its", "place", 1), Onset(at + 200, "collimation", "beam 1", 2)]
    found = together(sim.history(modes, STEPS, pair), at - 3600, at - 3600 + SHIFT_S)
    assert found[0].hours < 7
    assert found[0].p_value > 0.01


def test_with_an_hour_of_past_nothing_can_be_told() -> None:
    ends = BEGINS_S + 12 * STEP_S
    pair = [Onset(ends - 600, "its", "place", 1), Onset(ends - 560, "collimation", "beam 1", 2)]
    found = together(sim.history(None, 12, pair), ends - SHIFT_S, ends)
    assert found[0].cannot_tell
    assert not found[0].is_found


@given(
    st.lists(st.tuples(st.integers(0, STEPS * STEP_S - 1), st.sampled_from("abc"), st.sampled_from("xy")), max_size=40)
)
@settings(max_examples=60, deadline=None)
def test_any_alarms_give_chances_between_0_and_1_and_pairs_of_different_systems(
    told: list[tuple[int, str, str]],
) -> None:
    onsets = [Onset(BEGINS_S + at, system, kind, number) for number, (at, system, kind) in enumerate(told)]
    found = together(quiet(*onsets), *SPAN)
    for one in found:
        assert 0 < one.p_value <= 1
        assert 0 <= one.apart_s <= 1800
        assert one.first.system != one.second.system
    assert len({(one.first.alarm_id, one.second.alarm_id) for one in found}) == len(found)
