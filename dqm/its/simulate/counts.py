"""Clusters and pixels that a QC task counts in a cycle, with the statistics of events and not only of clusters.

Interactions are a Poisson process in time and in z, each with a multiplicity of its own. So the summed activity of all
interactions of one bin of z is a compound Poisson number, independent of the other bins; it is drawn as a gamma number
with the same mean and variance. Given the activities, clusters of a cell are Poisson but for companions (see
`dqm.its.simulate.acceptance`): a particle leaves 1 or, with probability p, 2 clusters, so variance over mean is (1 + 3
p)/(1 + p), drawn as a negative binomial number. This gives exactly the covariance of any two cells that particles share
through multiplicity and vertex; left out are the correlation between layers by one and the same particle, and jets.
Sums of cluster sizes are normal with the mean and variance of the size in that cell, and no less than one each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from dqm.its.simulate.acceptance import COMPANIONS, Acceptance
from dqm.its.simulate.cells import CELLS, Floats, per_layer


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """Clusters of one origin, per cell, shape (CELLS,): how many are expected, sum of sizes, sum of squared sizes."""

    clusters: Floats
    pixels: Floats
    squares: Floats

    def scaled(self, factor: Floats | float) -> "Kind":
        """Return more or fewer of the same clusters."""
        return Kind(self.clusters * factor, self.pixels * factor, self.squares * factor)

    def larger(self, factor: Floats) -> "Kind":
        """Return as many clusters, larger by a factor."""
        return Kind(self.clusters, self.pixels * factor, self.squares * factor**2)


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """What one task counted in every cell: ``clusters`` and ``pixels``, shape (CELLS,)."""

    clusters: Floats
    pixels: Floats

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.clusters + other.clusters, self.pixels + other.pixels)


def draw_activity(rng: Generator, interactions: float, weights: Floats, dispersion: float) -> Floats:
    """Draw the summed activity (in mean interactions) of the interactions in every bin of z, shape (n,)."""
    return np.asarray(rng.gamma(interactions * weights / dispersion, dispersion))


def collision_clusters(acceptance: Acceptance, activity: Floats) -> Kind:
    """Return the clusters that collisions with these activities leave; chips perfect."""
    return Kind(acceptance.clusters @ activity, acceptance.pixels @ activity, acceptance.squares @ activity)


def one_size(clusters: Floats, mean: float, square: float) -> Kind:
    """Return clusters that have the same law of sizes in all cells."""
    return Kind(clusters, clusters * mean, clusters * square)


def count(rng: Generator, kind: Kind, companions: bool = False) -> Tally:
    """Draw how many there are and the sum of their sizes; ``companions``: with the pairs of collisions."""
    number = _with_companions(rng, kind.clusters) if companions else rng.poisson(kind.clusters).astype(np.float64)
    expected = np.where(kind.clusters > 0, kind.clusters, 1.0)
    mean = np.maximum(kind.pixels / expected, 1.0)
    variance = np.maximum(kind.squares / expected - mean**2, 0.0)
    pixels = number * mean + np.sqrt(number * variance) * rng.standard_normal(CELLS)
    return Tally(number, np.maximum(np.rint(pixels), number))


def _with_companions(rng: Generator, expected: Floats) -> Floats:
    share = per_layer(COMPANIONS)
    excess = 2 * share / (1 + share)
    shape = np.where(expected > 0, expected / excess, 1.0)
    number = rng.negative_binomial(shape, 1 / (1 + excess))
    return np.where(expected > 0, number, 0).astype(np.float64)
