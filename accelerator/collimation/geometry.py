"""The 115 collimators of the LHC, in order along each beam, and the parts of the ring that losses are summed over.

Positions are metres along the ring in the direction of beam 1, from IP1. Beam 2 runs to falling positions.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelerator.collimation.families import Family
from accelerator.collimation.tables import rows
from core.errors import InputError

LHC_LENGTH_M = 26658.8832
IP_M: dict[int, float] = {
    1: 0.0,
    2: 3332.4367,
    3: 6664.5684,
    4: 9997.0053,
    5: 13329.2894,
    6: 16661.7260,
    7: 19994.1624,
    8: 23315.3790,
}
"""Positions of the interaction points (LHC layout 2024, as in the collimator table)."""
BEAMS = (1, 2)


class UnknownCollimatorError(InputError, KeyError):
    """No collimator is called that; the text names the nearest."""

    def __str__(self) -> str:
        return f"{self.origin}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Collimator:
    """One collimator.

    Parameters
    ----------
    name
        In lower case, with dots: ``tcp.c6l7.b1``.
    s_m
        Centre along the ring.
    angle_deg
        Of the collimation plane: 0 horizontal, 90 vertical.
    betx_m, bety_m, sigma_mm
        Optics at beta* = 30 cm, and the beam size in the collimation plane at 6.8 TeV (normalised emittance 3.5 um).
    blm
        The ionisation chamber just behind it (names of 2018), or nothing.
    side
        Jaws it has: ``both``, ``left`` or ``right``.
    """

    name: str
    beam: int
    ir: int
    family: Family
    s_m: float
    length_m: float
    angle_deg: float
    material: str
    active: bool
    betx_m: float
    bety_m: float
    sigma_mm: float
    blm: str
    side: str


@cache
def collimators(beam: int | None = None, active: bool | None = None) -> tuple[Collimator, ...]:
    """Return the collimators (of a beam, in use or not) in the order in which their beam meets them from IP1 on."""
    everything = tuple(_collimator(row) for row in rows("lhc_collimators"))
    ordered = sorted(everything, key=lambda one: (one.beam, along(one.s_m, one.beam)))
    return tuple(
        one for one in ordered if (beam is None or one.beam == beam) and (active is None or one.active == active)
    )


def find(name: str) -> Collimator:
    """Return a collimator by its name, in any case and with dots, underscores or blanks.

    Raises
    ------
    UnknownCollimatorError
        No collimator is called that; the text names the nearest.
    """
    known = _by_name()
    found = known.get(_plain(name))
    if found is not None:
        return found
    near = difflib.get_close_matches(_plain(name[:60]), list(known), n=3)
    hint = f"; nearest: {', '.join(known[one].name for one in near)}" if near else ""
    raise UnknownCollimatorError(name[:60], f"is no collimator of the LHC{hint}")


def along(s_m: float, beam: int) -> float:
    """Return the way from IP1 to a position in the direction of a beam, in metres."""
    return s_m % LHC_LENGTH_M if beam == 1 else (LHC_LENGTH_M - s_m) % LHC_LENGTH_M


@cache
def warm_regions() -> tuple[tuple[float, float], ...]:
    """Return begin and end of each warm stretch of the ring in metres; one wraps around IP1 (begin > end)."""
    return tuple((float(row["start_m"]), float(row["end_m"])) for row in rows("warm_regions"))


@cache
def ir_ranges() -> dict[str, tuple[float, float]]:
    """Return the stretches that people zoom to: ``betatron``, ``momentum``, ``dump``, ``IP1``... (may wrap)."""
    return {row["name"]: (float(row["start_m"]), float(row["end_m"])) for row in rows("ir_ranges")}


@cache
def ds_range(beam: int) -> tuple[float, float]:
    """Return the cold stretch behind IR7 that a beam meets first: the dispersion suppressor, in metres.

    From the end of the warm part of IR7 to the end of the betatron zone of xcoll's LHC metadata: 4.1e-4 of the losses
    of the published map lie there (facts/collimation.md, A1). Mirrored at IP7 for beam 2.
    """
    begin_m, end_m = 20252.9744, ir_ranges()["betatron"][1]
    return (begin_m, end_m) if beam == 1 else (2 * IP_M[7] - end_m, 2 * IP_M[7] - begin_m)


def is_warm(s_m: ArrayLike, regions: Sequence[tuple[float, float]] | None = None) -> NDArray[np.bool_]:
    """Return which positions lie in a warm stretch."""
    return within(s_m, warm_regions() if regions is None else regions)


def within(s_m: ArrayLike, ranges: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
    """Return which positions lie in one of the ranges; a range whose begin is beyond its end wraps around IP1."""
    at = np.asarray(s_m, dtype=float)
    inside = np.zeros(at.shape, dtype=bool)
    for begin_m, end_m in ranges:
        if begin_m <= end_m:
            inside |= (at >= begin_m) & (at < end_m)
        else:
            inside |= (at >= begin_m) | (at < end_m)
    return inside


@cache
def _by_name() -> dict[str, Collimator]:
    return {_plain(one.name): one for one in collimators()}


def _plain(name: str) -> str:
    return re.sub(r"[\s._-]+", ".", name.strip().lower())


def _collimator(row: dict[str, str]) -> Collimator:
    return Collimator(
        name=row["name"],
        beam=int(row["beam"]),
        ir=int(row["ir"]),
        family=Family(row["family"]),
        s_m=float(row["s_m"]),
        length_m=float(row["length_m"]),
        angle_deg=float(row["angle_deg"]),
        material=row["material"],
        active=row["active"] == "true",
        betx_m=float(row["betx_m"]),
        bety_m=float(row["bety_m"]),
        sigma_mm=float(row["sigma_mm"]),
        blm=row["blm"],
        side=row["side"],
    )
