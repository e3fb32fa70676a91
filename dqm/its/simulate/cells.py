"""All cells of the QC maps in one row: 432 chips of the inner barrel, then 3384 lanes of 7 chips; 3816 in all.

The order is layer, stave, cell, so that the cells of a layer are a block and a chip's cell follows from its number.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from dqm.its.geometry import LAYERS, Layer
from dqm.its.names import cell_name
from dqm.its.readout import link_of_cell, readout_lane

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FIRST = tuple(int(n) for n in np.cumsum([0] + [layer.staves * layer.cells for layer in LAYERS]))
"""First cell of every layer, and one past the last cell."""
CELLS = FIRST[-1]
INNER = FIRST[3]
"""Cells of the inner barrel: they come first and each is one chip."""
PIXELS_PER_CHIP = 1024 * 512


def block(layer: int) -> slice:
    """Return where the cells of a layer are."""
    return slice(FIRST[layer], FIRST[layer + 1])


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


def name(place: int) -> str:
    """Return the name of the cell at this place: ``L0_03/4``, ``L4_12/lane 7``."""
    layer, stave, cell = _split(place)
    return cell_name(layer, stave, cell)


def per_layer(values: tuple[float, ...]) -> Floats:
    """Return one value per layer (7) as one per cell, shape (CELLS,)."""
    return np.asarray(values, np.float64)[layers()]


@cache
def layers() -> Ints:
    """Return the layer of every cell, shape (CELLS,), read-only."""
    return _frozen(np.repeat(np.arange(len(LAYERS)), np.diff(FIRST)))


@cache
def chips_per_cell() -> Ints:
    """Return how many chips each cell holds, 1 or 7, shape (CELLS,), read-only."""
    return _frozen(np.array([layer.chips_per_cell for layer in LAYERS])[layers()])


@cache
def staves() -> Ints:
    """Return the number of the stave (0..191, over the detector) of every cell, shape (CELLS,), read-only."""
    return _frozen(np.concatenate([np.repeat(of.first_stave + np.arange(of.staves), of.cells) for of in LAYERS]))


@cache
def readout_places() -> tuple[Ints, Ints]:
    """Return for every cell the bin of its link on the FeeID axis and its lane, shape (CELLS,) each, read-only."""
    found = [
        (link_of_cell(of.number, stave, cell).bin, readout_lane(of.number, cell))
        for of in LAYERS
        for stave in range(of.staves)
        for cell in range(of.cells)
    ]
    fees, lanes = np.array(found, np.int64).T
    return _frozen(fees.copy()), _frozen(lanes.copy())


def chip_values_to_cells(chips: Floats) -> Floats:
    """Return the mean over the chips of every cell, shape (CELLS,), of one value per chip, shape (24120,)."""
    return np.concatenate((chips[:INNER], chips[INNER:].reshape(-1, 7).mean(axis=1)))


def _split(place: int) -> tuple[int, int, int]:
    of: Layer = LAYERS[int(layers()[place])]
    stave, cell = divmod(place - FIRST[of.number], of.cells)
    return of.number, stave, cell


def _frozen(array: Ints) -> Ints:
    array.setflags(write=False)
    return array
