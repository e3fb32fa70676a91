"""The cells of all QC maps in one row (`dqm.its.layout`), and what only the simulation needs of it."""

import numpy as np
from numpy.typing import NDArray

from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, FIRST, INNER, PIXELS_PER_CHIP, chips_per_cell, name, readout_places
from dqm.its.layout import layer_of as layers
from dqm.its.layout import layer_slice as block
from dqm.its.layout import stave_of_cell as staves

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

__all__ = [
    "CELLS", "FIRST", "INNER", "PIXELS_PER_CHIP", "Floats", "Ints", "as_map", "block", "chip_values_to_cells",
    "chips_per_cell", "index", "layers", "name", "of_stave", "per_layer", "readout_places", "staves",
]  # fmt: skip


def as_map(flat: Floats, layer: int) -> Floats:
    """Return the part of a row over all cells, shape (CELLS,), that is one layer's map, shape (cells, staves)."""
    of = LAYERS[layer]
    return np.ascontiguousarray(flat[block(layer)].reshape(of.staves, of.cells).T)


def index(layer: int, stave: int, cell: int) -> int:
    """Return the place of one cell in the row."""
    return FIRST[layer] + stave * LAYERS[layer].cells + cell


def of_stave(layer: int, stave: int) -> Ints:
    """Return the places of all cells of a stave."""
    return index(layer, stave, 0) + np.arange(LAYERS[layer].cells)


def per_layer(values: tuple[float, ...]) -> Floats:
    """Return one value per layer (7) as one per cell, shape (CELLS,)."""
    return np.asarray(values, np.float64)[layers()]


def chip_values_to_cells(chips: Floats) -> Floats:
    """Return the mean over the chips of every cell, shape (CELLS,), of one value per chip, shape (24120,)."""
    return np.concatenate((chips[:INNER], chips[INNER:].reshape(-1, 7).mean(axis=1)))
