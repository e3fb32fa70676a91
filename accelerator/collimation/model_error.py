"""How wrong a computed loss pattern may be with perfect settings: factors per family and per channel.

Three tracking codes give for the same nominal machine (computed here from the maps of the xcoll authors): TCP.C 0.835,
0.606, 0.667; TCSG7 0.127, 0.262, 0.211; TCSG.A6 0.02, 0.15 (FLUKA); TCLA7 6.8e-4, 2.4e-3, 1.7e-3; cold 4.2e-4, 2.1e-4,
5.4e-5 (Everest, FLUKA, Geant4). Bruce et al. (arXiv:1409.3123) quote "typically within a factor 2" between simulation
and measurement. Far from IR7 and below a share of 1e-4 codes differ by more: the product's own Monte Carlo gives the
absorbers of IR6 five times what Everest gives. Between it and Everest (50 M protons) the collimators of IR7 differ by
0.0 to 0.36, which is ``scale`` 0.4. The widths are natural logarithms; ``scale`` 1 is a code or machine that is not
known at all, smaller ones stand for what the reference was compared with or learnt from.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

FAMILY = {"TCP7": 0.15, "TCSG7": 0.5, "TCLA7": 0.8, "ds": 0.8, "TCDQ": 1.5, "TCSP": 1.5, "cold": 1.2}
OTHER_FAMILY = 0.8
CHANNEL = {"TCP7": 0.25, "TCSG7": 0.35, "TCLA7": 0.8, "ds": 0.5, "TCDQ": 1.0, "TCSP": 1.0, "cold": 1.0}
OTHER_CHANNEL = 0.8
FIRST_SECONDARY = 0.9
"""The first secondary behind the primaries takes what codes of showers differ in most (0.02 and 0.15)."""
FREEDOM = 10.0
"""Degrees of freedom of the factors of channels: single ones are far off."""

UNKNOWN = 1.0
KNOWN = {"everest": 0.4, "site": 0.08}
"""Scale by what made the map; `calibrated <accelerator.collimation.calibration>` machines count as ``site``."""


def scale_of(engine: str | None) -> float:
    """Return the scale of model error of maps of this origin."""
    return KNOWN.get(str(engine), UNKNOWN)


def widths(channels: Sequence[str], families: Sequence[str]) -> tuple[Floats, Floats]:
    """Return the widths per family and per channel for each channel, shapes (C,), at scale 1."""
    family = np.array([FAMILY.get(name, OTHER_FAMILY) for name in families])
    own = np.array([CHANNEL.get(name, OTHER_CHANNEL) for name in families])
    first = np.array([name.startswith("tcsg.a6") for name in channels])
    return family, np.where(first, FIRST_SECONDARY, own)


def draw(rng: Generator, channels: Sequence[str], families: Sequence[str], scale: Floats) -> Floats:
    """Return logarithms of factors, shape (n, C), for n scales."""
    family, own = widths(channels, families)
    names = sorted(set(families))
    index = np.array([names.index(name) for name in families])
    together = rng.normal(size=(len(scale), len(names)))[:, index] * family
    alone = rng.standard_t(FREEDOM, size=(len(scale), len(channels))) * own
    found: Floats = scale[:, None] * (together + alone)
    return found
