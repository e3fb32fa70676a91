"""The faults that a cycle has: what each does, how strong its background is, and its record in the truth."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from dqm.its.simulate.acceptance import Vertex, z_weights
from dqm.its.simulate.background import Source
from dqm.its.simulate.cells import Floats
from dqm.its.simulate.effects import Effects, effects
from dqm.its.simulate.faults import BACKGROUNDS, Fault
from dqm.its.simulate.showers import source_of
from dqm.its.simulate.truth import TrueFault, side_of, true_fault
from dqm.its.simulate.world import World


@dataclass(frozen=True, slots=True, eq=False)
class Active:
    """A fault in a cycle.

    ``part``: share of the cycle for which it is there; ``effects``: what it does to the cells; ``source``: its
    background with the share of the cycle's time for which this is there at full strength, None for other faults.
    """

    fault: Fault
    part: float
    effects: Effects
    source: tuple[Source, float] | None


def active_faults(world: World, rng: Generator, began_s: float, ended_s: float) -> list[Active]:
    """Return the faults of more than no intensity that are there between two times; ``rng`` varies their strength."""
    found = []
    for fault in world.settings.faults:
        part = fault.overlap(began_s, ended_s)
        if part > 0 and fault.intensity > 0:
            source = _source(world, fault, began_s, part) if fault.cause in BACKGROUNDS else None
            found.append(Active(fault, part, effects((fault,), began_s, ended_s, rng), source))
    return found


def record(world: World, active: Active, vertex: Vertex, rate_hz: float) -> TrueFault:
    """Return the truth about a fault in a cycle with this vertex and interaction rate."""
    if active.source is not None:
        onset = world.rate(max(active.fault.began_s, 0.0))
        return true_fault(active.fault, active.part, active.fault.intensity * active.source[1] * onset / rate_hz)
    cells = list(active.fault.cells)
    usual = clusters_per_interaction(world, vertex)[cells] * rate_hz * world.collisions.frame_s
    change = (usual * (active.effects.kept[cells] - 1) + active.effects.clusters[cells]).sum()
    return true_fault(active.fault, active.part, float(change / usual.sum()) if usual.sum() > 0 else 0.0)


def clusters_per_interaction(world: World, vertex: Vertex) -> Floats:
    """Return the clusters of a mean interaction in each cell of the detector as it is, before drifts and faults."""
    weights = z_weights(vertex, world.acceptance.z_cm)
    return np.asarray((world.acceptance.clusters @ weights + world.electrons) * world.detector.seen)


def _source(world: World, fault: Fault, began_s: float, part: float) -> tuple[Source, float]:
    """Background is as strong as the luminosity was when it began, and then goes with the beams."""
    settings, onset_s = world.settings, max(fault.began_s, 0.0)
    side_rate = world.side_clusters[side_of(fault.cause)] * world.rate(onset_s)
    now, then = (settings.fill.beam(settings.began_in_fill_s + at) for at in (max(began_s, onset_s), onset_s))
    return source_of(fault, side_rate, settings.shift), part * now / then
