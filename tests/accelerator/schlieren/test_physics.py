"""Closed forms of vapour, chord and optics, and convergence with the grid."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from accelerator.schlieren.channel import Channel, Vapour
from accelerator.schlieren.simulate.apparatus import Apparatus, Mask
from accelerator.schlieren.simulate.forward import expected_electrons, ionised_mm, object_field, probe_amplitude
from accelerator.schlieren.simulate.optics import field_grid, image_field, integrate_pixels, mask_transmission
from accelerator.schlieren.simulate.physics import (
    GROUND_STATES,
    absorption_per_mm,
    detuning_for,
    phase_per_mm,
    refraction,
    wavelength_m,
)
from accelerator.schlieren.simulate.profile import chord_table, chord_um, ionisation, top_hat_chord_um
from accelerator.schlieren.simulate.scene import Scene

VAPOUR = Vapour(4e14, -62.4)


@pytest.mark.parametrize(
    ("density", "detuning", "index", "phase", "depth"),
    [
        (1e14, -10, 3.65e-4, 2.94, 0.071),
        (1e14, -40, 9.10e-5, 0.73, 0.0045),
        (7e14, -40, 6.37e-4, 5.13, 0.031),
        (7e14, -100, 2.54e-4, 2.04, 0.005),
    ],
)
def test_index_is_that_of_two_oscillators_but_for_the_splitting(density, detuning, index, phase, depth):
    """The splitting adds mean(E^2) / detuning^2; the ground states' energies spread by 2.2 GHz."""
    vapour, more = Vapour(density, detuning), 1 + (2.2 / detuning) ** 2
    assert refraction(vapour).real == pytest.approx(index * more, rel=0.01)
    assert phase_per_mm(vapour) == pytest.approx(phase * more, rel=0.01)
    assert 40 * absorption_per_mm(vapour) == pytest.approx(depth * more**3, rel=0.04)


def test_ground_states_have_their_balance():
    shares, above = np.array(GROUND_STATES).T
    assert shares.sum() == pytest.approx(1)
    assert shares @ above == pytest.approx(0.2783 * 0.078, abs=1e-4)  # the isotope shift alone
    assert np.sqrt(shares @ above**2) == pytest.approx(2.2, abs=0.05)


def test_blue_detuning_turns_the_phase_the_other_way():
    assert refraction(Vapour(4e14, 40.0)).real < 0 < refraction(Vapour(4e14, -40.0)).real


def test_power_saturates_near_the_line_only():
    strong = {"intensity_mw_cm2": 1e6}
    assert refraction(Vapour(1e14, -10, **strong)).real == pytest.approx(refraction(Vapour(1e14, -10)).real, rel=0.05)
    assert refraction(Vapour(1e14, -10, **strong)).imag < refraction(Vapour(1e14, -10)).imag
    half_ghz = 6.067e-3 / 2
    saturated = half_ghz**2 * 4e5 / 100
    ratio = refraction(Vapour(1e14, -10, **strong)).imag / refraction(Vapour(1e14, -10)).imag
    assert ratio == pytest.approx(1 / (1 + saturated), rel=0.01)


@pytest.mark.parametrize("detuning", [0.0, 4.9, -1.0, math.nan, 1e-9])
def test_light_near_the_line_is_refused(detuning):
    with pytest.raises(ValueError, match="too near"):
        refraction(Vapour(4e14, detuning))


@given(phase=st.floats(0.8, 2.6), density=st.floats(1e14, 1e15))
def test_the_operators_detuning_gives_the_phase(phase, density):
    assert phase_per_mm(Vapour(density, detuning_for(phase, density))) == pytest.approx(phase, rel=1e-6)


def test_chord_of_a_sharp_channel_is_that_of_a_circle():
    y = np.linspace(0, 780, 200)
    assert np.abs(chord_um(y, 800, 0.01) - top_hat_chord_um(y, 800)).max() < 0.2
    assert chord_um(np.array([801.0]), 800, 0.01) == 0


def test_chord_without_core_is_that_of_a_gaussian():
    y = np.linspace(0, 500, 50)
    assert chord_um(y, 0, 200) == pytest.approx(math.sqrt(math.pi) * 200 * np.exp(-((y / 200) ** 2)), rel=1e-9)


@given(y=st.floats(0, 2000), r0=st.floats(300, 1200), t0=st.floats(20, 400))
def test_chord_is_the_integral(y, r0, t0):
    end = math.sqrt(max((r0 + 6 * t0) ** 2 - y**2, 0.0))
    wall = min(math.sqrt(max(r0**2 - y**2, 0.0)), end)

    def along(z):
        return float(ionisation(np.array(math.hypot(y, z)), r0, t0))

    exact = 2 * (wall + quad(along, wall, end, limit=200)[0])
    assert float(chord_um(np.array(y), r0, t0)) == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize(("r0", "t0"), [(800, 100), (1200, 30), (500, 300), (100, 400)])
def test_table_of_chords_is_fine_enough(r0, t0):
    y = np.linspace(0, 1.5 * (r0 + 6 * t0), 3000)
    assert np.abs(np.interp(y, *chord_table(r0, t0), right=0) - chord_um(y, r0, t0)).max() < 1e-4 * 2 * r0


def test_no_chord_without_width():
    with pytest.raises(ValueError, match="no channel"):
        chord_um(np.zeros(1), 800, 0)


def test_a_tilted_channel_goes_up_to_the_right():
    ionised = ionised_mm(Scene(Channel(tilt_mrad=20.0), VAPOUR, Apparatus()))
    rows = np.arange(len(ionised))[:, None]
    middle = (ionised * rows).sum(0) / ionised.sum(0)
    assert np.polyfit(np.arange(256), middle, 1)[0] == pytest.approx(0.02, rel=1e-3)


def test_optics_without_mask_keep_the_energy():
    apparatus = Apparatus(defocus_mm=30.0)
    field = object_field(Scene(Channel(), VAPOUR, apparatus))
    before = np.sum(np.abs(field) ** 2)
    assert np.sum(np.abs(image_field(field, apparatus, 780e-9, masked=False)) ** 2) == pytest.approx(before, rel=1e-12)


def test_pixels_keep_the_energy():
    light = np.random.default_rng(1).random((384, 256))
    assert integrate_pixels(light.copy(), Apparatus(blur_um=80.0)).sum() == pytest.approx(light.sum(), rel=1e-12)


def test_a_gaussian_beam_spreads_in_free_space():
    waist_mm, away_mm, wavelength = 0.4, 800.0, 780e-9
    apparatus = Apparatus(probe_radius_mm=waist_mm, defocus_mm=away_mm)
    image = image_field(probe_amplitude(apparatus).astype(complex), apparatus, wavelength, masked=False)
    rayleigh_mm = math.pi * waist_mm**2 / (wavelength * 1e3)
    radius_mm = waist_mm * math.hypot(1, away_mm / rayleigh_mm)
    here = field_grid(Apparatus())
    expected = (waist_mm / radius_mm) ** 2 * np.exp(-2 * (here.y_mm[:, None] ** 2 + here.x_mm**2) / radius_mm**2)
    assert np.abs(np.abs(image) ** 2 - expected).max() < 1e-6


def test_a_small_phase_behind_a_dark_ground_is_squared():
    """A weak phase object behind a stop that takes the mean alone: I = phi^2 for a grating of mean zero."""
    apparatus = Apparatus(mask=Mask.STOP, stop_um=250.0, blur_um=0.0)
    here = field_grid(Apparatus())
    phase = 0.01 * np.cos(2 * np.pi * here.fy[20] * (here.y_mm - here.y_mm[0]))[:, None] * np.ones(256)
    image = image_field(np.exp(1j * phase), apparatus, 780e-9)
    assert np.abs(image) ** 2 == pytest.approx(phase**2, abs=2e-8)


def test_a_small_phase_behind_a_knife_is_hilbert_transformed():
    """A knife that takes half of the focus: I = 1/4 - H(phi) / 2 to first order (Schlieren)."""
    apparatus = Apparatus(knife_um=0.0, knife_width_um=1e-3, blur_um=0.0)
    here = field_grid(Apparatus())
    argument = (2 * np.pi * here.fy[20] * (here.y_mm - here.y_mm[0]))[:, None] * np.ones(256)
    image = image_field(np.exp(1e-3j * np.cos(argument)), apparatus, 780e-9)
    assert np.abs(image) ** 2 == pytest.approx(0.25 - 0.5e-3 * np.sin(argument), abs=1e-6)


@pytest.mark.parametrize(("mask", "share"), [(Mask.KNIFE, 0.001), (Mask.STOP, 0.005)])
def test_the_beam_does_not_come_in_again_at_the_other_end(mask, share):
    """A picture is the middle of the picture of twice the field: light beyond the camera is not wrapped round."""
    wide = Apparatus(mask=mask, size_px=512, probe_y_mm=0.2, defocus_mm=5.0)
    scene = Scene(Channel(250, 1000, 0.9, 200, 4.0), VAPOUR, replace(wide, size_px=256))
    small = expected_electrons(scene, np.float64)
    whole = expected_electrons(replace(scene, apparatus=wide), np.float64)[128:384, 128:384]
    assert np.abs(small - whole).max() < share * whole.max()


def test_without_channel_there_is_the_bare_probe_or_nothing():
    knife = expected_electrons(Scene(Channel(peak_ionisation=0.0), VAPOUR, Apparatus()))
    row, column = np.unravel_index(np.argmax(knife), knife.shape)
    assert 0.2 * 1500 < knife.max() < 0.3 * 1500
    assert abs(row - 127.5) < 5
    assert abs(column - 127.5) < 5
    stop = expected_electrons(Scene(Channel(peak_ionisation=0.0), VAPOUR, Apparatus(mask=Mask.STOP)))
    assert stop.max() < 0.001 * 1500


def test_blue_light_shows_the_channel_upside_down():
    red = expected_electrons(Scene(Channel(), Vapour(4e14, -60, length_mm=0), Apparatus()), np.float64)
    above = refraction(Vapour(4e14, -60)).real
    blue_ghz = 60 * above / refraction(Vapour(4e14, -60)).real
    blue = expected_electrons(Scene(Channel(), Vapour(4e14, blue_ghz, length_mm=0), Apparatus()), np.float64)
    assert np.abs(red - blue[::-1]).max() < 0.01 * red.max()


@pytest.mark.parametrize("mask", list(Mask))
@pytest.mark.parametrize(("r0", "t0", "phase", "share"), [(800, 120, 3.0, 0.001), (1100, 80, 4.0, 0.01)])
def test_pictures_converge_with_the_grid(mask, r0, t0, phase, share):
    vapour = Vapour(4e14, detuning_for(phase / 1.6, 4e14))
    usual = Apparatus(mask=mask, defocus_mm=6.0)
    pictures = {}
    for side in (256, 512, 1024):
        apparatus = replace(usual, size_px=side, pixel_um=8000 / side)
        fine = expected_electrons(Scene(Channel(100, r0, 1.0, t0, 3.0), vapour, apparatus), np.float64)
        pictures[side] = fine.reshape(256, side // 256, 256, side // 256).mean((1, 3))
    errors = [np.abs(pictures[side] - pictures[1024]).max() / pictures[1024].max() for side in (256, 512)]
    assert errors[0] < share
    assert errors[1] < errors[0] / 4


def test_single_precision_is_enough():
    for mask in Mask:
        scene = Scene(Channel(50, 900, 0.9, 100, 4), VAPOUR, Apparatus(mask=mask, defocus_mm=5))
        assert np.abs(expected_electrons(scene) - expected_electrons(scene, np.float64)).max() < 0.02


def test_masks_let_through_what_they_should():
    knife = mask_transmission(Apparatus(knife_um=0.0), 780e-9)
    assert knife[0] == pytest.approx(0.5)
    assert knife[100] == pytest.approx(1)
    assert knife[-100] == pytest.approx(0)
    stop = mask_transmission(Apparatus(mask=Mask.STOP), wavelength_m(-60))
    assert stop[0, 0] < 0.01
    assert stop[128, 128] == pytest.approx(1)
