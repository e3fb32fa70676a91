"""Which settings errors are considered, and how large: from far inside to wide open for every collimator that is in."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from accelerator.collimation import states
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.families import Family
from accelerator.collimation.geometry import find
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.optics import optics
from accelerator.collimation.states import State

OFFSETS_MM = (-0.6, -0.4, -0.25, -0.15, -0.08, 0.08, 0.15, 0.25, 0.4, 0.6)
PRIMARY_OFFSETS_MM = (-0.03, -0.01, 0.01, 0.03, *OFFSETS_MM)
"""A primary that is centred within a micrometre is hit on both sides; off by more, on one."""
FEW_OFFSETS_MM = (-0.6, -0.3, 0.3, 0.6)
ORBITS_MM = (-0.6, -0.3, -0.15, 0.15, 0.3, 0.6)
TILTS_URAD = (-400.0, -200.0, -100.0, -50.0, 50.0, 100.0, 200.0, 400.0)
FEW_TILTS_URAD = (-400.0, 400.0)
PRIMARY_GAPS = (-2.0, -1.4, -1.0, -0.6, -0.3, 0.3, 0.6, 1.0, 1.4, 1.8, 2.4, 3.0, 4.5, 8.0)
SECONDARY_GAPS = (-3.5, -2.5, -2.0, -1.7, -1.5, -1.3, -1.0, -0.7, -0.4, 0.4, 0.8, 1.5, 3.0, 6.0)
ABSORBER_GAPS = (-6.0, -5.2, -4.5, -3.5, -2.5, -1.5, 3.0, 8.0)
INSIDE_PRIMARY = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5)
"""Where the jaws of other families are put, in sigma from the primaries of IR7 (besides wide open)."""
WIDE_OPEN = 8.0
SMALLEST_GAP_SIGMA = 2.5


@cache
def grid(beam: int, state: State) -> tuple[Setting, ...]:
    """Return every single settings error of a beam and state, one per element, quantity and size."""
    nominal = states.settings(state)
    line = optics(beam)
    names = [
        name for name, one in zip(line.names, line.is_collimator, strict=True) if one and nominal[name] is not None
    ]
    return tuple(setting for name in names for setting in _of(name, float(nominal[name] or 0.0)))


def _of(name: str, gap_sigma: float) -> Iterator[Setting]:
    family = find(name).family
    for change in _gaps(family, gap_sigma):
        if gap_sigma + change >= SMALLEST_GAP_SIGMA:
            yield Setting(name, Quantity.GAP, round(change, 3))
    near = family in {Family.TCP7, Family.TCSG7}
    offsets = PRIMARY_OFFSETS_MM if family is Family.TCP7 else OFFSETS_MM if near else FEW_OFFSETS_MM
    for change in offsets:
        yield Setting(name, Quantity.OFFSET, change)
    for change in TILTS_URAD if family is Family.TCP7 else FEW_TILTS_URAD if near else ():
        yield Setting(name, Quantity.TILT, change)
    if family in {Family.TCP7, Family.TCP3, Family.TCSP, Family.TCT15} or name.startswith("tcsg.d4"):
        for change in ORBITS_MM:
            yield Setting(name, Quantity.ORBIT, change)


def _gaps(family: Family, gap_sigma: float) -> tuple[float, ...]:
    if family is Family.TCP7:
        return PRIMARY_GAPS
    if family is Family.TCSG7:
        return SECONDARY_GAPS
    if family is Family.TCLA7:
        return ABSORBER_GAPS
    return (*(5.0 + inside - gap_sigma for inside in INSIDE_PRIMARY), WIDE_OPEN)


def drawn(beam: int, state: State, rng: np.random.Generator) -> tuple[Setting, ...]:
    """Draw one settings error between the sizes of the grid (in a tenth of the cases two)."""
    every = grid(beam, state)
    chosen = []
    for _ in range(2 if rng.random() < 0.1 else 1):
        one = every[int(rng.integers(len(every)))]
        sizes = [s.change for s in every if (s.element, s.quantity) == (one.element, one.quantity)]
        low, high = min(sizes), max(sizes)
        # small errors are as likely as large ones: draw towards a size of the grid
        change = float(np.clip(one.change * rng.uniform(0.5, 1.2), low, high))
        chosen.append(Setting(one.element, one.quantity, change))
    return tuple(chosen)
