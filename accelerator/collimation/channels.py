"""The lines of a loss pattern: every collimator of a beam, then groups of the aperture (cold and warm stretches).

The same channels hold lost protons (tracked maps) and BLM signals: a collimator stands for its own loss or the
ionisation chamber behind it, a group for the losses in its stretch or the mean of the chambers there.
"""

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from accelerator.collimation.families import Family
from accelerator.collimation.geometry import (
    BEAMS,
    IP_M,
    LHC_LENGTH_M,
    collimators,
    ds_range,
    ir_ranges,
    is_warm,
    within,
)
from accelerator.collimation.monitors import by_name, plain_monitor

COLD, WARM = "cold", "warm"
_SECTORS = ("12", "23", "34", "45", "56", "67", "78", "81")
_TRIPLETS = (1, 2, 5, 8)
_KINDS = (
    "ir7 ds q8-9",
    "ir7 ds q10-11",
    "ir3 ds",
    *(f"triplet ir{ir}" for ir in _TRIPLETS),
    "cold insertions",
    *(f"cold arc {sector}" for sector in _SECTORS),
    "warm ir7",
    "warm ir3",
    "warm ir6",
    "warm elsewhere",
)
GROUPS: tuple[str, ...] = tuple(f"{kind} b{beam}" for beam in BEAMS for kind in _KINDS)
"""Names of all groups; `Channel.kind` tells cold from warm."""

TRIPLET_M, INSERTION_M, Q9_M, Q11_M = 60.0, 270.0, 345.0, 445.0
"""Distance from an interaction point to the end of triplet, insertion (Q7), Q9 and Q11."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One line of the pattern: ``kind`` is ``collimator``, ``cold`` or ``warm``; ``family`` is empty for a group."""

    name: str
    beam: int
    kind: str
    family: Family | None
    s_m: float


@cache
def channels(beam: int) -> tuple[Channel, ...]:
    """Return the channels of a beam: collimators in the order in which it meets them, then the groups."""
    own = tuple(Channel(one.name, beam, "collimator", one.family, one.s_m) for one in collimators(beam))
    return own + tuple(
        Channel(f"{kind} b{beam}", beam, WARM if kind.startswith("warm") else COLD, None, _middle_m(kind, beam))
        for kind in _KINDS
    )


@cache
def names(beam: int) -> tuple[str, ...]:
    """Return the names of the channels of a beam."""
    return tuple(one.name for one in channels(beam))


@cache
def index(beam: int) -> dict[str, int]:
    """Return the place of each channel of a beam by name."""
    return {name: at for at, name in enumerate(names(beam))}


@cache
def family_members(beam: int, family: Family) -> NDArray[np.bool_]:
    """Return which channels of a beam belong to a family."""
    return np.array([one.family is family for one in channels(beam)])


@cache
def of_kind(beam: int, kind: str) -> NDArray[np.bool_]:
    """Return which channels of a beam are of a kind (``collimator``, ``cold``, ``warm``)."""
    return np.array([one.kind == kind for one in channels(beam)])


def group_at(s_m: ArrayLike, beam: int, warm: NDArray[np.bool_] | None = None) -> NDArray[np.intp]:
    """Return the channel that a loss on the aperture belongs to.

    Parameters
    ----------
    s_m : (n,)
        Positions in the direction of beam 1, in metres.
    beam
        Of the particles lost.
    warm : (n,), optional
        Whether they are on warm elements; by the warm stretches of the ring if not given.

    Returns
    -------
    (n,)
        Index into `channels`.
    """
    at_m = np.asarray(s_m, dtype=float)
    is_at_warm = is_warm(at_m) if warm is None else warm
    where = index(beam)
    chosen = np.where(is_at_warm, _warm_group(at_m, beam, where), _cold_group(at_m, beam, where))
    return chosen.astype(np.intp)


@lru_cache(maxsize=16)
def monitor_channels(monitor_names: tuple[str, ...], beam: int) -> NDArray[np.intp]:
    """Return the channel of each monitor as one beam sees it, -1 for those that are in none.

    Its own chamber for a collimator (one that shares it with another in use has none); chambers of this beam or of both
    for the groups: cold ones in cold stretches, in warm stretches those of warm magnets and of empty collimator places.
    """
    own = _own_chambers(beam)
    known = by_name()
    chosen = np.full(len(monitor_names), -1, dtype=np.intp)
    grouped: list[int] = []
    for at, name in enumerate(monitor_names):
        found = known.get(plain_monitor(name))
        if found is None or not found.is_ionisation_chamber or found.beam not in {0, beam}:
            continue
        if found.name in own:
            chosen[at] = own[found.name]
        elif found.kind in {"cold", "warm", "coll"}:
            grouped.append(at)
    if grouped:
        there = [known[plain_monitor(monitor_names[at])] for at in grouped]
        warm = np.array([one.kind != "cold" for one in there])
        chosen[grouped] = group_at([one.s_m for one in there], beam, warm)
    chosen.setflags(write=False)
    return chosen


@cache
def _own_chambers(beam: int) -> dict[str, int]:
    ordered = sorted(collimators(beam), key=lambda one: one.active)  # one in use wins
    return {one.blm: index(beam)[one.name] for one in ordered if one.blm}


def _warm_group(s_m: NDArray[np.float64], beam: int, where: dict[str, int]) -> NDArray[np.intp]:
    found = np.full(s_m.shape, where[f"warm elsewhere b{beam}"], dtype=np.intp)
    for ir in (3, 6, 7):
        found[_distance_m(s_m, ir) < INSERTION_M + 5] = where[f"warm ir{ir} b{beam}"]
    return found


def _cold_group(s_m: NDArray[np.float64], beam: int, where: dict[str, int]) -> NDArray[np.intp]:
    bounds = np.array([IP_M[ir] for ir in range(2, 9)])
    sector = np.searchsorted(bounds, s_m, side="right")
    found = np.array([where[f"cold arc {one} b{beam}"] for one in _SECTORS], dtype=np.intp)[sector]
    for ir in IP_M:
        found[_distance_m(s_m, ir) < INSERTION_M] = where[f"cold insertions b{beam}"]
    for ir in _TRIPLETS:
        found[_distance_m(s_m, ir) < TRIPLET_M] = where[f"triplet ir{ir} b{beam}"]
    for ir, ends in ((3, ((Q11_M, "ir3 ds"),)), (7, ((Q11_M, "ir7 ds q10-11"), (Q9_M, "ir7 ds q8-9")))):
        behind = _behind_m(s_m, ir, beam)
        for end_m, kind in ends:
            found[(behind > 250) & (behind < end_m)] = where[f"{kind} b{beam}"]
    return found


def _distance_m(s_m: NDArray[np.float64], ir: int) -> NDArray[np.float64]:
    """How far from an interaction point."""
    away = np.abs(s_m - IP_M[ir]) % LHC_LENGTH_M
    return np.minimum(away, LHC_LENGTH_M - away)


def _behind_m(s_m: NDArray[np.float64], ir: int, beam: int) -> NDArray[np.float64]:
    """How far behind an interaction point, as the beam runs."""
    return (s_m - IP_M[ir]) * (1 if beam == 1 else -1)


def _middle_m(kind: str, beam: int) -> float:
    """A position that stands for a group in lists and drawings."""
    sign = 1 if beam == 1 else -1
    if kind.startswith("ir7 ds"):
        return IP_M[7] + sign * (300.0 if kind.endswith("q8-9") else 395.0)
    if kind == "ir3 ds":
        return IP_M[3] + sign * 350.0
    if kind.startswith("cold arc"):
        first, last = IP_M[int(kind[-2])], IP_M[int(kind[-1])] or LHC_LENGTH_M
        return (first + last) / 2
    return IP_M.get(int(kind[-1]) if kind[-1].isdigit() else 4, 0.0)


def is_in_ds(s_m: ArrayLike, beam: int) -> NDArray[np.bool_]:
    """Return which positions lie in the dispersion suppressor behind IR7 of a beam (cold part only)."""
    at_m = np.asarray(s_m, dtype=float)
    return within(at_m, (ds_range(beam),)) & ~is_warm(at_m)


def in_zone(name: str, s_m: ArrayLike) -> NDArray[np.bool_]:
    """Return which positions lie in a stretch of `geometry.ir_ranges`."""
    return within(s_m, (ir_ranges()[name],))
