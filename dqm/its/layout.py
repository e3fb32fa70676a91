"""The cells of all QC maps in one row, as detectors use them: 432 inner chips, then 3384 outer lanes; 3816 in all.

Order: layer, stave, cell. A *column* is one cell number of one layer (115 in all): its cells, one per stave, lie at the
same place along z and see the same collisions.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dqm.its.geometry import LAYERS, cell_positions
from dqm.its.names import cell_name, parse
from dqm.its.readout import link_of_cell, readout_lane

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

FIRST = tuple(int(n) for n in np.cumsum([0] + [of.staves * of.cells for of in LAYERS]))
"""First cell of every layer, and one past the last cell."""
CELLS = FIRST[-1]
INNER = FIRST[3]
"""Cells of the inner barrel: they come first and each is one chip."""
FIRST_COLUMN = tuple(int(n) for n in np.cumsum([0] + [of.cells for of in LAYERS]))
COLUMNS = FIRST_COLUMN[-1]
PIXELS_PER_CHIP = 1024 * 512


def layer_slice(layer: int) -> slice:
    """Return where the cells of a layer are."""
    return slice(FIRST[layer], FIRST[layer + 1])


def flatten(maps: Sequence[NDArray[np.generic]]) -> NDArray[np.float64]:
    """Return the maps of all layers, (cells, staves) each, as one row, shape (CELLS,), float64."""
    return np.concatenate([np.asarray(layer, np.float64).T.ravel() for layer in maps])


def unflatten(values: Floats) -> tuple[Floats, ...]:
    """Return a row, shape (CELLS,), as one map per layer, (cells, staves) each."""
    return tuple(values[layer_slice(of.number)].reshape(of.staves, of.cells).T for of in LAYERS)


def name(cell: int) -> str:
    """Return the name of a cell: ``L0_03/4``, ``L4_12/lane 7``."""
    of = LAYERS[int(layer_of()[cell])]
    return cell_name(of.number, *divmod(cell - FIRST[of.number], of.cells))


def cell_of(name: str) -> int:
    """Return the cell of this name.

    Raises
    ------
    ValueError
        If the name is none of a chip or lane.
    """
    place = parse(name)
    if place.cell is None:
        raise ValueError(f"{name} is a stave, not a cell")
    return FIRST[place.layer] + place.stave * LAYERS[place.layer].cells + place.cell


@cache
def layer_of() -> Ints:
    """Return the layer of every cell, shape (CELLS,), read-only."""
    return _frozen(np.repeat(np.arange(len(LAYERS)), np.diff(FIRST)))


@cache
def stave_of_cell() -> Ints:
    """Return the stave (0..191, over the detector) of every cell, shape (CELLS,), read-only."""
    return _frozen(np.concatenate([np.repeat(of.first_stave + np.arange(of.staves), of.cells) for of in LAYERS]))


@cache
def column_of() -> Ints:
    """Return the column (0..114) of every cell, shape (CELLS,), read-only."""
    return _frozen(np.concatenate([np.tile(FIRST_COLUMN[of.number] + np.arange(of.cells), of.staves) for of in LAYERS]))


@cache
def column_layer() -> Ints:
    """Return the layer of every column, shape (COLUMNS,), read-only."""
    return _frozen(np.repeat(np.arange(len(LAYERS)), np.diff(FIRST_COLUMN)))


@cache
def chips_per_cell() -> Ints:
    """Return how many chips each cell holds, 1 or 7, shape (CELLS,), read-only."""
    return _frozen(np.array([of.chips_per_cell for of in LAYERS])[layer_of()])


@cache
def phi_rad() -> NDArray[np.float64]:
    """Return the angle of every cell, shape (CELLS,), read-only."""
    found = np.concatenate([cell_positions(of.number).phi_rad.ravel() for of in LAYERS])
    found.setflags(write=False)
    return found


@cache
def z_cm() -> NDArray[np.float64]:
    """Return the middle along z of every cell, shape (CELLS,), read-only."""
    found = np.concatenate([cell_positions(of.number).z_cm.ravel() for of in LAYERS])
    found.setflags(write=False)
    return found


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


def _frozen(array: Ints) -> Ints:
    array.setflags(write=False)
    return array
