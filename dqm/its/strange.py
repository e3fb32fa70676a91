"""What an autoencoder that has seen only nominal cycles cannot rebuild: the check for the unknown.

All layers lie on one canvas: a row per cell along z (115, filled up to 120), a column per 7.5 degrees of phi, a third
of the ring repeated at the end so that it has no seam. Nominal pulls are noise, which cannot be rebuilt, and what moves
many cells together (vertex, halo, thresholds), which can. The squared rest, averaged over a neighbourhood, is high
where cells depart in a way that nominal ones do not.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from core.inference import Session
from dqm.its.features import soft
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, COLUMNS, FIRST, FIRST_COLUMN, Bools, Floats, Ints
from dqm.its.places import neighbours
from dqm.its.pulls import Pulls

QUANTITIES = ("occupation", "size", "hits")
ROWS, RING, PHI = 120, 48, 64
IMAGE, REBUILT = "image", "rebuilt"


def canvas(pulls: Pulls, cells_shown: Bools) -> NDArray[np.float32]:
    """Return the pulls of all layers as one picture, shape (quantities, ROWS, PHI), 0 where cells are not shown."""
    cells = on_canvas()
    found = np.zeros((len(QUANTITIES), ROWS, PHI), np.float32)
    for picture, name in zip(found, QUANTITIES, strict=True):
        picture[:COLUMNS] = soft(np.where(cells_shown, getattr(pulls, name), 0.0))[cells]
    return found


def rest(rebuilding: Session, picture: NDArray[np.float32]) -> Floats:
    """Return the squared part that is not rebuilt, averaged over quantities and a cell's columns, shape (CELLS,)."""
    rebuilt = rebuilding.run({IMAGE: picture[None]})[REBUILT][0]
    squared = ((rebuilt - picture) ** 2).mean(axis=0, dtype=np.float64)[:COLUMNS]
    cells = on_canvas()
    return np.asarray(np.bincount(cells.ravel(), squared.ravel(), CELLS) / np.bincount(cells.ravel(), minlength=CELLS))


def around(squared: Floats, valid: Bools) -> Floats:
    """Return the mean over each cell and its neighbours, shape (CELLS,), 0 where not valid."""
    near = _near()
    total = near @ np.where(valid, squared, 0.0)
    count = near @ valid.astype(np.float64)
    return np.where(valid, total / np.maximum(count, 1.0), 0.0)


@cache
def on_canvas() -> Ints:
    """Return which cell is at each place of the canvas, shape (COLUMNS, PHI)."""
    found = np.zeros((COLUMNS, PHI), np.int64)
    for of in LAYERS:
        stave = (np.arange(PHI) % RING) * of.staves // RING
        rows = slice(FIRST_COLUMN[of.number], FIRST_COLUMN[of.number] + of.cells)
        found[rows] = FIRST[of.number] + stave * of.cells + np.arange(of.cells)[:, None]
    return found


@cache
def _near() -> csr_array:
    one, other = neighbours()
    own = np.arange(CELLS)
    rows, columns = np.concatenate((one, other, own)), np.concatenate((other, one, own))
    return csr_array((np.ones(rows.size), (rows, columns)), shape=(CELLS, CELLS))
