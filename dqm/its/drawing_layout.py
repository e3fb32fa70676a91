"""Where every cell is in the picture of the barrel, unrolled: phi from left to right, 0 to 360 degrees, side A upwards.

Layer 0 is at the top, layer 6 at the bottom. The staves of a layer share the width of the picture, so that what happens
at one phi is in one column in all layers (to within 1.4 degrees, by which the first stave of layer 0 is turned). In
layers 0-2 a stave is nine chips; in layers 3-6 it is four lanes beside each other (two half staves of two rows) and
4 or 7 modules, so that a lane of 7 chips is where it is, not where its number is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dqm.its.geometry import LAYERS, Layer
from dqm.its.layout import FIRST
from dqm.its.names import parse

Ints = NDArray[np.int64]

LEFT, TOP, RIGHT, BOTTOM = 52, 4, 4, 24
"""Margins in pixels; names of layers are at the left, phi at the bottom."""
MAP_WIDTH = 960
GAP = 10
WIDTH = LEFT + MAP_WIDTH + RIGHT
ROW_HEIGHT = {9: 8, 4: 14, 7: 9}
"""Height of a chip or module in pixels, by how many there are along z."""


@dataclass(frozen=True, slots=True)
class Panel:
    """The part of the picture that shows one layer, in pixels; ``columns`` in phi by ``rows`` in z."""

    layer: int
    top: int
    rows: int
    columns: int

    @property
    def row_height(self) -> int:
        return ROW_HEIGHT[self.rows]

    @property
    def height(self) -> int:
        return self.rows * self.row_height


@cache
def panels() -> tuple[Panel, ...]:
    """Return the panels of the seven layers, from the top."""
    found: list[Panel] = []
    top = TOP
    for layer in LAYERS:
        rows = 9 if layer.inner else layer.modules
        found.append(Panel(layer.number, top, rows, layer.staves if layer.inner else 4 * layer.staves))
        top += found[-1].height + GAP
    return tuple(found)


def height() -> int:
    """Return the height of the picture in pixels."""
    last = panels()[-1]
    return last.top + last.height + BOTTOM


@cache
def grid(layer: int) -> Ints:
    """Return the flat number of the cell at every place of a layer, (rows in z, columns in phi), read-only."""
    of, panel = LAYERS[layer], panels()[layer]
    row, column = _place_in_stave(of)
    found = np.empty((panel.rows, panel.columns), np.int64)
    stave = np.arange(of.staves)[:, None]
    found[row, column + stave * (panel.columns // of.staves)] = FIRST[layer] + stave * of.cells + np.arange(of.cells)
    found.setflags(write=False)
    return found


@cache
def boxes() -> Ints:
    """Return left, top, width and height of every cell in pixels, (CELLS, 4), read-only."""
    parts = []
    for panel in panels():
        cells, edges = grid(panel.layer), column_edges(panel.columns)
        row, column = np.indices(cells.shape)
        box = np.stack(
            (
                LEFT + edges[column],
                panel.top + row * panel.row_height,
                edges[column + 1] - edges[column],
                np.full(cells.shape, panel.row_height),
            ),
            axis=-1,
        )
        parts.append(box.reshape(-1, 4)[np.argsort(cells.ravel())])
    found = np.concatenate(parts)
    found.setflags(write=False)
    return found


def column_edges(columns: int, width: int = MAP_WIDTH) -> Ints:
    """Return where the columns of a layer begin, and where the last one ends: (columns + 1,) pixels."""
    return np.round(np.arange(columns + 1) * width / columns).astype(np.int64)


def cells_of(where: Mapping[str, object]) -> tuple[int, ...]:
    """Return the cells of a region by ``where["cells"]``, or of its element; a name that is none is left out."""
    names = str(where.get("cells") or "").split() or [str(where.get("element") or "")]
    found = (_cells(name.replace("lane_", "lane ")) for name in names)
    return tuple(dict.fromkeys(cell for cells in found for cell in cells))


def _place_in_stave(of: Layer) -> tuple[Ints, Ints]:
    """Row in z (0 at side A) and column in phi of the cells of a stave, in their order."""
    if of.inner:
        return np.arange(9), np.zeros(9, np.int64)
    half, module, row = (at.ravel() for at in np.indices((2, of.modules, 2)))
    return module, 2 * half + 1 - row


def _cells(name: str) -> Iterable[int]:
    try:
        place = parse(name)
    except ValueError:
        return ()
    of = LAYERS[place.layer]
    first = FIRST[place.layer] + place.stave * of.cells
    return range(first, first + of.cells) if place.cell is None else (first + place.cell,)
