"""What the hardware faults of a cycle do to the cells: what is kept, what is added, what the readout flags."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from dqm.its.causes import Cause
from dqm.its.simulate.cells import CELLS, Floats, chips_per_cell
from dqm.its.simulate.faults import BACKGROUNDS, Fault

_BOX_ROWS = 128
"""A cluster's pattern has at most this many rows: a longer column is cut into several clusters."""


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Per cell, shape (CELLS,) each, over one cycle.

    ``kept``: share of clusters that is left; ``clusters``, ``pixels``, ``squares``: clusters added per readout frame,
    the sum of their sizes and of their squared sizes; ``larger``: factor on the size of ordinary clusters; ``flagged``:
    share of the time that the readout says FAULT.
    """

    kept: Floats
    clusters: Floats
    pixels: Floats
    squares: Floats
    larger: Floats
    flagged: Floats

    def add(self, place: list[int], per_frame: float, size: float, square: float) -> None:
        """Add clusters of one kind to cells."""
        self.clusters[place] += per_frame
        self.pixels[place] += per_frame * size
        self.squares[place] += per_frame * square

    def lose(self, place: list[int], share: Floats | float, flagged: float) -> None:
        """Lose a share of what the cells would publish."""
        self.kept[place] *= 1 - share
        self.flagged[place] = np.maximum(self.flagged[place], flagged)


def nothing() -> Effects:
    """Return effects that change nothing."""
    ones, zeros = np.ones(CELLS), np.zeros(CELLS)
    return Effects(ones, zeros, zeros.copy(), zeros.copy(), ones.copy(), zeros.copy())


def together(parts: Iterable[Effects]) -> Effects:
    """Return what several faults do at once."""
    total = nothing()
    for part in parts:
        total = Effects(
            total.kept * part.kept,
            total.clusters + part.clusters,
            total.pixels + part.pixels,
            total.squares + part.squares,
            total.larger * part.larger,
            np.maximum(total.flagged, part.flagged),
        )
    return total


def effects(faults: Iterable[Fault], began_s: float, ended_s: float, rng: Generator) -> Effects:
    """Return what hardware faults do between two times (beam background is none)."""
    found = nothing()
    for fault in faults:
        part = fault.overlap(began_s, ended_s)
        if fault.cause not in BACKGROUNDS and part > 0 and fault.intensity > 0:
            _APPLY[fault.cause](found, fault, part, rng)
    return found


def _noisy(found: Effects, fault: Fault, part: float, rng: Generator) -> None:
    rate = fault.intensity * part * float(rng.lognormal(0.0, fault.detail("variation")))
    found.add(list(fault.cells), rate, 1.1, 1.3)
    found.larger[list(fault.cells)] *= 1 + (fault.detail("larger") - 1) * part / chips_per_cell()[list(fault.cells)]


def _hot(found: Effects, fault: Fault, part: float, _: Generator) -> None:
    found.add(list(fault.cells), fault.intensity * part, 1.0, 1.0)


def _stuck(found: Effects, fault: Fault, part: float, _: Generator) -> None:
    pieces, size = fault.detail("rows") / _BOX_ROWS, 2.0 * _BOX_ROWS
    found.add(list(fault.cells), fault.intensity * part * pieces, size, size**2)


def _dead(found: Effects, fault: Fault, part: float, _: Generator) -> None:
    cells = list(fault.cells)
    lost = np.minimum(fault.detail("chips") / chips_per_cell()[cells], 1.0) * fault.intensity * part
    whole = fault.detail("flagged") * part * fault.intensity * (fault.detail("chips") >= chips_per_cell()[cells]).all()
    found.lose(cells, lost, float(whole))


def _readout_loss(found: Effects, fault: Fault, part: float, _: Generator) -> None:
    lost = fault.intensity * part
    found.lose(list(fault.cells), lost, lost * fault.detail("flagged"))


def _blinded(found: Effects, fault: Fault, part: float, _: Generator) -> None:
    cells, lost = list(fault.cells), fault.intensity * part
    found.lose(cells, lost, 0.0)
    size = fault.detail("pixels")
    found.add(cells, lost / fault.detail("frames") * fault.detail("clusters"), size, 3 * size**2)


_APPLY: Mapping[Cause, Callable[[Effects, Fault, float, Generator], None]] = MappingProxyType(
    {
        Cause.NOISY_CHIP: _noisy,
        Cause.HOT_PIXEL: _hot,
        Cause.STUCK_DOUBLE_COLUMN: _stuck,
        Cause.DEAD_CHIP: _dead,
        Cause.DEAD_LANE: _dead,
        Cause.DEAD_STAVE: _dead,
        Cause.READOUT_LOSS: _readout_loss,
        Cause.BLINDED_CHIPS: _blinded,
    }
)
