"""Machine states that the collimation system is qualified in, and the settings of each.

Half gaps in beam sigma (normalised emittance 3.5 um): injection from the 2015 SixTrack database, flat top from the 2018
one (its TCDQ is taken like TCSP, which it does not list), squeeze and collisions from xcoll's Run 3 database (end of
squeeze); debris collimators are in only with collisions. See ``data/README.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from math import cos, radians, sin, sqrt
from types import MappingProxyType

from accelerator.collimation.families import Family
from accelerator.collimation.geometry import Collimator, collimators, find
from accelerator.collimation.tables import rows

NORMALISED_EMITTANCE_M = 3.5e-6
PROTON_MASS_GEV = 0.93827208816


class State(StrEnum):
    """A machine state; its collimator settings differ from those of the others."""

    INJECTION = "injection"
    FLAT_TOP = "flat_top"
    SQUEEZE = "squeeze"
    COLLISIONS = "collisions"


@dataclass(frozen=True, slots=True)
class Stage:
    """Two stages that must keep their order: ``inner`` shades ``outer``."""

    inner: Family
    outer: Family

    @property
    def label(self) -> str:
        """How people call this margin."""
        return f"{self.inner}-{self.outer}"


STAGES: tuple[Stage, ...] = (
    Stage(Family.TCP7, Family.TCSG7),
    Stage(Family.TCSG7, Family.TCLA7),
    Stage(Family.TCSG7, Family.TCDQ),
    Stage(Family.TCSG7, Family.TCSP),
    Stage(Family.TCDQ, Family.TCT15),
    Stage(Family.TCSP, Family.TCT15),
    Stage(Family.TCP3, Family.TCSG3),
    Stage(Family.TCSG3, Family.TCLA3),
)
"""The margins that a person reads: TCP < TCSG < TCLA and TCSG < TCDQ, TCSP < TCT (facts/collimation.md, A1)."""

_ENERGY_GEV = {State.INJECTION: 450.0, State.FLAT_TOP: 6800.0, State.SQUEEZE: 6800.0, State.COLLISIONS: 6800.0}
_BEAM_MODES = {
    **dict.fromkeys(("INJPROT", "INJPHYS", "INJSTUP", "PRERAMP"), State.INJECTION),
    **dict.fromkeys(("FLATTOP",), State.FLAT_TOP),
    **dict.fromkeys(("SQUEEZE", "ADJUST"), State.SQUEEZE),
    **dict.fromkeys(("STABLE", "UNSTABLE"), State.COLLISIONS),
}


@cache
def family_settings(state: State) -> Mapping[Family, float | None]:
    """Return the half gap in sigma of each family, None where it is parked."""
    return MappingProxyType(
        {Family(row["family"]): float(row[state]) if row[state] else None for row in rows("state_settings")}
    )


@cache
def settings(state: State) -> Mapping[str, float | None]:
    """Return the half gap in sigma of each collimator, None where it is parked or not in use."""
    by_family = family_settings(state)
    return MappingProxyType({one.name: by_family[one.family] if one.active else None for one in collimators()})


def energy_gev(state: State) -> float:
    """Return the beam energy that this state has in Run 3."""
    return _ENERGY_GEV[state]


def state_of(beam_mode: str | None, energy: float | None = None) -> State | None:
    """Return the state of a beam mode (``HX:BMODE``, blanks do not matter) or, failing that, of an energy in GeV.

    A mode in which collimators move (RAMP) or without beam, and an energy in between, give None; so does flat-top
    energy alone, which three states share.
    """
    mode = "".join((beam_mode or "").split()).upper()
    if mode:
        return _BEAM_MODES.get(mode)
    return State.INJECTION if energy is not None and 400 <= energy <= 500 else None


def emittance_m(energy: float) -> float:
    """Return the geometric emittance ``eps_n / (beta gamma)`` in metres of protons of an energy in GeV."""
    gamma = energy / PROTON_MASS_GEV
    return NORMALISED_EMITTANCE_M / sqrt(gamma**2 - 1)


def sigma_mm(collimator: Collimator | str, energy: float) -> float:
    """Return the beam size in the plane of a collimator in millimetres, at an energy in GeV.

    ``sqrt(eps (betx cos^2 + bety sin^2))`` with the optics of the table (beta* = 30 cm): right in IR3, IR6 and IR7,
    whose optics do not change, and an upper limit for TCTs while the beams are not squeezed.
    """
    one = find(collimator) if isinstance(collimator, str) else collimator
    angle = radians(one.angle_deg)
    beta_m = one.betx_m * cos(angle) ** 2 + one.bety_m * sin(angle) ** 2
    return 1e3 * sqrt(emittance_m(energy) * beta_m)


def half_gap_mm(collimator: Collimator | str, state: State, energy: float | None = None) -> float | None:
    """Return the nominal half gap in millimetres, None where it is parked."""
    one = find(collimator) if isinstance(collimator, str) else collimator
    gap_sigma = settings(state)[one.name]
    return None if gap_sigma is None else gap_sigma * sigma_mm(one, energy or energy_gev(state))
