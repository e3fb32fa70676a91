"""The named defects: their ITk check-list category, where they lie, how large and how strong they are.

Sizes are drawn log-uniformly between two limits in px at 60 px/mm (1 px = 16.7 um) and scale with the resolution; for
scratches and fibres they are lengths, otherwise diameters (open: gap, short: bridge width, spur: length,
misregistration and shift: displacement). Contrasts are drawn uniformly: the relative change of the grey level before
optics (opaque things: how far they hide what is below). A draw that would change no pixel by more than `VISIBLE` grey
levels is drawn again, so the weakest contrasts thin out on dark ground.

Categories are the defect ids of the ITk visual-inspection check-list (PCB_RECEPTION and PCB_POPULATION);
``Watermarks`` and ``Copper_pattern`` have only a grade in the analysis, no id.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from numpy.random import Generator

from inspection.flex.simulate import copper_flaws as copper
from inspection.flex.simulate import structure_flaws as structure
from inspection.flex.simulate import surface_flaws as surface
from inspection.flex.simulate.film import Film, Place
from inspection.flex.simulate.zones import Zone

VISIBLE = 2.0
Painter = Callable[[Place, Generator], Film | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One named defect.

    ``zones``: where its middle must lie; at least 60 % of it must lie there or in the zones of ``reach``;
    ``confined``: it ends where they end;
    ``category_on_pad``: the check-list id when its middle lies on a pad, where that differs;
    ``view``: how far it must see around itself, in px at 60 px/mm.
    """

    name: str
    category: str
    zones: tuple[Zone, ...]
    size: tuple[float, float]
    contrast: tuple[float, float]
    paint: Painter
    confined: bool = False
    reach: tuple[Zone, ...] = ()
    category_on_pad: str | None = None
    view: float = 40.0

    def category_at(self, zone: int) -> str:
        """Return the ITk check-list id of this defect in this zone."""
        return self.category_on_pad if zone == Zone.PAD and self.category_on_pad else self.category


_PAD = (Zone.PAD,)
_MASKED = (Zone.SOLDER_MASK, Zone.COPPER)
_MASK_ONLY = (Zone.SOLDER_MASK,)
_TRACE = (Zone.COPPER,)
_PART = (Zone.COMPONENT,)
_BOARD = (Zone.SOLDER_MASK, Zone.COPPER, Zone.PAD, Zone.BARE)

_SCRATCH_PAD, _SCRATCH_MASK = "Scratches_Wirebonding_pad", "Scratches_Solder_mask"
_DIRT_PAD, _DIRT_MASK = "Contamination_Wirebonding_pad", "Contamination_Solder_mask"
_MASK_FLAW, _DAMAGE_PAD = "Irregularities_Solder_mask", "Critical_damage_Wirebonding_pad"
_DAMAGE_MASK = "Critical_damage_Solder_mask"
_SPILL_PAD = "Solder_overflow_Wirebonding_pad"

_ALL = (
    Kind("pad_scratch", _SCRATCH_PAD, _PAD, (8, 60), (0.08, 0.35), surface.scratch, confined=True),
    Kind("pad_scratches", _SCRATCH_PAD, _PAD, (10, 50), (0.08, 0.35), surface.scratches, confined=True),
    Kind("mask_scratch", _SCRATCH_MASK, _MASKED, (15, 120), (0.08, 0.35), surface.scratch, confined=True),
    Kind("pad_stain", _DIRT_PAD, _PAD, (8, 36), (0.08, 0.40), surface.stain, confined=True),
    Kind("pad_residue", _DIRT_PAD, _PAD, (8, 32), (0.10, 0.50), surface.residue, confined=True),
    Kind("pad_fingerprint", _DIRT_PAD, _PAD, (30, 70), (0.06, 0.22), surface.fingerprint, confined=True),
    Kind("mask_particle", _DIRT_MASK, _MASKED, (5, 22), (0.35, 0.90), surface.particle),
    Kind("mask_flux", _DIRT_MASK, _MASKED, (14, 60), (0.10, 0.45), surface.flux),
    Kind("dust", "Dusts", _BOARD, (4, 12), (0.30, 0.85), surface.particle),
    Kind("fibre", "Dusts", _BOARD, (30, 160), (0.25, 0.75), surface.fibre),
    Kind("watermark", "Watermarks", _MASKED, (25, 90), (0.06, 0.22), surface.watermark),
    Kind("mask_bubble", _MASK_FLAW, _MASKED, (8, 34), (0.12, 0.45), structure.bubble),
    Kind("mask_pinhole", _MASK_FLAW, _MASKED, (3, 8), (0.35, 0.90), structure.pinhole),
    Kind("mask_missing", _MASK_FLAW, _MASKED, (12, 50), (0.30, 0.80), structure.missing_mask),
    Kind("mask_misregistered", _MASK_FLAW, _PAD, (3, 9), (1.0, 1.0), structure.misregistered, view=100.0),
    Kind("trace_open", "Copper_pattern", _TRACE, (4, 16), (1.0, 1.0), copper.open_trace, reach=_MASK_ONLY),
    Kind("trace_short", "Copper_pattern", _TRACE, (3, 9), (1.0, 1.0), copper.short, reach=_MASK_ONLY),
    Kind("trace_mousebite", "Copper_pattern", _TRACE, (3, 9), (1.0, 1.0), copper.mousebite, reach=_MASK_ONLY),
    Kind("trace_spur", "Copper_pattern", _TRACE, (4, 12), (1.0, 1.0), copper.spur, reach=_MASK_ONLY),
    Kind(
        "solder_spill", "Solder_overflow_PCB", _BOARD, (10, 44), (1.0, 1.0), surface.solder, category_on_pad=_SPILL_PAD
    ),
    Kind(
        "component_missing",
        "Missing_component",
        _PART,
        (1, 1),
        (1.0, 1.0),
        structure.missing_component,
        reach=_BOARD,
        view=110.0,
    ),
    Kind(
        "component_shifted",
        "Components_misalignment",
        _PART,
        (4, 14),
        (1.0, 1.0),
        structure.shifted_component,
        reach=_BOARD,
        view=110.0,
    ),
    Kind("burn", _DAMAGE_MASK, _BOARD, (24, 80), (0.60, 1.0), surface.burn, category_on_pad=_DAMAGE_PAD),
    Kind("crack", _DAMAGE_MASK, _BOARD, (30, 120), (0.60, 1.0), surface.crack, category_on_pad=_DAMAGE_PAD),
)
KINDS: MappingProxyType[str, Kind] = MappingProxyType({kind.name: kind for kind in _ALL})
CATEGORIES: tuple[str, ...] = tuple(
    sorted({k.category for k in _ALL} | {k.category_on_pad for k in _ALL if k.category_on_pad})
)
