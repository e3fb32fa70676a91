"""What wanders while nothing is wrong: efficiency, noise, thresholds, the vertex; and lanes that restart.

Each drift is a stationary first-order autoregressive process (Ornstein-Uhlenbeck, sampled at the cycles); the
sizes are assumptions: efficiency of a cell 0.2 %, noise 10 %, cluster size of a layer 0.3 %, times of 2, 2 and 4 hours,
vertex along z (as set, 1 hour), halo of either side 20 % (1 hour). Radiation lets noise grow by 1 % an hour.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from dqm.its.simulate.cells import CELLS, Floats, layers

NOISE_GROWTH_PER_H = 0.01
_RECOVERY_S = 8.0


@dataclass(slots=True)
class Drift:
    """Values that wander about zero: ``sigma`` of their spread, ``time_s`` of their memory."""

    values: Floats
    sigma: float
    time_s: float

    @classmethod
    def start(cls, rng: Generator, count: int, sigma: float, time_s: float) -> "Drift":
        """Return a drift that has been going on for ever."""
        return cls(sigma * rng.standard_normal(count), sigma, time_s)

    def advance(self, rng: Generator, seconds: float) -> Floats:
        """Go on by a time and return the values."""
        kept = float(np.exp(-seconds / self.time_s))
        self.values = kept * self.values + np.sqrt(1 - kept**2) * self.sigma * rng.standard_normal(self.values.size)
        return self.values


@dataclass(slots=True)
class Drifts:
    """All drifts of a run, and the times at which lanes restart (``recoveries``: start, cell, length in s; (n, 3))."""

    efficiency: Drift
    noise: Drift
    size: Drift
    vertex: Drift
    halo: Drift
    recoveries: Floats

    @classmethod
    def start(cls, rng: Generator, vertex_cm: float, recoveries_per_hour: float, duration_s: float) -> "Drifts":
        """Begin all drifts of a run and draw its restarts: exponential lengths of 8 s on average, any lane."""
        count = int(rng.poisson(recoveries_per_hour * duration_s / 3600))
        restarts: Floats = np.zeros((count, 3))
        restarts[:, 0] = rng.uniform(0, duration_s, count)
        restarts[:, 1] = rng.integers(0, CELLS, count)
        restarts[:, 2] = rng.exponential(_RECOVERY_S, count)
        return cls(
            Drift.start(rng, CELLS, 0.002, 7200.0),
            Drift.start(rng, CELLS, 0.1, 7200.0),
            Drift.start(rng, 7, 0.003, 14400.0),
            Drift.start(rng, 1, vertex_cm, 3600.0),
            Drift.start(rng, 2, 0.2, 3600.0),
            restarts,
        )

    def advance(self, rng: Generator, seconds: float) -> "Wandered":
        """Go on by a time and return where everything is."""
        return Wandered(
            kept=1 + self.efficiency.advance(rng, seconds),
            noise=np.exp(self.noise.advance(rng, seconds)),
            larger=1 + self.size.advance(rng, seconds)[layers()],
            vertex_cm=float(self.vertex.advance(rng, seconds)[0]),
            halo=np.exp(self.halo.advance(rng, seconds)),
        )

    def lost(self, began_s: float, ended_s: float) -> Floats:
        """Return the share of a cycle for which every lane was restarting, shape (CELLS,)."""
        share = np.zeros(CELLS)
        for start, cell, length in self.recoveries:
            share[int(cell)] += max(0.0, min(ended_s, start + length) - max(began_s, start)) / (ended_s - began_s)
        return np.minimum(share, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Wandered:
    """Factors on efficiency, noise and cluster size of the cells, (CELLS,) each, and on the halo (A, C)."""

    kept: Floats
    noise: Floats
    larger: Floats
    vertex_cm: float
    halo: Floats
