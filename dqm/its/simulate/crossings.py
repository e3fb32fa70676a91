"""``BunchCrossingIDvsClusters``: readout frames by bunch crossing and number of clusters of more than 2 pixels.

Frames start at fixed bunch crossings (18 or 6 an orbit). Clusters of a frame: a Poisson number of interactions, each of
random multiplicity; sums are folded on a grid of `_STEP` clusters. How many bunches collide in each frame follows the
filling scheme, drawn per fill, with the abort gap at the end of the orbit; background comes with any bunch of the beam.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.stats import poisson

from dqm.its.simulate.beams import Collisions, activity
from dqm.its.simulate.cells import Floats

CROSSINGS = 3564
_X_BINS, _X_RANGE = 103, 4095
_Y_BINS, _Y_RANGE = 150, 3000
_STEP = 5.0
_SHAPE_SAMPLES = 200_000
_MOST = 60
_ABORT_GAP = 120
"""Bunch crossings without bunches at the end of an orbit (3 us)."""


@dataclass(frozen=True, slots=True, eq=False)
class Filling:
    """Colliding bunches and bunches of a beam in each frame of the orbit, relative to the mean, shape (frames,)."""

    colliding: Floats
    beam: Floats


def draw_filling(rng: Generator, frames: int) -> Filling:
    """Draw a filling scheme: trains fill three quarters to all of each frame; not all bunches collide."""
    gap = np.ones(frames)
    gap[-1] = max(0.0, 1 - _ABORT_GAP * frames / CROSSINGS)
    beam = rng.uniform(0.75, 1.0, frames) * gap
    colliding = beam * rng.uniform(0.8, 1.0, frames)
    return Filling(colliding / colliding.mean(), beam / beam.mean())


@dataclass(frozen=True, slots=True, eq=False)
class FrameSizes:
    """Chances of the sum of clusters of 0 to 60 interactions, shape (61, 600); the rest is above the range."""

    chances: Floats
    offset: int

    def of_frame(self, interactions: float) -> Floats:
        """Return the chances of the plot's 150 bins for a mean number of interactions; the rest is above."""
        weights = poisson.pmf(np.arange(_MOST + 1), interactions)
        fine = np.roll(weights @ self.chances, self.offset)
        fine[: self.offset] = 0.0
        return np.asarray(fine.reshape(_Y_BINS, -1).sum(axis=1))


def frame_sizes(collisions: Collisions, clusters: float, constant: float) -> FrameSizes:
    """Return the sums for interactions of a mean number of clusters (above 2 pixels) and a constant per frame."""
    bins = int(_Y_RANGE / _STEP)
    sample = activity(np.random.default_rng(0), collisions, _SHAPE_SAMPLES) * clusters
    one = np.histogram(sample, (np.arange(bins + 1) - 0.5) * _STEP)[0] / _SHAPE_SAMPLES
    chances = np.zeros((_MOST + 1, bins))
    chances[0, 0] = 1.0
    for count in range(1, _MOST + 1):
        chances[count] = np.convolve(chances[count - 1], one)[:bins]
    return FrameSizes(chances, min(int(constant / _STEP), bins - 1))


def crossings(
    rng: Generator, sizes: FrameSizes, filling: Filling, frames: int, interactions: float, background: Floats
) -> Floats:
    """Draw the plot, shape (103, 150).

    Parameters
    ----------
    frames
        Readout frames that the task saw.
    interactions
        Mean interactions per frame.
    background
        Clusters of each background event, shape (events,): each lies in a frame of its own.
    """
    number = filling.colliding.size
    found = np.zeros((_X_BINS, _Y_BINS))
    place = rng.choice(number, background.size, p=filling.beam / number)
    taken = np.bincount(place, minlength=number)
    for frame in range(number):
        chances = sizes.of_frame(interactions * float(filling.colliding[frame]))
        ordinary = max(frames // number - int(taken[frame]), 0)
        row = int(frame * CROSSINGS / number / _X_RANGE * _X_BINS)
        above = max(0.0, 1 - chances.sum())
        total = chances.sum() + above
        found[row] += rng.multinomial(ordinary, np.append(chances, above) / total)[:-1]
        clusters = background[place == frame]
        if clusters.size:
            under = np.searchsorted(np.cumsum(chances), rng.random(clusters.size)) * _Y_RANGE / _Y_BINS
            found[row] += np.histogram(under + clusters, _Y_BINS, (0, _Y_RANGE))[0]
    return found
