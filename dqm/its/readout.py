"""How staves and lanes are numbered by the readout and by the QC plots that are not maps of one layer.

Sources, all AliceO2Group/QualityControl ``Modules/ITS``: ITSFeeTask.cxx (the FeeID axis), ITSClusterTask.h and .cxx
(lane labels, General_Occupancy); AliceO2 ``ChipMappingITS.h`` (FeeID).
"""

from dataclasses import dataclass

from dqm.its.geometry import LAYERS, STAVES, check_stave, stave_of

_INNER_STAVES = LAYERS[3].first_stave
FEES = 3 * _INNER_STAVES + 2 * (STAVES - _INNER_STAVES)
"""Bins of the FeeID axis: 3 links for each of 48 inner staves, 2 for each of 144 outer ones."""
LANES = 28
GENERAL_SHAPE = (24, 14)


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a stave's readout: a third of an inner stave (3 chips) or an outer half stave."""

    layer: int
    stave: int
    link: int

    def __post_init__(self) -> None:
        check_stave(self.layer, self.stave)
        if not 0 <= self.link < links(self.layer):
            raise ValueError(f"a stave of layer {self.layer} has no link {self.link}")

    @property
    def fee_id(self) -> int:
        """The FeeID in the data: layer << 12 | link << 8 | stave."""
        return self.layer << 12 | self.link << 8 | self.stave

    @property
    def bin(self) -> int:
        """Place on the FeeID axis of ITSFEE and FHRTask, 0..431."""
        number = LAYERS[self.layer].first_stave + self.stave
        outer = max(0, number - _INNER_STAVES)
        return 3 * (number - outer) + 2 * outer + self.link

    @property
    def cells(self) -> range:
        """Columns of the layer's maps that this link reads."""
        each = LAYERS[self.layer].cells // links(self.layer)
        return range(self.link * each, (self.link + 1) * each)


def links(layer: int) -> int:
    """Return how many links read a stave of this layer."""
    return 3 if LAYERS[layer].inner else 2


def link_of_bin(fee_bin: int) -> Link:
    """Return the link at this place of the FeeID axis.

    Raises
    ------
    ValueError
        If there is no such place.
    """
    if not 0 <= fee_bin < FEES:
        raise ValueError(f"the FeeID axis has no bin {fee_bin}")
    outer = fee_bin - 3 * _INNER_STAVES
    number, link = divmod(fee_bin, 3) if outer < 0 else divmod(outer, 2)
    layer, stave = stave_of(number if outer < 0 else number + _INNER_STAVES)
    return Link(layer, stave, link)


def link_of_cell(layer: int, stave: int, cell: int) -> Link:
    """Return the link that reads this cell."""
    return Link(layer, stave, cell * links(layer) // LAYERS[layer].cells)


def readout_lane(layer: int, cell: int) -> int:
    """Return the lane of the readout (0..27, the lane axis of ``LaneStatus``) that serves a cell of the maps.

    Inner barrel: the chip. Outer barrel: the ``ln`` number in QC's label of the cell. Unverified: AliceO2's
    ``ChipMappingITS.cxx`` @ 244bc31 gives the two lanes of a module the other way round (``cableHWPos``).
    """
    of = LAYERS[layer]
    if not 0 <= cell < of.cells:
        raise ValueError(f"layer {layer} has no cell {cell}")
    if of.inner:
        return cell
    half, place = divmod(cell, 2 * of.modules)
    module, row = divmod(place, 2)
    return 14 * half + (6 - module if row else 7 + module)


def cell_of_lane(layer: int, lane: int) -> int | None:
    """Return the cell that a lane of the readout serves; None where the layer does not use that lane."""
    return next((cell for cell in range(LAYERS[layer].cells) if readout_lane(layer, cell) == lane), None)


def cell_label(layer: int, cell: int) -> str:
    """Return QC's label of a column of the maps: ``Chip 4`` or, for instance, ``HIC2U_A8_ln19``."""
    lane = readout_lane(layer, cell)
    if LAYERS[layer].inner:
        return f"Chip {cell}"
    half, place = divmod(cell, 2 * LAYERS[layer].modules)
    module, row = divmod(place, 2)
    return f"HIC{module + 1}{'LU'[half]}_{('B0', 'A8')[row]}_ln{lane}"


def general_bin(layer: int, stave: int) -> tuple[int, int]:
    """Return the bin (x, y), from 0, of a stave in ``General/General_Occupancy`` of ITSClusterTask."""
    check_stave(layer, stave)
    staves = LAYERS[layer].staves
    top = stave < staves // 2
    return 12 - staves // 4 + stave % (staves // 2), 7 + layer if top else 6 - layer
