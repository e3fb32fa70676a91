"""The second simulation stands on its own, and agrees with the product's where both should."""

import ast
from pathlib import Path

import numpy as np
import pytest

from accelerator.schlieren.channel import Channel, Vapour
from accelerator.schlieren.simulate.apparatus import Apparatus, Mask
from accelerator.schlieren.simulate.forward import expected_electrons
from accelerator.schlieren.simulate.physics import absorption_per_mm, phase_per_mm
from accelerator.schlieren.simulate.profile import chord_um
from accelerator.schlieren.simulate.scene import Scene
from benchmarks.schlieren.second import chip, profiles, rubidium

FOLDER = Path(rubidium.__file__).parent
HALF, WALL = 925.0, 180.0


def test_it_shares_nothing_with_the_product():
    modules = [
        name
        for path in FOLDER.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [])
        + ([one.name for one in node.names] if isinstance(node, ast.Import) else [])
    ]
    assert any(name == "LightPipes" for name in modules)
    assert not [name for name in modules if name.startswith(("accelerator", "core"))]


@pytest.mark.parametrize(("density", "detuning"), [(1e14, -12.0), (4e14, -60.0), (9e14, -150.0)])
def test_vapour_by_dipole_elements_is_that_by_oscillator_strengths(density, detuning):
    other, vapour = rubidium.radians_per_mm(density, detuning), Vapour(density, detuning)
    assert other.real == pytest.approx(phase_per_mm(vapour), rel=1e-3)
    assert 2 * other.imag == pytest.approx(absorption_per_mm(vapour), rel=2e-3)
    assert rubidium.tuned_ghz(density, other.real) == pytest.approx(detuning, rel=1e-6)


@pytest.mark.parametrize("family", list(profiles.FAMILIES))
def test_profiles_fall_as_they_say(family):
    profile = profiles.FAMILIES[family]
    r = np.linspace(0, 2000, 20001)
    values = profile(r, HALF, WALL)
    assert values[0] == pytest.approx(1, abs=1e-3)
    assert profile(np.array([HALF]), HALF, WALL)[0] == pytest.approx(0.5, abs=1e-6)
    fall = np.interp([-0.1], -values, r) - np.interp([-0.9], -values, r)
    assert fall[0] == pytest.approx(WALL, rel=0.01)


def test_chords_and_nearest_are_those_of_the_fitted_form():
    near = profiles.nearest("fitted form", HALF, WALL)
    y, chord = profiles.chord("fitted form", HALF, WALL)
    assert near.peak_share == pytest.approx(1, abs=1e-6)
    assert near.core_radius_um + near.transition_width_um * np.sqrt(np.log(2)) == pytest.approx(HALF, abs=0.1)
    expected = chord_um(y, near.core_radius_um, near.transition_width_um)
    assert np.abs(chord - expected).max() < 0.5
    other = profiles.nearest("super-Gaussian", HALF, WALL)
    assert abs(other.core_radius_um - near.core_radius_um) > 3


@pytest.mark.parametrize(("mask", "name", "share"), [(Mask.KNIFE, "knife", 0.006), (Mask.STOP, "disc", 0.03)])
def test_two_optics_give_one_picture(mask, name, share):
    pytest.importorskip("LightPipes", reason="extra `bench` is not installed")
    from benchmarks.schlieren.second.bench import Bench, picture, places_mm

    channel, vapour = Channel(120, 800, 0.9, 150, 3), Vapour(4e14, -60)
    bench = Bench(name, rubidium.wavelength_m(-60), beam_x_mm=0.2, beam_y_mm=-0.1, oval=0.01, defocus_mm=8, contrast=0)
    here = places_mm() * 1000
    away = np.abs(here[:, None] - 120 - 0.003 * here[None, :]) * np.cos(np.arctan(0.003))
    chord_mm = 0.9e-3 * chord_um(away.ravel(), 800, 150).reshape(away.shape)
    seen = picture(bench, chord_mm, rubidium.radians_per_mm(4e14, -60), 40.0, np.random.default_rng(1))
    apparatus = Apparatus(
        mask=mask, electrons=1.0, blur_um=0, probe_x_mm=0.2, probe_y_mm=-0.1, probe_oval=0.01, defocus_mm=8
    )
    expected = expected_electrons(Scene(channel, vapour, apparatus), np.float64)
    assert np.abs(seen - expected).max() < share * expected.max()


def test_the_other_camera_counts_photons():
    rng = np.random.default_rng(2)
    flat = np.full((200, 200), 0.8)
    seen = chip.expose(flat, chip.Chip(shake_um=0.0), rng).astype(float)
    assert seen.mean() == pytest.approx(100 + 1200, rel=0.003)
    assert seen.var() == pytest.approx(1200 + (0.005 * 1200) ** 2 + 9 + 0.09, rel=0.05)
    assert chip.expose(10 * flat, chip.Chip(), rng).max() == 4095


def test_shots_come_through_the_source_and_truth_stays_behind(tmp_path):
    pytest.importorskip("LightPipes", reason="extra `bench` is not installed")
    from benchmarks.schlieren.scenes import Plan, cases

    name = "second: super-Gaussian, knife"
    (case,) = cases(Plan(second=1), name, tmp_path)
    again = next(iter(cases(Plan(second=1), name, tmp_path)))
    image = case.observation.payload["image"]
    assert np.array_equal(image, again.observation.payload["image"])
    assert image.shape == (256, 256)
    assert case.observation.conditions["missing"] == ""
    assert case.observation.conditions["density_cm3"] == pytest.approx(case.true.vapour.density_cm3, rel=0.03)
    assert case.half_radius_um > case.truth.core_radius_um
    assert list(tmp_path.iterdir()) == []
    assert "super" not in str(dict(case.observation.conditions))
