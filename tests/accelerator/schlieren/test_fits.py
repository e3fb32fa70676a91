"""The floor, the classical fit, and that the fit reaches the floor but is never better."""

from dataclasses import replace

import numpy as np
import pytest

from accelerator.schlieren.channel import PARAMETERS, Channel, Vapour
from accelerator.schlieren.fisher import floor
from accelerator.schlieren.fit_derivatives import derivatives
from accelerator.schlieren.fit_model import model_adu, variance_adu
from accelerator.schlieren.fit_parameters import (
    BLUR2,
    LOG_PHASE,
    Knowledge,
    nominal_apparatus,
    nominal_sigma,
    parametrise,
)
from accelerator.schlieren.fit_start import start
from accelerator.schlieren.leastsquares import fit
from accelerator.schlieren.simulate.apparatus import Mask
from accelerator.schlieren.simulate.plan import draw_plan
from accelerator.schlieren.simulate.shot import draw_shot

CHANNEL = Channel(80.0, 850.0, 0.85, 140.0, 2.0)
VAPOUR = Vapour(4e14, -62.4)
STEPS = {
    "position_um": 1.0,
    "core_radius_um": 1.0,
    "peak_ionisation": 0.002,
    "transition_width_um": 1.0,
    "tilt_mrad": 0.1,
    LOG_PHASE: 0.002,
    BLUR2: 10.0,
    "probe_x_mm": 0.005,
    "probe_y_mm": 0.005,
    "probe_radius_mm": 0.005,
    "probe_oval": 0.002,
    "electrons": 5.0,
    "defocus_mm": 0.2,
    "offset_adu": 1.0,
    "knife_um": 0.3,
    "knife_width_um": 0.3,
    "stop_um": 1.0,
    "stop_y_um": 0.5,
}
"""Steps of differences: small against what bends a picture, large against rounding."""


def known(mask=Mask.KNIFE, density_error=0.005, detuning_error=0.01, **sigma):
    return Knowledge(VAPOUR, nominal_apparatus(mask), density_error, detuning_error, {**nominal_sigma(), **sigma})


@pytest.mark.parametrize("mask", list(Mask))
def test_the_floor_is_where_the_facts_put_it(mask):
    """Bands of the facts (r0 0.5 to 2.3 um, t0 0.3 to 2.9, y0 0.1 to 0.7), widened by a third for more nuisances."""
    for seed in range(3):
        plan = draw_plan(np.random.default_rng(seed), mask)
        sigma = floor(
            plan.scene.channel, Knowledge(plan.scene.vapour, plan.scene.apparatus, sigma=nominal_sigma())
        ).sigma
        assert 0.3 < sigma["core_radius_um"] < 3.1
        assert 0.3 < sigma["transition_width_um"] < 3.9
        assert 0.1 < sigma["position_um"] < 2.0


@pytest.mark.parametrize(
    ("errors", "least", "most"), [((0, 0), 0.0002, 0.005), ((0.005, 0.01), 0.009, 0.012), ((0.05, 0.05), 0.05, 0.075)]
)
def test_peak_ionisation_is_as_uncertain_as_density_over_detuning(errors, least, most):
    sigma = floor(CHANNEL, known(Mask.KNIFE, *errors)).sigma["peak_ionisation"] / CHANNEL.peak_ionisation
    assert least < sigma < most
    exact = floor(CHANNEL, known(Mask.KNIFE, 0, 0)).sigma["peak_ionisation"] / CHANNEL.peak_ionisation
    assert sigma == pytest.approx(np.hypot(exact, np.hypot(*errors)), rel=0.05)


def test_knowing_more_lowers_the_floor():
    all_known = floor(CHANNEL, replace(known(), sigma={})).sigma
    usual, vague = floor(CHANNEL, known()).sigma, floor(CHANNEL, known(knife_um=30.0, defocus_mm=30.0)).sigma
    for name in PARAMETERS:
        assert all_known[name] <= usual[name] * 1.001 <= vague[name] * 1.002


def test_without_channel_nothing_can_be_said_of_its_walls():
    sigma = floor(replace(CHANNEL, peak_ionisation=0.0), known()).sigma
    assert sigma["core_radius_um"] > 1e4
    assert sigma["position_um"] > 1e4


@pytest.mark.parametrize("mask", list(Mask))
def test_vectors_are_scenes(mask):
    form = parametrise(known(mask))
    vector = form.vector(CHANNEL)
    scene = form.scene(vector)
    assert scene.channel == CHANNEL
    assert scene.vapour == VAPOUR
    assert scene.apparatus == form.known.apparatus
    assert form.size == len(form.names) + 15
    assert ("knife_um" in form.names) == (mask is Mask.KNIFE)
    vector[form.names.index(BLUR2)] = -5
    assert form.scene(vector).apparatus.blur_um == 0
    assert parametrise(Knowledge(VAPOUR, nominal_apparatus(mask), 0, 0)).names == tuple(PARAMETERS)


def by_differences(form, vector):
    """Derivatives by central differences of whole pictures in float64."""
    columns = []
    for index in range(form.size):
        step = STEPS[form.names[index]] if index < len(form.names) else 1e-4
        ends = [vector.copy(), vector.copy()]
        ends[0][index] += step
        ends[1][index] -= step
        columns.append(
            (model_adu(form, ends[0], np.float64) - model_adu(form, ends[1], np.float64)).ravel() / (2 * step)
        )
    return np.array(columns).T


@pytest.mark.parametrize("real", [np.float32, np.float64])
@pytest.mark.parametrize("bin_columns", [1, 16])
@pytest.mark.parametrize("mask", list(Mask))
def test_derivatives_are_those_of_the_pictures(mask, bin_columns, real):
    usual = known(mask)
    form = parametrise(replace(usual, apparatus=replace(usual.apparatus, bin_columns=bin_columns)))
    vector = form.vector(CHANNEL)
    vector[form.names.index("defocus_mm")] = 3.0
    vector[-15:] = 0.003
    expected, slopes = derivatives(form, vector, real)
    assert np.abs(expected - model_adu(form, vector)).max() < 0.01
    finite = by_differences(form, vector)
    noise = np.sqrt(variance_adu(expected, form.known.apparatus)).reshape(-1, 1)
    away = np.linalg.norm((slopes.reshape(form.size, -1).T - finite) / noise, axis=0)
    assert np.all(away < 0.01 * np.linalg.norm(finite / noise, axis=0))


@pytest.mark.parametrize("mask", list(Mask))
def test_starts_are_near(mask):
    rng = np.random.default_rng(5)
    for _ in range(4):
        shot = draw_shot(rng, mask=mask)
        channel, vapour = shot.truth.scene.channel, shot.truth.scene.vapour
        starts = start(shot.frame.astype(float), vapour, nominal_apparatus(mask))
        assert min(abs(one.position_um - channel.position_um) for one in starts) < 250
        assert min(abs(one.core_radius_um - channel.core_radius_um) for one in starts) < 250


@pytest.mark.slow
@pytest.mark.parametrize("mask", list(Mask))
def test_the_fit_reaches_the_floor(mask):
    pulls, against_floor = [], []
    for seed in range(4):
        shot = draw_shot(np.random.default_rng([seed, 77]), mask=mask)
        scene, measured = shot.truth.scene, shot.measured
        vapour = Vapour(measured.density_down_cm3, measured.detuning_ghz)
        found = fit(shot.frame, Knowledge(vapour, nominal_apparatus(mask), sigma=nominal_sigma()))
        least = floor(scene.channel, Knowledge(scene.vapour, scene.apparatus, sigma=nominal_sigma())).sigma
        assert found.converged
        assert 0.6 < found.chi2_per_pixel < 1.6  # read noise is known to a fifth only
        for name, value, truth in zip(PARAMETERS, found.channel.values(), scene.channel.values(), strict=True):
            pulls.append((value - truth) / found.sigma[name])
            against_floor.append(found.sigma[name] / least[name])
    assert np.abs(pulls).max() < 4.5
    assert 0.6 < np.sqrt(np.mean(np.square(pulls))) < 1.6
    assert 0.85 < min(against_floor) <= max(against_floor) < 1.3


def test_another_size_is_refused():
    with pytest.raises(ValueError, match="not 256 x 256"):
        fit(np.zeros((128, 128), np.int16), known())
