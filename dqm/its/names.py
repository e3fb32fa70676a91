"""Names of places in ITS2 as people write them: ``L0_03`` a stave, ``L0_03/4`` a chip, ``L4_12/lane 7`` a lane.

The lane in a name is the column of the QC maps (0..15 or 0..27, ``lane`` in ITSClusterTask.cxx and ``cableSW`` in O2),
not the number of the readout (``ln7`` in QC's labels): see ``dqm.its.readout.readout_lane``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqm.its.geometry import LAYERS, check_stave

_NAME = re.compile(r"L(\d)_(\d\d)(?:/(lane )?(\d{1,3}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A stave, or one cell (chip or lane) of it.

    Raises
    ------
    ValueError
        If there is no such place.
    """

    layer: int
    stave: int
    cell: int | None = None

    def __post_init__(self) -> None:
        check_stave(self.layer, self.stave)
        if self.cell is not None and not 0 <= self.cell < LAYERS[self.layer].cells:
            kind = "chip" if LAYERS[self.layer].inner else "lane"
            raise ValueError(f"a stave of layer {self.layer} has no {kind} {self.cell}")

    def __str__(self) -> str:
        stave = f"L{self.layer}_{self.stave:02d}"
        if self.cell is None:
            return stave
        return f"{stave}/{self.cell}" if LAYERS[self.layer].inner else f"{stave}/lane {self.cell}"


def parse(name: str) -> Place:
    """Return the place with this name; ``str`` of it is the name again.

    Raises
    ------
    ValueError
        If the name is not of this form or there is no such place.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name[:40]!r} is not the name of a stave, chip or lane, like L0_03, L0_03/4 or L4_12/lane 7")
    layer, stave, lane, cell = match.groups()
    place = Place(int(layer), int(stave), None if cell is None else int(cell))
    if cell is not None and LAYERS[place.layer].inner == bool(lane):
        raise ValueError(f"{name}: layers 0-2 have chips, layers 3-6 have lanes")
    return place


def cell_name(layer: int, stave: int, cell: int) -> str:
    """Return the name of a cell of the maps."""
    return str(Place(layer, stave, cell))


def mask(names: Iterable[str]) -> tuple[NDArray[np.bool_], ...]:
    """Return which cells of each layer are among the named places, (cells, staves) each.

    Raises
    ------
    ValueError
        If a name is wrong.
    """
    masks = tuple(np.zeros((layer.cells, layer.staves), bool) for layer in LAYERS)
    for place in map(parse, names):
        masks[place.layer][slice(None) if place.cell is None else place.cell, place.stave] = True
    return masks
