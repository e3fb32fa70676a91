"""Compressed pictures: what they keep, the quick fit on them, and the pictures that networks learn from."""

from dataclasses import replace

import numpy as np
import pytest

from accelerator.schlieren.channel import PARAMETERS, Channel, Vapour
from accelerator.schlieren.features import COLUMNS, OFFSET_ADU, ROWS, compressed
from accelerator.schlieren.fisher import floor
from accelerator.schlieren.fit_parameters import Knowledge, nominal_apparatus, nominal_sigma
from accelerator.schlieren.quick_fit import quick_fit
from accelerator.schlieren.simulate.apparatus import Apparatus, Mask
from accelerator.schlieren.simulate.forward import expected_electrons
from accelerator.schlieren.simulate.physics import detuning_for, phase_per_mm
from accelerator.schlieren.simulate.plan import draw_plan
from accelerator.schlieren.simulate.scene import Scene
from accelerator.schlieren.simulate.shot import draw_shot, photograph


def test_compression_is_the_mean_of_columns():
    image = np.random.default_rng(1).integers(0, 4096, (256, 256)).astype(np.uint16)
    cells, covered = compressed(image, 31.25)
    assert cells.shape == (ROWS, COLUMNS)
    assert cells == pytest.approx(image.reshape(256, 16, 16).mean(2), rel=1e-9)
    assert covered == 1


def test_compression_knows_other_pixels_and_sizes():
    y, x = np.mgrid[:1000, :1200] * 8.0 - np.array([3996.0, 4796.0])[:, None, None]
    cells, covered = compressed(y + 0 * x, 8.0)
    assert covered == 1
    centres = (np.arange(ROWS) - 127.5) * 31.25
    assert cells == pytest.approx(np.repeat(centres[:, None], COLUMNS, 1), abs=0.5)
    small, covered = compressed(np.full((128, 128), 500, np.uint16), 31.25)
    assert covered == pytest.approx(0.25)
    assert small[128, 8] == 500
    assert small[0, 0] == OFFSET_ADU
    with pytest.raises(ValueError, match="no pixel"):
        compressed(np.zeros((10, 10)), 0.0)


@pytest.mark.parametrize("mask", list(Mask))
def test_compressed_pictures_keep_the_information(mask):
    plan = draw_plan(np.random.default_rng(4), mask)
    bench = plan.scene.apparatus
    whole = floor(plan.scene.channel, Knowledge(plan.scene.vapour, bench, sigma=nominal_sigma())).sigma
    bins = floor(
        plan.scene.channel, Knowledge(plan.scene.vapour, replace(bench, bin_columns=16), sigma=nominal_sigma())
    ).sigma
    for name in PARAMETERS:
        assert 0.99 < bins[name] / whole[name] < 1.04


@pytest.mark.parametrize("mask", list(Mask))
def test_averaged_columns_are_those_of_the_picture(mask):
    plan = draw_plan(np.random.default_rng(4), mask)
    whole = expected_electrons(plan.scene, np.float64).reshape(256, 16, 16).mean(2)
    scene = replace(plan.scene, apparatus=replace(plan.scene.apparatus, bin_columns=16))
    assert np.abs(expected_electrons(scene, np.float64) - whole).max() < 0.001 * whole.max() + 0.1


def _near(channel, rng):
    return Channel(*(np.array(channel.values()) + rng.normal(size=5) * [10, 10, 0.02, 10, 1]))


@pytest.mark.parametrize("mask", list(Mask))
def test_the_quick_fit_reaches_the_floor(mask):
    rng, against = np.random.default_rng(8), []
    for _ in range(6):
        shot = draw_shot(rng, mask=mask)
        vapour = Vapour(shot.measured.density_down_cm3, shot.measured.detuning_ghz)
        bench = replace(nominal_apparatus(mask), bin_columns=16)
        cells, _ = compressed(shot.frame, 31.25)
        truth = shot.truth.scene.channel
        found = quick_fit(cells, Knowledge(vapour, bench, sigma=nominal_sigma()), _near(truth, rng))
        assert found.away < 1
        assert 0.5 < found.chi2_per_cell < 1.6
        assert found.prior_chi2 < 2.5
        against += [
            (a - b) / found.sigma[n] for n, a, b in zip(PARAMETERS, found.channel.values(), truth.values(), strict=True)
        ]
    assert np.abs(against).max() < 4
    assert 0.7 < np.sqrt(np.mean(np.square(against))) < 1.4


def test_a_second_minimum_is_left():
    """A mask off the focus looks like a weaker probe and a mask on its other side (seen on drawn shots)."""
    bench = replace(
        nominal_apparatus(Mask.KNIFE), knife_um=4.8, probe_y_mm=-0.08, probe_radius_mm=2.1, electrons=1387.0
    )
    channel, vapour = Channel(264.0, 638.0, 0.77, 186.0, -3.6), Vapour(4e14, detuning_for(1.414 / 1.6, 4e14))
    plan = replace(draw_plan(np.random.default_rng(1), Mask.KNIFE), scene=Scene(channel, vapour, bench))
    cells, _ = compressed(photograph(plan, np.random.default_rng(1)), 31.25)
    known = Knowledge(vapour, replace(nominal_apparatus(Mask.KNIFE), bin_columns=16), sigma=nominal_sigma())
    found = quick_fit(cells, known, Channel(249.0, 656.0, 0.79, 190.0, 0.0))
    assert abs(found.channel.position_um - 264.0) < 6
    assert found.prior_chi2 < 1.6
    assert found.worst_prior_sigma < 3


def test_a_picture_that_the_model_does_not_hold_for_is_told():
    shot = draw_shot(np.random.default_rng(8), mask=Mask.KNIFE)
    vapour = Vapour(shot.measured.density_down_cm3, shot.measured.detuning_ghz)
    cells, _ = compressed(shot.frame, 31.25)
    cells[120:136, 4:9] += 300
    known = Knowledge(vapour, replace(nominal_apparatus(Mask.KNIFE), bin_columns=16), sigma=nominal_sigma())
    assert quick_fit(cells, known, shot.truth.scene.channel).chi2_per_cell > 3
    with pytest.raises(ValueError, match="are not 256 x 16"):
        quick_fit(cells[:100], known, shot.truth.scene.channel)


@pytest.mark.parametrize("mask", list(Mask))
def test_tensors_give_the_pictures_of_the_simulation(mask):
    torch = pytest.importorskip("torch")
    from accelerator.schlieren.training_simulation import draw, pictures

    drawn = draw(6, torch.Generator().manual_seed(1))
    seen = pictures(drawn, mask).numpy()
    for index, picture in enumerate(seen):
        values = {name: float(column[index]) for name, column in drawn.values.items()}
        channel = Channel(**{name: values.pop(name) for name in PARAMETERS})
        phase, depth = float(drawn.phase_rad_per_mm[index]), float(drawn.depth_per_mm[index])
        detuning = -6.067e-3 * phase / depth
        density = 1e14 * phase / phase_per_mm(Vapour(1e14, detuning))
        assert detuning_for(phase, density) == pytest.approx(detuning, rel=1e-3)
        bench = Apparatus(mask=mask, **values)
        light = expected_electrons(Scene(channel, Vapour(density, detuning), bench), np.float64) * bench.gain_adu
        whole = light.reshape(256, 16, 16).mean(2) + bench.offset_adu
        assert np.abs(picture - whole).max() < 0.002 * light.max() + 0.1


def test_noise_of_tensors_is_that_of_averaged_pixels():
    torch = pytest.importorskip("torch")
    from accelerator.schlieren.training_simulation import draw, pictures

    drawn = draw(1, torch.Generator().manual_seed(1), ranges={**_fixed(), "ripple": (0.0, 0.0)})
    drawn = replace(
        drawn,
        values={name: value.repeat(200) for name, value in drawn.values.items()},
        phase_rad_per_mm=drawn.phase_rad_per_mm.repeat(200),
        depth_per_mm=drawn.depth_per_mm.repeat(200),
    )
    noisy, mean = pictures(drawn, Mask.KNIFE, torch.Generator().manual_seed(2)), pictures(drawn, Mask.KNIFE)[0]
    light = mean - 100
    expected = (light.clamp(min=0) + 9 + (0.02 * light) ** 2 + 1 / 12) / 16
    assert float((noisy.var(0) / expected).mean()) == pytest.approx(1, abs=0.02)


def _fixed():
    bench = nominal_apparatus(Mask.KNIFE)
    names = ("probe_radius_mm", "probe_x_mm", "probe_y_mm", "electrons", "knife_um", "knife_width_um", "stop_um")
    names += ("stop_y_um", "defocus_mm", "blur_um", "speckle", "ripple", "read_noise_e", "gain_adu", "offset_adu")
    return {name: (getattr(bench, name),) * 2 for name in names}
