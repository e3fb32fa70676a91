"""How loss rates go over a fill, second by second: halo of each beam in each plane, spikes, luminosity, intensity."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.geometry import BEAMS
from accelerator.collimation.simulate.fill import FillPlan

Floats: TypeAlias = NDArray[np.float64]

PLANES = ("H", "V", "S", "DP-")
USUAL = (0.52, 0.36, 0.08, 0.04)
"""Part of each plane in ordinary losses; wanders slowly."""
WANDER_S = 1800.0
WANDER = 0.25
JITTER_S, JITTER = 25.0, 0.12
SPIKES_PER_HOUR, SPIKE_S = 3.0, 4.0
CAPTURE_S, CAPTURE_PROTONS = 30.0, 1e12
"""Uncaptured protons are lost off momentum in the first half minute of the ramp."""
INJECTIONS = 24
LUMINOSITY_LIFETIME_H = 14.0


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A fill second by second; T of them.

    Parameters
    ----------
    phase : (T,)
        Index of the phase.
    rate_per_s : beam to (T, planes)
        Protons lost per second in each of `PLANES`.
    intensity : beam to (T,)
    luminosity : (T,)
        Relative to its peak.
    energy_gev : (T,)
    blowup : (beam, plane) to (T,)
        Whether the damper says that it is running.
    injections : beam to seconds at which a batch arrives.
    """

    phase: NDArray[np.intp]
    rate_per_s: dict[int, Floats]
    intensity: dict[int, Floats]
    luminosity: Floats
    energy_gev: Floats
    blowup: dict[tuple[int, str], NDArray[np.bool_]]
    injections: dict[int, NDArray[np.intp]]


def course(plan: FillPlan, rng: np.random.Generator) -> Course:
    """Draw how a fill goes."""
    phase = np.repeat(np.arange(len(plan.phases)), [int(one.seconds) for one in plan.phases])
    within = np.concatenate([np.linspace(0, 1, int(one.seconds), endpoint=False) for one in plan.phases])
    begin = np.array([one.begin_gev for one in plan.phases])[phase]
    end = np.array([one.end_gev for one in plan.phases])[phase]
    has_beam = np.array([one.has_beam for one in plan.phases])[phase]
    collides = np.array([one.collides for one in plan.phases])[phase]
    luminosity = np.where(collides, np.exp(np.cumsum(collides) / (-3600 * LUMINOSITY_LIFETIME_H)), 0.0)
    flags = {(beam, plane): np.zeros(len(phase), dtype=bool) for beam in BEAMS for plane in "HV"}
    rates, intensities, injections = {}, {}, {}
    for beam in BEAMS:
        filling = np.array([one.beam_mode == "INJPHYS" for one in plan.phases])[phase]
        injections[beam] = _injections(filling, rng)
        intensity = _intensity(plan, filling, has_beam, collides, injections[beam])
        intensities[beam] = intensity
        rates[beam] = _rates(plan, phase, intensity, rng)
    for one in plan.blowups:
        inside = slice(int(one.at_s), int(one.at_s) + one.seconds)
        flags[one.beam, one.plane][inside] = True
        shape = np.hanning(one.seconds + 2)[1:-1]
        rates[one.beam][inside, PLANES.index(one.plane)] += one.protons * shape / shape.sum()
    return Course(phase, rates, intensities, luminosity, begin + within * (end - begin), flags, injections)


def _injections(filling: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.intp]:
    seconds = np.flatnonzero(filling)
    if not len(seconds):
        return seconds
    return np.sort(rng.choice(seconds, size=min(INJECTIONS, len(seconds)), replace=False))


def _intensity(
    plan: FillPlan,
    filling: NDArray[np.bool_],
    has_beam: NDArray[np.bool_],
    collides: NDArray[np.bool_],
    injections: NDArray[np.intp],
) -> Floats:
    arrived = np.zeros(len(filling))
    arrived[injections] = 1.0 / max(len(injections), 1)
    level = np.cumsum(arrived) if len(injections) else np.ones(len(filling))
    decay = np.exp(np.cumsum(collides) / (-3600 * plan.lifetime_h))
    found: Floats = np.where(has_beam, plan.intensity * level * decay, 0.0)
    return found


def _rates(plan: FillPlan, phase: NDArray[np.intp], intensity: Floats, rng: np.random.Generator) -> Floats:
    seconds = len(phase)
    planes = np.log(USUAL) + np.column_stack([_wander(seconds, WANDER_S, WANDER, rng) for _ in PLANES])
    parts = np.exp(planes)
    parts /= parts.sum(axis=1, keepdims=True)
    level = intensity / (plan.halo_lifetime_h * 3600) * np.exp(_wander(seconds, JITTER_S, JITTER, rng))
    for at in np.flatnonzero(rng.random(seconds) < SPIKES_PER_HOUR / 3600):
        height = rng.pareto(1.5) + 1.0
        after = np.arange(min(30, seconds - int(at)))
        level[at : at + len(after)] *= 1 + min(height, 20.0) * np.exp(-after / SPIKE_S)
    rates: Floats = level[:, None] * parts
    ramp = np.flatnonzero(np.array([one.beam_mode == "RAMP" for one in plan.phases])[phase])
    if len(ramp):
        fall = np.exp(-np.arange(len(ramp)) / CAPTURE_S)
        rates[ramp, PLANES.index("DP-")] += CAPTURE_PROTONS * fall / fall.sum()
    return rates


def _wander(seconds: int, memory_s: float, size: float, rng: np.random.Generator) -> Floats:
    """Draw an Ornstein-Uhlenbeck course."""
    from scipy.signal import lfilter

    keep = np.exp(-1.0 / memory_s)
    kicks = rng.normal(size=seconds) * size * np.sqrt(1 - keep**2)
    kicks[0] = rng.normal() * size
    found: Floats = lfilter([1.0], [1.0, -keep], kicks)
    return found
