"""Which kind of map a pattern is, before anything is said of settings: betatron, off-momentum, crystal, ion...

The kinds are told from what the observation says (particle, crystals in use, intensity) and from where the losses are:
in off-momentum maps the primary of IR3 takes most (0.58 in the published one, 1e-4 in betatron maps), in an
asynchronous dump the absorbers of IR6, at injection the TDI.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from accelerator.collimation.families import Family
from accelerator.collimation.geometry import collimators
from accelerator.collimation.lossmap import Domain, Pattern


class MapClass(StrEnum):
    """A kind of loss map."""

    BETATRON = "betatron"
    OFF_MOMENTUM = "off-momentum"
    CRYSTAL = "crystal"
    ION = "ion"
    DUMP = "asynchronous dump"
    INJECTION = "injection losses"
    NO_BEAM = "no beam"
    EMPTY = "empty"


LEGITIMATE = frozenset({MapClass.OFF_MOMENTUM, MapClass.CRYSTAL, MapClass.ION, MapClass.DUMP, MapClass.INJECTION})
"""Judged GOOD with the class as cause: nothing is said of settings."""

CRYSTAL_SHARE = 1e-3
MOMENTUM_SHARE = 0.2
DUMP_SHARE = 0.3
INJECTION_SHARE = 0.2
ABOVE_NOISE = 5.0
_DUMP = frozenset({Family.TCDQ, Family.TCSP})
_INJECTION = frozenset({Family.TDI, Family.TCLI})
_IR3 = frozenset({Family.TCP3, Family.TCSG3, Family.TCLA3})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of map, how sure that is, and why in words."""

    of: MapClass
    probability: float
    why: str


def classify(pattern: Pattern) -> Kind:
    """Return the kind of a pattern of one beam."""
    total = float(np.where(pattern.missing, 0.0, np.maximum(pattern.values, 0.0)).sum())
    if not np.isfinite(total) or total <= 0:
        return Kind(MapClass.EMPTY, 1.0, "nothing was lost")
    particle = str(pattern.context.get("particle") or "proton").lower()
    if particle not in {"proton", "p", "none"}:
        return Kind(MapClass.ION, 1.0, f"a map with {pattern.context.get('particle')} ions")
    if pattern.domain is Domain.BLM and _is_quiet(pattern):
        return Kind(MapClass.NO_BEAM, 0.95, "no signal above noise at any collimator")
    crystal = _share(pattern, frozenset({Family.CRY7}), total)
    if pattern.context.get("crystal") or (crystal > CRYSTAL_SHARE and pattern.domain is Domain.PROTONS):
        return Kind(MapClass.CRYSTAL, 0.99, f"losses in the crystals ({crystal:.1%}): crystal collimation")
    for families, least, found, words in _PLACES:
        share = _share(pattern, families, total)
        if share > least:
            return Kind(
                found, float(np.clip(0.5 + (share - least), 0.5, 0.99)), f"{share:.0%} of the losses are {words}"
            )
    return Kind(MapClass.BETATRON, 0.98, "losses in the betatron cleaning")


_PLACES = (
    (_INJECTION, INJECTION_SHARE, MapClass.INJECTION, "at the injection absorbers"),
    (_IR3, MOMENTUM_SHARE, MapClass.OFF_MOMENTUM, "in the momentum cleaning (IR3)"),
    (_DUMP, DUMP_SHARE, MapClass.DUMP, "at the absorbers of dump protection (IR6)"),
)


def _is_quiet(pattern: Pattern) -> bool:
    own = {one.name for one in collimators(pattern.beam, active=True)}
    seen = np.array([name in own for name in pattern.channels]) & ~pattern.missing
    if not seen.any():
        return False  # no monitor of a collimator was read: nothing is known
    noise = np.maximum(pattern.sigma[seen], 1e-12)
    return bool((pattern.values[seen] / noise).max() < ABOVE_NOISE)


def _share(pattern: Pattern, families: frozenset[Family], total: float) -> float:
    own = {one.name for one in collimators(pattern.beam) if one.family in families}
    chosen = np.array([name in own for name in pattern.channels]) & ~pattern.missing
    return float(np.maximum(pattern.values[chosen], 0.0).sum() / total)
