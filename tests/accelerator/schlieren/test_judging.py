"""Facts, clues, limits and names: the parts that make a verdict out of a fitted shot."""

from dataclasses import replace

import numpy as np
import pytest

from accelerator.schlieren.calibrating import calibrate, scores
from accelerator.schlieren.calibration import BENCH_LIMITS, NOTHING, STRANGEST, UNUSUAL, Calibration
from accelerator.schlieren.causes import Cause
from accelerator.schlieren.channel import PARAMETERS, Vapour
from accelerator.schlieren.clues import NAMES, block_misfit, worst_tile
from accelerator.schlieren.examining import examine
from accelerator.schlieren.judging import Model, judge_shot
from accelerator.schlieren.knowing import doubted, usual_bench
from accelerator.schlieren.naming import Kinds, foreignness, without_nominal
from accelerator.schlieren.shot_facts import look
from accelerator.schlieren.shot_library import NAMED, Library, make_library, observed
from accelerator.schlieren.sightings import sightings
from accelerator.schlieren.simulate.apparatus import Mask
from accelerator.schlieren.simulate.shot import draw_shot
from core.errors import CalibrationError
from core.settings import SchlierenSettings
from core.verdict import Quality

SETTINGS = SchlierenSettings()


def shot(seed, cause=None, mask=Mask.KNIFE):
    return draw_shot(np.random.default_rng(seed), cause, mask=mask)


def test_facts_of_a_picture():
    one = shot(1)
    facts = look(one.frame, 31.25, 12)
    bench = one.truth.scene.apparatus
    assert facts.covered == 1
    assert facts.saturated == 0
    assert facts.hot == 0
    assert facts.dark_adu == pytest.approx(bench.offset_adu, abs=3)
    assert facts.dark_noise_adu == pytest.approx(bench.gain_adu * bench.read_noise_e, rel=0.15)
    assert facts.brightest_adu > 200


def test_pictures_of_other_depths_have_the_same_facts():
    image = shot(1).frame.astype(np.uint16)
    twelve, sixteen = look(image, 31.25, 12), look(image * 16, 31.25, 16)
    assert sixteen.cells == pytest.approx(twelve.cells)
    assert sixteen.dark_noise_adu == pytest.approx(twelve.dark_noise_adu)
    assert look((image >> 4).astype(np.uint16), 31.25, 8).brightest_adu == pytest.approx(twelve.brightest_adu, rel=0.02)


@pytest.mark.parametrize(
    "cause",
    [Cause.SATURATION, Cause.WRONG_GAIN, Cause.DUST, Cause.DENSITY_DRIFT, Cause.DETUNING_DRIFT, Cause.WRONG_BINNING],
)
@pytest.mark.parametrize("mask", list(Mask))
def test_what_facts_and_instruments_tell(cause, mask):
    told = 0
    for seed in range(6):
        one = shot(seed, cause, mask)
        seen = observed(one, mask, SETTINGS)
        told += cause in [sight.cause for sight in sightings(seen, look(one.frame, 31.25, 12), SETTINGS)]
    assert told >= 5


@pytest.mark.parametrize("mask", list(Mask))
def test_nothing_is_said_of_good_shots(mask):
    for seed in range(20):
        one = shot(seed, None, mask)
        assert not sightings(observed(one, mask, SETTINGS), look(one.frame, 31.25, 12), SETTINGS)


def test_a_wrong_model_leaves_rows_that_do_not_average_out():
    rng = np.random.default_rng(0)
    pulls = rng.standard_normal((256, 16))
    assert block_misfit(pulls, 1, 16) == pytest.approx(1, abs=0.3)
    assert block_misfit(pulls, 4, 4) == pytest.approx(1, abs=0.3)
    wave = 0.5 * np.sin(np.arange(256) / 5)[:, None]
    assert block_misfit(pulls + wave, 1, 16) > 2
    assert worst_tile(pulls) < 4
    pulls[40:48, 4:6] += 5
    assert worst_tile(pulls) > 15


def test_the_fit_trusts_the_bench_less_than_the_floor_does():
    usual = usual_bench(Mask.STOP, 250.0, Vapour(4e14, -60.0), 0.005, 0.01)
    wide = doubted(usual)
    assert wide.apparatus == usual.apparatus
    assert all(wide.sigma[name] > value for name, value in usual.sigma.items())


@pytest.mark.parametrize("missing", ["density_cm3", "detuning_ghz"])
def test_without_density_or_detuning_nothing_is_measured(missing):
    one = observed(shot(2), Mask.KNIFE, SETTINGS)
    judged = judge_shot(replace(one, conditions={**one.conditions, missing: None}), Model(), SETTINGS)
    assert judged.quality is Quality.MEDIUM
    assert not judged.result.measurements
    assert "not known" in judged.reason


def test_light_too_near_to_a_line_is_said():
    one = observed(shot(2), Mask.KNIFE, SETTINGS)
    near = {**one.conditions, "detuning_ghz": -1.0, "detuning_set_ghz": -1.0}
    judged = judge_shot(replace(one, conditions=near), Model(), SETTINGS)
    assert judged.quality is Quality.MEDIUM
    assert "too near to a line" in judged.reason


@pytest.mark.parametrize("name", ["zeros", "saturated", "noise", "tiny"])
def test_pictures_of_nothing_are_judged(name):
    rng = np.random.default_rng(3)
    image = {
        "zeros": np.zeros((256, 256), np.uint16),
        "saturated": np.full((256, 256), 4095, np.uint16),
        "noise": rng.integers(0, 4096, (256, 256)).astype(np.uint16),
        "tiny": rng.integers(90, 110, (16, 16)).astype(np.uint16),
    }[name]
    one = replace(observed(shot(2), Mask.KNIFE, SETTINGS), payload={"image": image})
    judged = judge_shot(one, Model(), SETTINGS)
    assert judged.quality is Quality.BAD
    assert not judged.result.measurements


@pytest.fixture(scope="module")
def library():
    """A few examined shots, started from profiles."""
    return make_library({}, nominal=48, each=1, seed=5, report=lambda _: None)


def test_libraries_hold_what_was_examined(library):
    assert len(library.clues) == 48 + len(NAMED)
    assert np.isfinite(library.clues).all()
    nominal = library[library.causes < 0]
    assert (nominal.sighted == -1).all()
    assert np.median(np.abs(nominal.errors / nominal.sigma)) < 2
    assert (nominal.sigma >= 0.999 * nominal.floor).all()
    assert np.abs(nominal.column("channel: position_um")).max() < 1.1
    assert Library(**library.arrays()).causes.tolist() == library.causes.tolist()


def test_limits_leave_nominal_shots_alone(library):
    calibration = calibrate(library)
    assert Calibration.from_json(calibration.to_json()).limits == calibration.limits
    nominal, others = library[library.causes < 0], library[library.causes >= 0]
    assert np.mean(scores(calibration, nominal) < 1) > 0.9
    assert np.mean(scores(calibration, others) > 1) > 0.6
    assert set(calibration.scales["knife"]) == set(PARAMETERS)
    with pytest.raises(CalibrationError, match="no calibration"):
        Calibration.from_json({"limits": 3})


def test_a_setting_far_out_of_its_range_is_a_failed_check():
    clues = dict.fromkeys(NAMES, 0.0)
    value, limit = NOTHING.checks("knife", clues | {"bench: mask 1": 3.0})[STRANGEST]
    assert value == pytest.approx(3.0 / BENCH_LIMITS["bench: mask 1"])
    assert value > limit
    corner = NOTHING.checks("knife", clues | {"bench: probe_x_mm": 1.5, "bench: probe_y_mm": 1.5})[STRANGEST]
    assert corner[0] == pytest.approx(1.5 / 2.2)
    assert NOTHING.checks("stop", clues | {"channel: tilt_mrad": -4.0})[UNUSUAL][0] == 4.0


def test_what_is_like_no_kind_is_unknown():
    kinds = Kinds(np.zeros(3), np.ones(3), np.zeros((1, 3)), np.ones((1, 3)), np.array([2.0]), number=np.array([4.0]))
    assert foreignness(kinds.farness(kinds.evened(np.array([1.0, 0, 0])), 4)) < 0.02
    assert foreignness(kinds.farness(kinds.evened(np.array([900.0, 900, 900])), 4)) > 0.9
    assert foreignness(kinds.farness(np.zeros(3), 3)) == 1
    assert without_nominal({"nominal": 0.6, "dust": 0.3, "unknown": 0.1}) == {"unknown": 0.7, "dust": 0.3}


def test_what_is_spoilt_is_fitted_only_to_learn_from():
    one = observed(shot(3, Cause.SATURATION), Mask.KNIFE, SETTINGS)
    assert examine(one, {}, SETTINGS).measured is None
    assert examine(one, {}, SETTINGS, regardless=True).clues is not None
