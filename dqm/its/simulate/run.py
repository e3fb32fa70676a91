"""A simulated run, cycle by cycle: what the QC would publish, and beside it what is true.

Two things make it fast enough for hundreds of shifts: acceptance is integrated once per run
(`dqm.its.simulate.acceptance`), and a cycle draws counts per cell (`dqm.its.simulate.counts`), not particles. Every
part of a run has a stream of random numbers of its own, so that a fault changes nothing but what it does: with
intensity 0 the run is the same, bit for bit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator, SeedSequence

from dqm.its.simulate.beams import ORBIT_S
from dqm.its.simulate.cells import Floats
from dqm.its.simulate.drifts import Drifts
from dqm.its.simulate.moment import Moment, moment
from dqm.its.simulate.sampling import observe
from dqm.its.simulate.settings import RunSettings
from dqm.its.simulate.streams import Streams
from dqm.its.simulate.truth import Truth
from dqm.its.simulate.world import build

_SHORTEST = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedCycle:
    """One cycle.

    Parameters
    ----------
    number
        CycleNumber, from 1.
    began_s, ended_s
        Seconds since the start of the run. The first cycle is shorter: cycles are cut by the clock of the QC.
    payload
        Arrays by the names, shapes and units of `dqm.its.objects`, float64.
    truth
        What is true; never part of what is published.
    """

    number: int
    began_s: float
    ended_s: float
    payload: Mapping[str, Floats]
    truth: Truth


def simulate_run(settings: RunSettings, seed: int) -> Iterator[SimulatedCycle]:
    """Yield the cycles of one run; the same settings and seed give the same run.

    Raises
    ------
    core.errors.SettingsError
        If a fault needs what there is not (raised when it was made).
    """
    streams = Streams.of(SeedSequence([seed, 0x2175]))
    world = build(settings, streams.world)
    drifts = Drifts.start(streams.drifts, settings.vertex_wander_cm, settings.recoveries_per_hour, settings.duration_s)
    for number, (began_s, ended_s) in enumerate(_times(settings, streams.world), 1):
        now: Moment = moment(world, drifts, streams, began_s, ended_s)
        yield SimulatedCycle(number, began_s, ended_s, observe(world, now, streams), now.truth)


def _times(settings: RunSettings, rng: Generator) -> list[tuple[float, float]]:
    first = settings.cycle_s * float(rng.uniform(_SHORTEST, 1.0))
    edges = [0.0, *np.arange(first, settings.duration_s, settings.cycle_s).tolist(), settings.duration_s]
    return [(began, ended) for began, ended in pairwise(edges) if ended - began > 100 * ORBIT_S]
