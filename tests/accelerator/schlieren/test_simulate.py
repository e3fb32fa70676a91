"""The camera's statistics, named anomalies, shifts of shots, and that labels stay apart."""

import time
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.simulate.anomalies import draw_anomaly
from accelerator.schlieren.simulate.apparatus import NOMINAL, WIDER, Apparatus, Mask, draw_apparatus, stretched
from accelerator.schlieren.simulate.camera import draw_ripple, expose, poisson, ripple_modes, uneven
from accelerator.schlieren.simulate.plan import CHANNELS, Measured, draw_plan
from accelerator.schlieren.simulate.shift import Episode, ShiftSettings, draw_episodes, simulate_shift
from accelerator.schlieren.simulate.shot import draw_shot
from core.errors import SettingsError

SIDE = 256


def rng(seed=1):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("mean", [0.0, 3.0, 49.0, 51.0, 800.0])
def test_counts_are_poisson(mean):
    drawn = poisson(rng(), np.full((SIDE, SIDE), mean, np.float32))
    assert drawn.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean + 1e-9) / SIDE + 1e-9)
    assert drawn.var() == pytest.approx(mean, rel=0.05, abs=1e-9)
    assert np.array_equal(drawn, np.rint(drawn))


@pytest.mark.parametrize("light", [0.0, 100.0, 1500.0])
def test_noise_of_a_pixel_is_photons_reading_and_speckle(light):
    apparatus = Apparatus(gain_adu=1.0, speckle=0.02)
    frame = expose(np.full((SIDE, SIDE), light, np.float32), apparatus, rng()).astype(float)
    variance = light + 9 + (0.02 * light) ** 2 + 1 / 12
    assert frame.mean() == pytest.approx(100 + light, abs=5 * np.sqrt(variance) / SIDE)
    assert frame.var() == pytest.approx(variance, rel=0.05)


def test_converter_clips_at_twelve_bits():
    frame = expose(np.full((SIDE, SIDE), 1e5, np.float32), Apparatus(), rng())
    assert frame.dtype == np.int16
    assert np.all(frame == 4095)
    assert expose(np.zeros((SIDE, SIDE), np.float32), Apparatus(offset_adu=0, read_noise_e=9), rng()).min() == 0


def test_unevenness_has_the_stated_size():
    assert (ripple_modes((SIDE, SIDE)) ** 2).mean((1, 2)) == pytest.approx(1, rel=1e-4)
    generator, light = rng(), np.full((SIDE, SIDE), 100, np.float32)
    spread = [uneven(light, draw_ripple(generator, Apparatus(ripple=0.01))).std() / 100 for _ in range(300)]
    assert np.sqrt(np.mean(np.square(spread))) == pytest.approx(0.01, rel=0.1)


def test_an_impossible_apparatus_is_refused():
    for wrong in ({"pixel_um": 0}, {"electrons": -1}, {"speckle": -0.1}, {"focal_mm": float("nan")}):
        with pytest.raises(SettingsError):
            Apparatus(**wrong)
    with pytest.raises(SettingsError, match="colour"):
        draw_apparatus(rng(), {"colour": (0, 1)})


def test_held_out_ranges_are_wider():
    for name, (low, high) in NOMINAL.items():
        assert WIDER[name][0] <= low < high <= WIDER[name][1], name
        wide = stretched(name, 2.0)
        assert wide[1] - wide[0] <= 2.0001 * (high - low)
        assert wide[1] > high


def test_nominal_shots_are_within_their_ranges_and_unsaturated():
    generator = rng()
    for _ in range(60):
        shot = draw_shot(generator)
        for name, (low, high) in CHANNELS.items():
            assert low <= getattr(shot.truth.scene.channel, name) <= high
        assert shot.frame.shape == (SIDE, SIDE)
        assert 150 < shot.frame.max() < 4095
        assert shot.measured.density_down_cm3 == pytest.approx(shot.truth.scene.vapour.density_cm3, rel=0.03)
        assert shot.measured.detuning_ghz == pytest.approx(shot.truth.scene.vapour.detuning_ghz, rel=0.06)


def test_the_same_seed_gives_the_same_shot():
    one, two = draw_shot(rng(7), Cause.DUST), draw_shot(rng(7), Cause.DUST)
    assert np.array_equal(one.frame, two.frame)
    assert one.measured == two.measured


@pytest.mark.parametrize("mask", list(Mask))
@pytest.mark.parametrize("cause", list(Cause))
def test_every_anomaly_changes_what_is_recorded(cause, mask):
    usual = draw_shot(rng(3), mask=mask)
    shot = draw_shot(rng(3), cause, mask=mask, before=np.full((SIDE, SIDE), 7, np.int16))
    if shot.frame.shape == usual.frame.shape:
        noise = np.sqrt(np.maximum(usual.frame.astype(float) - 100, 0) + 10) + 0.03 * np.abs(usual.frame - 100.0)
        moved = np.abs(shot.frame.astype(float) - usual.frame) / noise
        assert (moved > 5).sum() > 10 or shot.measured != usual.measured
    else:
        assert cause is Cause.WRONG_BINNING
    assert shot.truth.anomaly.cause is cause


def test_what_some_anomalies_do():
    def frame(cause, **given):
        return draw_shot(rng(3), cause, **given).frame

    assert (frame(Cause.SATURATION) == 4095).sum() > 30
    assert frame(Cause.DARK).max() < 100 + 40
    assert (draw_shot(rng(3), Cause.WRONG_BINNING).frame.shape[0]) in {64, 128}
    before = draw_shot(rng(9)).frame
    assert np.array_equal(frame(Cause.FROZEN, before=before), before)
    stale = draw_shot(rng(3), Cause.STALE, before=before)
    assert np.array_equal(stale.frame, before)
    assert not 0 <= stale.measured.camera_delay_s <= 10
    assert not stale.truth.visible
    drifted = draw_shot(rng(3), Cause.DENSITY_DRIFT).measured
    assert abs(drifted.density_down_cm3 / drifted.density_set_cm3 - 1) > 0.04
    hopped = draw_shot(rng(3), Cause.DETUNING_DRIFT).measured
    assert abs(hopped.detuning_ghz / hopped.detuning_set_ghz - 1) > 0.1
    assert draw_shot(rng(4), Cause.NO_IONISATION).truth.scene.channel.peak_ionisation == 0


def test_strengths_have_a_spread_of_both_signs():
    drawn = [draw_anomaly(rng(seed), Cause.MASK_DRIFT).strength for seed in range(40)]
    assert min(drawn) < -20 < 20 < max(drawn)


def test_instruments_do_not_tell_the_label():
    """What is measured holds numbers of instruments alone, and the frame is a bare array."""
    assert {field.name for field in fields(Measured)} == {
        "density_up_cm3",
        "density_down_cm3",
        "detuning_ghz",
        "laser_energy_mj",
        "density_set_cm3",
        "detuning_set_ghz",
        "camera_delay_s",
    }
    assert type(draw_shot(rng(3), Cause.DUST).frame) is np.ndarray


def test_measurement_errors_are_those_stated():
    plans = [draw_plan(rng(seed)) for seed in range(400)]
    density = [p.measured.density_down_cm3 / p.scene.vapour.density_cm3 - 1 for p in plans]
    detuning = [p.measured.detuning_ghz / p.scene.vapour.detuning_ghz - 1 for p in plans]
    assert np.std(density) == pytest.approx(0.005, rel=0.15)
    assert np.std(detuning) == pytest.approx(0.01, rel=0.15)
    assert abs(np.mean(detuning)) < 0.002


def test_a_shift_is_the_same_outside_its_episodes():
    anomaly = draw_anomaly(rng(1), Cause.PROBE_WEAK)
    quiet = list(simulate_shift(ShiftSettings(shots=8), 5))
    eventful = list(simulate_shift(ShiftSettings(shots=8, episodes=(Episode(anomaly, 3, 5),)), 5))
    same = [np.array_equal(a.shot.frame, b.shot.frame) for a, b in zip(quiet, eventful, strict=True)]
    assert same == [True] * 3 + [False] * 2 + [True] * 3
    assert [event.number for event in quiet] == list(range(1, 9))
    assert (quiet[1].at - quiet[0].at).total_seconds() == 30
    assert len({event.shot.frame.tobytes() for event in quiet}) == 8


def test_a_frozen_camera_repeats_the_frame_before():
    anomaly = draw_anomaly(rng(1), Cause.FROZEN)
    events = list(simulate_shift(ShiftSettings(shots=5, episodes=(Episode(anomaly, 2, 4),)), 5))
    frames = [event.shot.frame.tobytes() for event in events]
    assert frames[1] == frames[2] == frames[3]
    assert frames[3] != frames[4]


def test_a_shift_drifts_within_the_nominal_ranges():
    events = list(simulate_shift(ShiftSettings(shots=200, period_s=144.0), 2))
    for name, (low, high) in NOMINAL.items():
        course = np.array([getattr(event.shot.truth.scene.apparatus, name) for event in events])
        assert low <= course.min() < course.max() <= high, name
        assert np.abs(np.diff(course)).max() < 0.3 * (high - low)


def test_episodes_do_not_overlap():
    episodes = draw_episodes(rng(2), 960, 12)
    assert len(episodes) > 5
    for one, two in pairwise(episodes):
        assert 10 <= one.first < one.after <= two.first


@pytest.mark.slow
def test_a_shot_takes_few_milliseconds():
    generator = rng()
    draw_shot(generator)
    began = time.process_time()
    for _ in range(30):
        draw_shot(generator)
    assert (time.process_time() - began) / 30 < 0.1  # 8 ms on an idle core


def test_a_plan_can_be_changed():
    plan = draw_plan(rng(), Mask.STOP)
    assert plan.scene.apparatus.mask is Mask.STOP
    assert replace(plan, binning=2).binning == 2
