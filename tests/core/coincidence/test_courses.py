"""Numbers that go together: chances are right for independent ones; what is connected is found with sign and lag."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.coincidence.conditioning import conditioned, normal_scores
from core.coincidence.courses import LAGS, Past, alike, ends, independent, looks
from core.coincidence.history import STEP_S, Floats, Track
from tests.core.coincidence import simulated as sim
from tests.core.coincidence.simulated import BEGINS_S, DAY, HOUR, SHIFT_S

STEPS = 14 * DAY
ENDS_S = BEGINS_S + STEPS * STEP_S
WINDOW = 2 * HOUR


def chances(memory: float, draws: int, seed: int) -> list[float]:
    """Chances of independent wandering series, in the last window, with the gaps of fills."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(draws):
        there = sim.fills(rng, STEPS) == "STABLE"
        there[-WINDOW:] = True
        one, other = (normal_scores(np.where(there, sim.wandering(rng, STEPS, memory), np.nan)) for _ in range(2))
        past = Past.of(one, other, WINDOW, STEPS % (WINDOW // 2))
        assert past is not None
        tested = past.test(STEPS - WINDOW)
        assert tested is not None
        found.append(tested.p_value)
    return found


@pytest.mark.parametrize("memory", [0.8, 0.95, 0.98])
def test_chances_of_independent_numbers_are_uniform_however_long_their_memory(memory: float) -> None:
    found = np.array(chances(memory, 250, 3))
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert (found <= 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 / 250)


def test_what_both_owe_to_the_beams_connects_nothing() -> None:
    """Both follow the luminosity: they go the same way; once it is taken off, either way, and seldom for long."""
    rng = np.random.default_rng(4)
    beside, alone = [], []
    for _ in range(40):
        modes, light = _shining(rng)
        tracks = {name: 8 * light + sim.wandering(rng, STEPS, 0.8) for name in ("its", "collimation")}
        span = ENDS_S - SHIFT_S, ENDS_S
        for found, beams in ((beside, {"luminosity": light}), (alone, None)):
            found += [one for one in alike(sim.history(modes, STEPS, tracks=tracks, beams=beams), *span) if one.tested]
    small = [np.mean([one.tested.p_value <= 0.05 for one in found if one.tested]) for found in (beside, alone)]
    same = [np.mean([one.tested.sign > 0 for one in found if one.tested]) for found in (beside, alone)]
    assert small[0] < 0.1
    assert 0.35 < same[0] < 0.65
    assert same[1] > 0.8


def _shining(rng: np.random.Generator) -> tuple["np.typing.NDArray[np.str_]", Floats]:
    """Modes, and a luminosity that decays and is now and then moved."""
    modes = sim.fills(rng, STEPS)
    since = sim.steady_since(modes)
    light = np.exp(-np.nan_to_num(since) / 36_000) * (1 + 0.3 * sim.wandering(rng, STEPS, 0.98))
    return modes, np.where(np.isfinite(since), light, 0.0)


def planted(rng: np.random.Generator, drop: float, follows: int = 0) -> dict[str, Floats]:
    """A margin that falls over the last three hours, and a background that rises ``follows`` steps later."""
    ramp = np.zeros(STEPS)
    ramp[-3 * HOUR :] = np.linspace(0, 1, 3 * HOUR)
    later = np.concatenate([np.zeros(follows), ramp[: STEPS - follows]])
    margin = 1.8 + 0.05 * sim.wandering(rng, STEPS, 0.8)
    background = 2e-4 * np.exp(0.5 * sim.wandering(rng, STEPS, 0.95)) + 1e-4 * rng.normal(size=STEPS)
    return {"collimation": margin - drop * ramp, "its": background + 2e-3 * drop * later}


def test_a_falling_margin_with_rising_background_is_found_with_its_sign() -> None:
    rng, found = np.random.default_rng(6), 0
    for _ in range(25):
        modes = sim.fills(rng, STEPS)
        modes[-5 * HOUR :] = "STABLE"
        seen = alike(sim.history(modes, STEPS, tracks=planted(rng, 0.5)), ENDS_S - SHIFT_S, ENDS_S)
        best = seen[0]
        found += best.is_found
        if best.is_found:
            assert best.tested is not None
            assert best.tested.sign == -1
            moved = dict(zip((best.first.system, best.second.system), best.moved, strict=True))
            assert moved["collimation"][1] < moved["collimation"][0]
            assert moved["its"][1] > moved["its"][0]
    assert found >= 23


def test_the_lag_of_what_follows_is_told() -> None:
    """Bursts of one that the other repeats 20 minutes later."""
    rng, lags = np.random.default_rng(8), []
    for _ in range(20):
        one, other = sim.wandering(rng, STEPS, 0.8), sim.wandering(rng, STEPS, 0.8)
        one[-WINDOW:] += 3 * np.sin(np.arange(WINDOW) / 2.5)
        other[-WINDOW + 4 :] += 3 * np.sin(np.arange(WINDOW - 4) / 2.5)
        past = Past.of(normal_scores(one), normal_scores(other), WINDOW, STEPS % (WINDOW // 2))
        tested = past.test(STEPS - WINDOW) if past else None
        assert tested is not None
        lags.append(tested.lag)
    assert np.median(lags) == 4


def test_one_number_that_does_something_unheard_of_is_connected_with_nothing() -> None:
    rng, wrong = np.random.default_rng(9), 0
    modes = np.full(STEPS, "STABLE")
    for _ in range(40):
        tracks = planted(rng, 0.8) | {"collimation": sim.wandering(rng, STEPS, 0.9)}
        wrong += any(one.is_found for one in alike(sim.history(modes, STEPS, tracks=tracks), ENDS_S - 3600, ENDS_S))
    assert wrong <= 2


def test_two_days_are_too_short_and_no_stable_beams_are_nothing_to_look_at() -> None:
    rng, steps = np.random.default_rng(1), DAY // 2
    tracks = {name: rng.normal(size=steps) for name in ("its", "collimation")}
    ends = BEGINS_S + steps * STEP_S
    seen = alike(sim.history(np.full(steps, "STABLE"), steps, tracks=tracks), ends - SHIFT_S, ends)
    assert seen
    assert all(one.tested is None and not one.is_found for one in seen)
    assert not alike(sim.history(np.full(steps, "NOBEAM"), steps, tracks=tracks), ends - SHIFT_S, ends)


def test_what_is_looked_at_does_not_depend_on_when_one_looks() -> None:
    rng = np.random.default_rng(2)
    tracks = {name: rng.normal(size=STEPS) for name in ("its", "collimation")}
    whole = sim.history(np.full(STEPS, "STABLE"), STEPS, tracks=tracks)
    seen = {one.begins_s for late in range(7) for one in alike(whole, ENDS_S - SHIFT_S, ENDS_S - late * STEP_S)}
    assert len(alike(whole, ENDS_S - SHIFT_S, ENDS_S)) <= looks(1) + 1
    assert len(seen) <= looks(1) + 2
    assert max(abs(lag) for lag in LAGS) * STEP_S == 1200


def test_how_far_a_number_went_is_told_by_its_first_and_last_quarter() -> None:
    assert ends(np.array([np.nan, 1.0, 3.0, 9.0, 9.0, np.nan, 9.0, 9.0, 6.0, 8.0])) == (2.0, 7.0)
    assert np.isnan(ends(np.full(8, np.nan))).all()


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=40, max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_values_and_gaps_are_taken(values: list[float | None]) -> None:
    series = np.array([np.nan if one is None else one for one in values], float)
    made = sim.history(np.full(len(series), "STABLE"), len(series), tracks={"its": series})
    scores = conditioned(made, Track("its", sim.followed("its"), series))
    assert np.nanmax(np.abs(np.nan_to_num(scores))) < 5
    assert 0 <= independent(scores) <= len(series)
    past = Past.of(scores, scores[::-1].copy(), 24, 0)
    assert past is None or 0 <= past.sizes.max() < 25
