"""The state of everything during one cycle: rate, vertex, what each cell registers, what faults do."""

from dataclasses import dataclass, replace

import numpy as np

from dqm.its.simulate.acceptance import Vertex
from dqm.its.simulate.active import active_faults, record
from dqm.its.simulate.background import Source
from dqm.its.simulate.beams import ORBIT_S
from dqm.its.simulate.cells import Floats, name
from dqm.its.simulate.drifts import NOISE_GROWTH_PER_H, Drifts, Wandered
from dqm.its.simulate.effects import Effects, together
from dqm.its.simulate.luminosity import JITTER
from dqm.its.simulate.streams import Streams
from dqm.its.simulate.truth import Truth
from dqm.its.simulate.world import World


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One cycle before anything is counted.

    Parameters
    ----------
    orbits
        Orbits for which data were read out.
    rate_hz
        Interaction rate, mean.
    vertex
        Where interactions are now.
    registered
        Share of what passes or fires that each cell publishes: drifts, restarts and faults but not chips, (CELLS,).
    noise
        Noise clusters per frame in every cell, (CELLS,).
    larger
        Factor on the size of clusters of collisions, (CELLS,).
    effects
        What hardware faults do.
    flagged
        Share of the time for which the readout says FAULT, (CELLS,).
    halo, background
        Sources of background, each with the share of the time for which it is there.
    truth
        The labels.
    """

    orbits: int
    rate_hz: float
    vertex: Vertex
    registered: Floats
    noise: Floats
    larger: Floats
    effects: Effects
    flagged: Floats
    halo: tuple[tuple[Source, float], ...]
    background: tuple[tuple[Source, float], ...]
    truth: Truth


def moment(world: World, drifts: Drifts, streams: Streams, began_s: float, ended_s: float) -> Moment:
    """Work out the state between two times; draws drifts, the luminosity's jitter and the variation of faults."""
    settings = world.settings
    wandered = drifts.advance(streams.drifts, ended_s - began_s)
    live_s = max(ended_s - max(began_s, settings.ramp_s), 0.0) + _ramped(began_s, ended_s, settings.ramp_s)
    rate_hz = world.rate((began_s + ended_s) / 2) * float(1 + JITTER * streams.beams.standard_normal())
    vertex = replace(world.vertex, z_cm=world.vertex.z_cm + wandered.vertex_cm)
    active = active_faults(world, streams.hardware, began_s, ended_s)
    done, lost = together(found.effects for found in active), drifts.lost(began_s, ended_s)
    intensity = settings.fill.beam(settings.began_in_fill_s + began_s)
    return Moment(
        orbits=int(live_s / ORBIT_S),
        rate_hz=rate_hz,
        vertex=vertex,
        registered=wandered.kept * done.kept * (1 - lost),
        noise=_noise(world, wandered, began_s),
        larger=world.detector.size_factor * wandered.larger * done.larger,
        effects=done,
        flagged=np.maximum(done.flagged, lost),
        halo=tuple((source, intensity * float(f)) for source, f in zip(world.halo, wandered.halo, strict=True)),
        background=tuple(found.source for found in active if found.source),
        truth=Truth(
            tuple(record(world, found, vertex, rate_hz) for found in active),
            rate_hz,
            tuple(name(int(cell)) for cell in np.flatnonzero(lost > 0)),
        ),
    )


def _ramped(began_s: float, ended_s: float, ramp_s: float) -> float:
    """Live time within the ramp, where data begin to flow linearly."""
    if ramp_s <= 0 or began_s >= ramp_s:
        return 0.0
    return (min(ended_s, ramp_s) ** 2 - began_s**2) / 2 / ramp_s


def _noise(world: World, wandered: Wandered, began_s: float) -> Floats:
    return world.detector.noise * wandered.noise * (1 + NOISE_GROWTH_PER_H * began_s / 3600)
