"""Where every chip of ITS2 is: 7 layers, 192 staves, 24,120 chips, and the cells that the QC maps show.

Numbering is that of O2 (``o2::its::GeometryTGeo::getChipIndex``): layer by layer, stave by stave, in the outer barrel
(layers 3-6) half stave by half stave, module by module, 14 chips each. Sources, all AliceO2Group/AliceO2:
``ITSMFT/ITS/base/src/GeometryTGeo.cxx`` (numbering), ``ITSMFT/ITS/simulation/src/V3Layer.cxx`` @ 001cd99 (gaps, order
along z, half staves), ``DescriptorInnerBarrelITS2.cxx`` @ 08e8e97 and ``Detector.cxx`` (radii, first angles).

Positive z is side A, negative z side C. In a stave of the inner barrel chip 0 is at the A end. A module of the outer
barrel, seen in its half stave (x along rising phi)::

      x ^  | 6| 5| 4| 3| 2| 1| 0|      lane 2m   (chips 0-6)
    ----|------------------------> z
        |  | 7| 8| 9|10|11|12|13|      lane 2m+1 (chips 7-13)

Module 0 is at the A end; half stave 0 ("L", lower) is at the smaller phi. The geometry is the nominal one: no
alignment, and the 3.6 mm by which half stave 0 is nearer to the beam than half stave 1 is left out.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

CHIP_LENGTH_CM = 3.0
"""Along z, of which 1024 x 29.24 um are sensitive (``SegmentationAlpide.h``)."""
SENSITIVE_LENGTH_CM = 1024 * 29.24e-4
CHIP_WIDTH_CM = 1.5
CHIP_GAP_CM = 0.015
MODULE_GAP_CM = 0.02
CHIPS_PER_LANE = 7
"""In the outer barrel; in the inner barrel each chip has a lane of its own."""
CHIPS_PER_MODULE = 14
HALF_STAVE_OFFSET_CM = 1.65 - 0.36
"""Half the width of the module's flex less half the overlap of the half staves (``sOBHalfStaveXOverlap``)."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer; ``modules`` along a (half) stave; ``first_chip`` and ``first_stave`` count over the detector."""

    number: int
    staves: int
    modules: int
    radius_cm: float
    phi0_deg: float
    first_chip: int
    first_stave: int

    @property
    def inner(self) -> bool:
        """Whether it belongs to the inner barrel (layers 0-2)."""
        return self.number < 3

    @property
    def chips_per_stave(self) -> int:
        return 9 if self.inner else 2 * self.modules * CHIPS_PER_MODULE

    @property
    def cells(self) -> int:
        """Columns of the layer's QC maps: 9 chips (inner barrel), 16 or 28 lanes of 7 chips (outer barrel)."""
        return 9 if self.inner else self.chips_per_stave // CHIPS_PER_LANE

    @property
    def chips_per_cell(self) -> int:
        return self.chips_per_stave // self.cells

    @property
    def chips(self) -> int:
        return self.staves * self.chips_per_stave


def _layers() -> tuple[Layer, ...]:
    table = (
        (12, 1, 2.34, 16.42),
        (16, 1, 3.15, 12.18),
        (20, 1, 3.93, 9.55),
        (24, 4, 19.45, 7.5),
        (30, 4, 24.40, 6.0),
        (42, 7, 34.24, 4.29),
        (48, 7, 39.20, 3.75),
    )
    layers: list[Layer] = []
    chip = stave = 0
    for number, row in enumerate(table):
        layers.append(Layer(number, *row, first_chip=chip, first_stave=stave))
        chip, stave = chip + layers[-1].chips, stave + layers[-1].staves
    return tuple(layers)


LAYERS = _layers()
CHIPS = LAYERS[-1].first_chip + LAYERS[-1].chips
STAVES = LAYERS[-1].first_stave + LAYERS[-1].staves


@dataclass(frozen=True, slots=True, order=True)
class Chip:
    """One chip by its layer, stave of the layer and place in the stave.

    Raises
    ------
    ValueError
        If there is no such chip.
    """

    layer: int
    stave: int
    chip: int

    def __post_init__(self) -> None:
        check_stave(self.layer, self.stave)
        if not 0 <= self.chip < LAYERS[self.layer].chips_per_stave:
            raise ValueError(f"layer {self.layer} has no chip {self.chip} in a stave")

    @property
    def id(self) -> int:
        """Number in the detector, 0..24119 (O2's chip index)."""
        layer = LAYERS[self.layer]
        return layer.first_chip + self.stave * layer.chips_per_stave + self.chip

    @property
    def cell(self) -> int:
        """Column of the layer's QC maps: the chip itself, or its lane (``chipIdLocal / 7`` in ITSClusterTask.cxx)."""
        return self.chip // LAYERS[self.layer].chips_per_cell


def check_stave(layer: int, stave: int) -> None:
    """Raise ``ValueError`` unless the layer exists and has this stave."""
    if not 0 <= layer < len(LAYERS):
        raise ValueError(f"there is no layer {layer}")
    if not 0 <= stave < LAYERS[layer].staves:
        raise ValueError(f"layer {layer} has no stave {stave}")


def chip_of(chip_id: int) -> Chip:
    """Return the chip with the number ``chip_id`` (0..24119).

    Raises
    ------
    ValueError
        If there is no such number.
    """
    if not 0 <= chip_id < CHIPS:
        raise ValueError(f"there is no chip {chip_id}")
    layer = next(layer for layer in reversed(LAYERS) if layer.first_chip <= chip_id)
    stave, chip = divmod(chip_id - layer.first_chip, layer.chips_per_stave)
    return Chip(layer.number, stave, chip)


def stave_of(number: int) -> tuple[int, int]:
    """Return (layer, stave of the layer) of the stave with this number over the detector (0..191).

    Raises
    ------
    ValueError
        If there is no such number.
    """
    if not 0 <= number < STAVES:
        raise ValueError(f"there is no stave {number}")
    layer = next(layer for layer in reversed(LAYERS) if layer.first_stave <= number)
    return layer.number, number - layer.first_stave


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Centres in ALICE's frame: ``z_cm`` (side A positive), ``phi_rad`` in [0, 2 pi), ``r_cm``; (staves, n) each."""

    z_cm: NDArray[np.float64]
    phi_rad: NDArray[np.float64]
    r_cm: NDArray[np.float64]


@cache
def positions(layer: int) -> Positions:
    """Return the centres of the layer's chips, (staves, chips per stave) each; the arrays are read-only."""
    return _place(LAYERS[layer], *_in_stave(LAYERS[layer]))


@cache
def cell_positions(layer: int) -> Positions:
    """Return the centres of the layer's cells, (staves, cells) each; the arrays are read-only."""
    of = LAYERS[layer]
    along, across = (at.reshape(of.cells, -1).mean(axis=1) for at in _in_stave(of))
    return _place(of, along, across)


def stave_phi_rad(layer: int) -> NDArray[np.float64]:
    """Return the angle of the middle of each stave, (staves,): ``phi0 + stave * 360 / staves`` degrees."""
    of = LAYERS[layer]
    return np.radians(of.phi0_deg + np.arange(of.staves) * 360.0 / of.staves)


def sensitive_length_cm(layer: int) -> float:
    """Return the length along z from the first to the last sensitive column of the layer."""
    z_cm = positions(layer).z_cm
    return float(np.ptp(z_cm)) + SENSITIVE_LENGTH_CM


def _in_stave(layer: Layer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """z and the distance from the stave's middle along rising phi, in cm, of its chips in their order."""
    step = CHIP_LENGTH_CM + CHIP_GAP_CM
    if layer.inner:
        return step * (4 - np.arange(9.0)), np.zeros(9)
    module_length = CHIPS_PER_LANE * step - CHIP_GAP_CM
    half, module, row, chip = np.indices((2, layer.modules, 2, CHIPS_PER_LANE), dtype=np.float64)
    z_module = (module_length + MODULE_GAP_CM) * ((layer.modules - 1) / 2 - module)
    z_cm = z_module + step * (3 - chip) * (1 - 2 * row)
    across = HALF_STAVE_OFFSET_CM * (2 * half - 1) + (CHIP_WIDTH_CM + CHIP_GAP_CM) / 2 * (1 - 2 * row)
    return z_cm.ravel(), across.ravel()


def _place(layer: Layer, along_cm: NDArray[np.float64], across_cm: NDArray[np.float64]) -> Positions:
    shape = (layer.staves, along_cm.size)
    phi = stave_phi_rad(layer.number)[:, None] + np.arctan2(across_cm, layer.radius_cm)
    r_cm = np.hypot(layer.radius_cm, across_cm)
    found = Positions(*(np.broadcast_to(at, shape).copy() for at in (along_cm, phi % (2 * np.pi), r_cm)))
    for array in (found.z_cm, found.phi_rad, found.r_cm):
        array.setflags(write=False)
    return found
