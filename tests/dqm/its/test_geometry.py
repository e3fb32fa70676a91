"""Numbers of chips, staves and links both ways; where the chips are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqm.its.geometry import (
    CHIPS,
    LAYERS,
    STAVES,
    Chip,
    cell_positions,
    chip_of,
    positions,
    sensitive_length_cm,
    stave_of,
    stave_phi_rad,
)

FACTS = (
    # staves, chips/stave, first chip, last chip, sensitive length cm (ALICE-TDR-017, tab. 1.1)
    (12, 9, 0, 107, 27.1),
    (16, 9, 108, 251, 27.1),
    (20, 9, 252, 431, 27.1),
    (24, 112, 432, 3119, 84.3),
    (30, 112, 3120, 6479, 84.3),
    (42, 196, 6480, 14711, 147.5),
    (48, 196, 14712, 24119, 147.5),
)


def around(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Difference of two angles, the short way round."""
    return (a - b + np.pi) % (2 * np.pi) - np.pi


def test_totals() -> None:
    assert (len(LAYERS), STAVES, CHIPS) == (7, 192, 24120)
    assert sum(layer.staves * layer.cells for layer in LAYERS) == 432 + 864 + 2520
    assert [layer.cells for layer in LAYERS] == [9, 9, 9, 16, 16, 28, 28]


@pytest.mark.parametrize(("number", "fact"), list(enumerate(FACTS)))
def test_a_layer_is_as_the_sources_say(number: int, fact: tuple[int, int, int, int, float]) -> None:
    layer = LAYERS[number]
    staves, per_stave, first, last, length_cm = fact
    assert (layer.staves, layer.chips_per_stave, layer.first_chip) == (staves, per_stave, first)
    assert layer.first_chip + layer.chips - 1 == last
    # O2's gaps of 150 um (chips) and 200 um (modules) make the outer layers 0.2 % longer than the TDR's 100 um
    assert sensitive_length_cm(number) == pytest.approx(length_cm, rel=2e-3)


@given(st.integers(0, CHIPS - 1))
def test_chip_numbers_both_ways(number: int) -> None:
    chip = chip_of(number)
    assert chip.id == number
    assert Chip(chip.layer, chip.stave, chip.chip) == chip
    assert 0 <= chip.cell < LAYERS[chip.layer].cells


def test_every_chip_has_its_own_number() -> None:
    chips = [
        Chip(of.number, stave, chip)
        for of in LAYERS
        for stave in range(of.staves)
        for chip in range(of.chips_per_stave)
    ]
    assert [chip.id for chip in chips] == list(range(CHIPS))


@given(st.integers(0, STAVES - 1))
def test_stave_numbers_both_ways(number: int) -> None:
    layer, stave = stave_of(number)
    assert LAYERS[layer].first_stave + stave == number
    assert 0 <= stave < LAYERS[layer].staves


@pytest.mark.parametrize("wrong", [(7, 0, 0), (-1, 0, 0), (0, 12, 0), (0, -1, 0), (0, 0, 9), (3, 0, 112), (6, 47, -1)])
def test_what_is_not_there(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"no (layer|stave|chip)"):
        Chip(*wrong)


@pytest.mark.parametrize("number", [-1, CHIPS])
def test_chip_numbers_that_are_not_there(number: int) -> None:
    with pytest.raises(ValueError, match="no chip"):
        chip_of(number)


@pytest.mark.parametrize("number", [-1, STAVES])
def test_stave_numbers_that_are_not_there(number: int) -> None:
    with pytest.raises(ValueError, match="no stave"):
        stave_of(number)


@pytest.mark.parametrize("layer", range(7))
def test_positions_are_symmetric_and_in_range(layer: int) -> None:
    at = positions(layer)
    assert at.z_cm.shape == at.phi_rad.shape == at.r_cm.shape == (LAYERS[layer].staves, LAYERS[layer].chips_per_stave)
    np.testing.assert_allclose(np.sort(at.z_cm[0]), np.sort(-at.z_cm[0]), atol=1e-9)
    assert (at.phi_rad >= 0).all()
    assert (at.phi_rad < 2 * np.pi).all()
    assert at.r_cm == pytest.approx(LAYERS[layer].radius_cm, rel=0.01)
    with pytest.raises(ValueError, match="read-only"):
        at.z_cm[0, 0] = 0


@pytest.mark.parametrize("layer", range(7))
def test_no_two_chips_of_a_layer_are_at_one_place(layer: int) -> None:
    at = positions(layer)
    places = np.column_stack([at.z_cm.ravel(), (at.phi_rad * at.r_cm).ravel()]).round(3)
    assert len(np.unique(places, axis=0)) == LAYERS[layer].chips


@pytest.mark.parametrize("layer", range(7))
def test_staves_are_even_steps_from_the_first_angle(layer: int) -> None:
    at, of = stave_phi_rad(layer), LAYERS[layer]
    assert np.degrees(at[0]) == pytest.approx(of.phi0_deg)
    assert np.degrees(np.diff(at)) == pytest.approx(360 / of.staves)
    mean = around(positions(layer).phi_rad, at[:, None]).mean(axis=1)
    assert mean == pytest.approx(0, abs=1e-9)


def test_inner_staves_start_at_side_a() -> None:
    assert positions(1).z_cm[3] == pytest.approx([12.06, 9.045, 6.03, 3.015, 0, -3.015, -6.03, -9.045, -12.06])


def test_an_outer_module_is_a_ring_of_two_rows() -> None:
    """Chips 0-6 from A to C at the larger phi, 7-13 back at the smaller, as drawn in V3Layer.cxx."""
    z, phi = positions(5).z_cm[0, :14], around(positions(5).phi_rad[0, :14], stave_phi_rad(5)[0])
    assert (np.diff(z[:7]) < 0).all()
    assert z[7:] == pytest.approx(z[:7][::-1])
    assert phi[:7].min() > phi[7:].max()
    assert phi.max() < 0, "half stave 0 is at smaller phi"


@pytest.mark.parametrize("layer", range(3, 7))
def test_modules_go_from_a_to_c_in_both_half_staves(layer: int) -> None:
    z = cell_positions(layer).z_cm[0].reshape(2, -1, 2)
    assert z[0] == pytest.approx(z[1])
    assert z[..., 0] == pytest.approx(z[..., 1])
    assert np.diff(z[0, :, 0]) == pytest.approx(-21.11)


@pytest.mark.parametrize("layer", range(7))
def test_a_cell_is_in_the_middle_of_its_chips(layer: int) -> None:
    of, chips, cells = LAYERS[layer], positions(layer), cell_positions(layer)
    assert cells.z_cm == pytest.approx(chips.z_cm.reshape(of.staves, of.cells, -1).mean(axis=2))
    chip_phi = chips.phi_rad.reshape(of.staves, of.cells, -1)
    assert np.abs(around(chip_phi, cells.phi_rad[..., None])).max() < 1e-9
