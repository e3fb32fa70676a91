"""Which beam and which plane a loss pattern is of, found from the losses alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import is_in_ds
from accelerator.collimation.families import Family
from accelerator.collimation.geometry import collimators, find
from accelerator.collimation.monitors import by_name, plain_monitor
from accelerator.collimation.states import State

PLANES = ("H", "V", "S", "DP", "DP+", "DP-", "mixed")
_BETATRON = (Family.TCP7, Family.TCSG7)
_DS_INJECTION, _DS_TOP = 4e-5, 7e-5
_CLEAR = 0.5


@dataclass(frozen=True, slots=True)
class Placement:
    """What a BLM pattern says: beam and plane (None: it does not say), and whether at injection.

    ``centre`` is Marsili's centre of mass between the beams, from -1 (all beam 1) to 1 (all beam 2).
    """

    beam: int | None
    plane: str | None
    state: State | None
    centre: float


def plane_of_protons(lost: Mapping[str, float]) -> str | None:
    """Return the plane of a tracked map of one beam by the collimator that stops most.

    Off-momentum (``DP``, without sign) if that is the primary of IR3, else that of the jaw which the beam touches
    first: the crystal that was hit, or the betatron collimator with most losses (H or V if its angle is within 15
    degrees, S else).
    """
    found = {find(name): count for name, count in lost.items() if count > 0}
    stops = {one: count for one, count in found.items() if one.family in {*_BETATRON, Family.TCP3, Family.CRY7}}
    if not stops:
        return None
    crystals = {one: count for one, count in stops.items() if one.family is Family.CRY7}
    top = max(crystals or stops, key=lambda one: stops[one])
    if top.family is Family.TCP3:
        return "DP"
    if top.family is Family.TCSG7 and stops[top] < 0.3 * sum(stops.values()):
        return None
    angle = min(top.angle_deg % 180, 180 - top.angle_deg % 180)
    return "H" if angle < 15 else "V" if angle > 75 else "S"


def place(monitor_names: tuple[str, ...], signal_gy_per_s: NDArray[np.floating], noise: float = 0.0) -> Placement:
    """Return what the monitors say of a loss map (background taken off).

    Beam: the centre of mass ``(b2 - b1) / (b2 + b1)`` of the monitors at the primaries of each beam, or those of IR3 if
    more is lost there (Marsili, facts/collimation.md A3); undecided between -0.5 and 0.5. Plane: `_plane`. State:
    injection, or unknown (`is_injection`).
    """
    table = dict(
        zip((plain_monitor(name) for name in monitor_names), np.asarray(signal_gy_per_s, dtype=float), strict=True)
    )
    betatron = {beam: _signals(table, beam, Family.TCP7) for beam in (1, 2)}
    momentum = {beam: _signals(table, beam, Family.TCP3) for beam in (1, 2)}
    sums = {beam: float(np.nansum(list(betatron[beam].values()))) for beam in (1, 2)}
    ir3 = {beam: float(np.nansum(list(momentum[beam].values()))) for beam in (1, 2)}
    is_momentum = max(ir3.values()) > max(sums.values())
    first, second = (max(0.0, one) for one in (ir3 if is_momentum else sums).values())
    if first + second <= 5 * noise or first + second <= 0:
        return Placement(None, None, None, 0.0)
    centre = (second - first) / (second + first)
    if abs(centre) < _CLEAR:
        return Placement(None, "mixed", None, centre)
    beam = 1 if centre < 0 else 2
    if is_momentum:
        return Placement(beam, "DP", None, centre)
    return Placement(beam, _plane(betatron[beam]), _state(table, beam, sums[beam]), centre)


def _signals(table: Mapping[str, float], beam: int, family: Family) -> dict[str, float]:
    """Signals behind the collimators of a family; the letter of a primary tells its plane (D: V, C: H, B: skew)."""
    members = [one for one in collimators(beam) if one.family is family and one.blm]
    return {one.name.split(".")[1][0]: table.get(one.blm.upper(), np.nan) for one in members}


def _plane(signals: Mapping[str, float]) -> str | None:
    """The plane by the monitors of the three primaries, which the beam meets in the order D (V), C (H), B (skew).

    A monitor sees little of what is lost behind it: the first one with a signal names the plane. It takes a quarter of
    the largest (measured B2V: D 0.51, C 1.0, B 0.61; A1), and less than a tenth to rule a primary out.
    """
    values = [signals.get(letter, np.nan) for letter in "dcb"]
    if not np.isfinite(values).all() or max(values) <= 0:
        return None
    shares = [value / max(values) for value in values]
    for share, plane in zip(shares, ("V", "H", "S"), strict=True):
        if share >= 0.25:
            return plane
        if share > 0.1:
            return None
    return None


def _state(table: Mapping[str, float], beam: int, top: float) -> State | None:
    """Injection if the losses say so; at top energy three states share what they say."""
    known = by_name()
    cold = [(one, value) for name, value in table.items() if (one := known.get(name)) and one.kind == "cold"]
    inside = is_in_ds([one.s_m for one, _ in cold], beam)
    signals = np.array([value for _, value in cold])[inside]
    return State.INJECTION if is_injection(signals[np.isfinite(signals)], top) else None


def is_injection(ds_signals: NDArray[np.float64], top: float) -> bool | None:
    """Return whether losses in the dispersion suppressor, beside those at the primaries, are those of 450 GeV.

    None if they are in between (4 to 7e-5; measured: 2e-5 at 450 GeV, 1.0 to 1.4e-4 at 6.5 TeV; A1), or not measured.
    """
    if len(ds_signals) < 3 or top <= 0:
        return None
    ratio = float(ds_signals.max()) / top
    return True if ratio < _DS_INJECTION else False if ratio > _DS_TOP else None
