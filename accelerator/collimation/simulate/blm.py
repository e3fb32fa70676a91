"""Beam-loss monitors: from lost protons to the Gy/s of all ionisation chambers, with what disturbs them.

A response matrix per beam (`shower`), background, noise and steps of the electronics, saturation, and dead chambers.
Levels: no-beam background 2.4 to 2.8e-7 Gy/s in the arcs, 1 to 5e-6 at activated collimators (RS09, 2018;
facts/collimation.md, A1). Noise, steps and the dose of a proton are orders of magnitude from memory.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import model_error
from accelerator.collimation.channels import channels
from accelerator.collimation.families import Family
from accelerator.collimation.geometry import BEAMS, LHC_LENGTH_M, collimators
from accelerator.collimation.monitors import monitors
from accelerator.collimation.simulate.optics import optics
from accelerator.collimation.simulate.shower import (
    APERTURE_YIELD,
    CROSSTALK,
    KIND,
    MONITOR_SPREAD,
    OTHER_MONITOR_SPREAD,
    REACH_M,
    YIELD,
    kernel,
)

Floats: TypeAlias = NDArray[np.float64]

MACHINE_SEED = 2018
DOSE_GY_PER_PROTON = 2e-12
"""At the peak of the shower of a primary, at 6.8 TeV; goes with the energy."""
TOP_ENERGY_GEV = 6800.0
ARC_BACKGROUND_GY_PER_S = (2.4e-7, 2.8e-7)
ACTIVATED_GY_PER_S = (1e-6, 5e-6)
WARM_BACKGROUND_GY_PER_S = (2.6e-7, 6e-7)
NOISE_GY_PER_S = 8e-9
NOISE_PART = 0.01
STEP_GY_PER_S = 2e-9
SATURATION_GY_PER_S = 23.0
WARM_DECAY_M = 35.0
PLACES_M = 12.0
"""Losses on the aperture spread over about this length behind a checkpoint."""


_ALONG = (0.0, 3.0, 6.0, 9.0, PLACES_M)


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """The ionisation chambers of the ring; M of them.

    Parameters
    ----------
    names : (M,)
    matrices : beam to (M, C)
        Gy/s per proton/s lost in each channel of the beam, at 6.8 TeV.
    background_gy_per_s : (M,)
        Without beam.
    """

    names: tuple[str, ...]
    matrices: Mapping[int, Floats]
    background_gy_per_s: Floats

    @classmethod
    def load(cls, seed: int = MACHINE_SEED) -> "Response":
        """Return the monitors of a machine; another seed gives other factors of monitors and backgrounds."""
        rng = np.random.default_rng(seed)
        chambers = monitors(ionisation=True)
        spread = np.array([MONITOR_SPREAD.get(one.kind, OTHER_MONITOR_SPREAD) for one in chambers])
        own = np.exp(spread * rng.normal(size=len(chambers)))
        kind = np.array([KIND.get(one.kind, 0.0) for one in chambers])
        s_m = np.array([one.s_m for one in chambers])
        beam_of = np.array([one.beam for one in chambers])
        matrices = {}
        for beam in BEAMS:
            lateral = np.where((beam_of == beam) | (beam_of == 0), 1.0, CROSSTALK)
            factor = DOSE_GY_PER_PROTON * own * kind * lateral
            matrices[beam] = factor[:, None] * _per_channel(beam, s_m, rng)
        return cls(tuple(one.name for one in chambers), matrices, _background(rng))

    def signals(
        self, lost_per_s: Mapping[int, Mapping[str, float] | Floats], energy_gev: float = TOP_ENERGY_GEV
    ) -> Floats:
        """Return the signal above background of all chambers in Gy/s, shape (M,) or (T, M).

        Parameters
        ----------
        lost_per_s
            Protons lost per second by beam: by channel (missing: none), or an array over `channels.channels` in its
            last axis.
        energy_gev
            Of the beams.
        """
        total: Floats = np.zeros(len(self.names))
        for beam, lost in lost_per_s.items():
            total = total + _vector(beam, lost) @ self.matrices[beam].T
        return total * (energy_gev / TOP_ENERGY_GEV)

    def read(
        self, signal: NDArray[np.floating], rng: np.random.Generator, dead: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Return what is logged: background, noise, steps and saturation added to signals (..., M) in Gy/s."""
        level = (signal + self.background_gy_per_s).astype(np.float32)
        noise = rng.standard_normal(level.shape, dtype=np.float32)
        level += noise * (np.float32(NOISE_GY_PER_S) + np.float32(NOISE_PART) * np.abs(level))
        level /= np.float32(STEP_GY_PER_S)
        np.rint(level, out=level)
        level *= np.float32(STEP_GY_PER_S)
        np.minimum(level, np.float32(SATURATION_GY_PER_S), out=level)
        if dead is not None:
            level[..., dead] = 0.0
        return level


def draw_dead(response: Response, rng: np.random.Generator, part: float = 0.003) -> NDArray[np.bool_]:
    """Draw the chambers that read nothing."""
    found: NDArray[np.bool_] = rng.random(len(response.names)) < part
    return found


def model_error_factors(rng: np.random.Generator, beam: int, scale: float = 1.0) -> Floats:
    """Draw how wrong a computed pattern may be: factor per channel, shape (C,) (see `model_error`)."""
    every = channels(beam)
    families = [str(one.family) if one.family else _group_family(one.name, one.kind) for one in every]
    logs = model_error.draw(rng, [one.name for one in every], families, np.array([scale]))[0]
    found: Floats = np.exp(logs)
    return found


def _group_family(name: str, kind: str) -> str:
    return "ds" if name.startswith("ir7 ds") else kind


def _vector(beam: int, lost: Mapping[str, float] | Floats) -> Floats:
    if isinstance(lost, np.ndarray):
        return lost
    return np.array([lost.get(one.name, 0.0) for one in channels(beam)])


def _per_channel(beam: int, s_m: Floats, rng: np.random.Generator) -> Floats:
    """Return the response of monitors at positions to a loss in each channel, shape (M, C)."""
    every = channels(beam)
    line = optics(beam)
    sign = 1.0 if beam == 1 else -1.0
    found = np.zeros((len(s_m), len(every)))
    for column, one in enumerate(every):
        if one.family is not None:
            _add(found[:, column], s_m, one.s_m, sign, YIELD.get(one.family, 1.0), (0.0,))
            continue
        places = line.s_m[(line.channel == column) & ~line.is_collimator]
        if not len(places):
            places = np.array([one.s_m])
        weights = rng.dirichlet(np.full(len(places), 2.0)) * _near_primaries(one.name, beam, places, sign)
        for place, weight in zip(places, weights / weights.sum(), strict=True):
            _add(found[:, column], s_m, place, sign, APERTURE_YIELD * weight, _ALONG)
    return found


def _add(column: Floats, s_m: Floats, place_m: float, sign: float, factor: float, along_m: Sequence[float]) -> None:
    way = _behind(s_m, place_m, sign)
    near = np.flatnonzero(np.abs(way) < REACH_M)
    column[near] += factor * np.mean([kernel(way[near] - along) for along in along_m], axis=0)


def _near_primaries(group: str, beam: int, places_m: Floats, sign: float) -> Floats:
    """Return weights of places in the warm part of IR7 and IR3: what showers out of primaries is lost close behind."""
    family = {"warm ir7": Family.TCP7, "warm ir3": Family.TCP3}.get(group.removesuffix(f" b{beam}"))
    if family is None:
        return np.ones(len(places_m))
    primary = next(one for one in collimators(beam) if one.family is family)
    behind = _behind(places_m, primary.s_m, sign)
    found: Floats = np.where(behind > 0, np.exp(-np.abs(behind) / WARM_DECAY_M), 1e-4) + 1e-5
    return found


def _behind(s_m: Floats, place_m: float, sign: float) -> Floats:
    found: Floats = (sign * (s_m - place_m) + LHC_LENGTH_M / 2) % LHC_LENGTH_M - LHC_LENGTH_M / 2
    return found


def _background(rng: np.random.Generator) -> Floats:
    activated = {Family.TCP7, Family.TCSG7, Family.TCLA7, Family.TCP3, Family.TCSG3}
    hot = {one.blm for beam in BEAMS for one in collimators(beam) if one.family in activated}
    chambers = monitors(ionisation=True)
    levels = np.empty(len(chambers))
    for at, one in enumerate(chambers):
        low, high = ARC_BACKGROUND_GY_PER_S
        if one.name in hot:
            low, high = ACTIVATED_GY_PER_S
        elif one.kind in {"coll", "warm"}:
            low, high = WARM_BACKGROUND_GY_PER_S
        levels[at] = np.exp(rng.uniform(np.log(low), np.log(high)))
    return levels
