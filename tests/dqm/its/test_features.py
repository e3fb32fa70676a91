"""Channels are finite and of unit size whatever the cycle shows, and say what tells causes apart."""

from dataclasses import replace

import numpy as np
import pytest

from dqm.its.features import CHANNELS, added_clusters, features, sizes, soft
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, cell_of

from .made_pulls import EXPECTED, nominal, scaled

USUAL = np.full(CELLS, 5.0)


def channel(found: np.ndarray, name: str) -> np.ndarray:
    return found[CHANNELS.index(name)]


def test_channels_of_a_nominal_cycle_are_of_unit_size() -> None:
    found = features(nominal(), USUAL)
    assert found.shape == (len(CHANNELS), CELLS)
    assert found.dtype == np.float32
    assert np.abs(found).max() < 4


def test_nothing_that_a_cycle_can_show_is_infinite() -> None:
    pulls = replace(
        nominal(),
        occupation=np.full(CELLS, 1e30, np.float32),
        ratio=np.zeros(CELLS, np.float32),
        size=np.full(CELLS, np.nan, np.float32),
        expected=np.zeros(CELLS, np.float32),
        occupation_sigma=np.zeros(CELLS, np.float32),
    )
    found = features(pulls, np.full(CELLS, 1e6))
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 100


def test_cells_that_are_not_valid_say_nothing() -> None:
    pulls = nominal()
    pulls.valid[7] = False
    assert not features(pulls, USUAL)[:, 7].any()
    assert channel(features(pulls, USUAL), "valid")[8] == 1


@pytest.mark.parametrize(("pixels", "told"), [(1.0, 0.0), (1.1, 0.095), (256.0, 5.545)])
def test_the_added_clusters_clusters_is_told(pixels: float, told: float) -> None:
    """One cluster per frame more than the 0.4 expected, of this size: the average size says how large."""
    place = cell_of("L1_03/4")
    pulls = scaled(nominal(), [place], (EXPECTED + 1.0) / float(nominal().observed[place]))
    size = USUAL.copy()
    size[place] = (EXPECTED * 5.0 + 1.0 * pixels) / (EXPECTED + 1.0)
    assert added_clusters(pulls, size)[0][place] == pytest.approx(told, abs=0.01)
    assert added_clusters(pulls, size)[0][place + 1] == 0.0


def test_a_hot_pixel_is_told_from_noise() -> None:
    place = cell_of("L1_03/4")
    pulls = scaled(nominal(), [place], (EXPECTED + 1.0) / float(nominal().observed[place]))
    told = []
    for pixels in (1.0, 1.1):
        size = USUAL.copy()
        size[place] = (EXPECTED * 5.0 + 1.0 * pixels) / (EXPECTED + 1.0)
        told.append(float(added_clusters(pulls, size)[1][place]))
    assert told[0] < -0.7
    assert told[1] > 0.7


def test_soft_is_odd_and_rises() -> None:
    values = np.array([-1e4, -3.0, 0.0, 3.0, 1e4])
    assert np.allclose(soft(values), -soft(-values))
    assert (np.diff(soft(values)) > 0).all()


def test_sizes_of_layers_that_are_missing_are_zero() -> None:
    of = LAYERS[2]
    found = sizes({"cluster_size_L2": np.full((of.cells, of.staves), 4.0)})
    assert found[cell_of("L2_00/0")] == 4.0
    assert found[cell_of("L1_00/0")] == 0.0
