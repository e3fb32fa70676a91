"""The plots of long clusters: how many there were in a readout frame, and how many hits, per inner chip or outer stave.

Pairs of event and chip in which there is a long cluster are drawn exactly: Binomial in each class of events of like
size and direction, then a Poisson number that is not zero. A QC task leaves frames without long clusters out. Of more
than `MOST_PAIRS` pairs only so many are drawn one by one; the plots are then Poisson numbers about what these give,
scaled up, and so vary more than they should.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from dqm.its.geometry import LAYERS
from dqm.its.simulate.background import Events, kernel, streaks
from dqm.its.simulate.cells import INNER, Floats, Ints, staves

MOST_PAIRS = 50_000
_MOST_LONG = 40
_HIT_BINS, _HIT_RANGE = 250, 40_000
_BLINDING_PIXELS = 3000
_BLIND_FRAMES = 1.5
_OUTER_STAVES = sum(layer.staves for layer in LAYERS[3:])


@dataclass(frozen=True, slots=True, eq=False)
class Anomalies:
    """Frames: ``long`` (432 + 144, 41) by inner chip or outer stave and long clusters, ``hits`` (432, 250) by hits."""

    long: Floats
    hits: Floats

    def __add__(self, other: "Anomalies") -> "Anomalies":
        return Anomalies(self.long + other.long, self.hits + other.hits)


def none() -> Anomalies:
    """Return plots without entries."""
    return Anomalies(np.zeros((INNER + _OUTER_STAVES, _MOST_LONG + 1)), np.zeros((INNER, _HIT_BINS)))


def anomalies(rng: Generator, events: Events, alive: Floats, ordinary_pixels: Floats) -> Anomalies:
    """Draw the plots that background events fill.

    Parameters
    ----------
    alive
        Share of background clusters that each cell registers, shape (CELLS,).
    ordinary_pixels
        Mean hits of a readout frame in each chip of the inner barrel without background, shape (432,).
    """
    count, size = events.classes()
    shape = streaks(events.source.angle_rad)
    share = _by_place(kernel(events.source.side) * alive[:, None])
    mean = share[:, :, None] * size
    long_mean = mean * shape.long_share
    pairs = rng.binomial(count.astype(np.int64)[None], -np.expm1(-long_mean)).reshape(-1)
    scale = max(1.0, pairs.sum() / MOST_PAIRS)
    pairs = rng.binomial(pairs, 1 / scale) if scale > 1 else pairs
    where = np.repeat(np.arange(pairs.size), pairs)
    long = _not_zero_poisson(rng, long_mean.reshape(-1)[where])
    place = where // size.size
    inner = place < INNER
    others = rng.poisson(mean.reshape(-1)[where[inner]] * (1 - shape.long_share))
    hits = long[inner] * shape.long_pixels + _sum_of_sizes(rng, others, shape.short_mean, shape.short_square)
    hits += rng.poisson(ordinary_pixels[place[inner]])
    kept = hits < _HIT_RANGE
    hit_bins = (hits[kept] / _HIT_RANGE * _HIT_BINS).astype(np.int64)
    found = Anomalies(
        _plot(place, np.minimum(long, _MOST_LONG), none().long.shape),
        _plot(place[inner][kept], hit_bins, none().hits.shape),
    )
    return found if scale == 1 else Anomalies(_poisson(rng, found.long * scale), _poisson(rng, found.hits * scale))


def blinded_frames(events: Events) -> Floats:
    """Return the readout frames that each chip of the inner barrel misses after events of many hits, shape (432,).

    A chip is blind for one or two frames (1.5 on average) after an event that is expected to leave 3000 hits in it.
    """
    count, size = events.classes()
    hits = kernel(events.source.side)[:INNER, :, None] * size * streaks(events.source.angle_rad).mean
    return np.asarray((count * (hits > _BLINDING_PIXELS)).sum(axis=(1, 2)) * _BLIND_FRAMES)


def _plot(rows: Ints, columns: Ints, shape: tuple[int, ...]) -> Floats:
    """Count entries of a plot of two axes."""
    return np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def _poisson(rng: Generator, mean: Floats) -> Floats:
    return rng.poisson(mean).astype(np.float64)


def _by_place(share: Floats) -> Floats:
    """Inner chips as they are, outer cells summed over their stave: (576, 36)."""
    outer: Ints = staves()[INNER:] - LAYERS[3].first_stave
    summed = np.zeros((_OUTER_STAVES, share.shape[1]))
    np.add.at(summed, outer, share[INNER:])
    return np.concatenate((share[:INNER], summed))


def _not_zero_poisson(rng: Generator, mean: Floats) -> Ints:
    """Poisson numbers that are at least 1: the first arrival given that it is in time, and those after it."""
    first = -np.log1p(rng.random(mean.size) * np.expm1(-mean))
    return np.asarray(1 + rng.poisson(np.maximum(mean - first, 0.0)))


def _sum_of_sizes(rng: Generator, count: Ints, mean: float, square: float) -> Floats:
    spread = np.sqrt(count * max(square - mean**2, 0.0))
    return np.asarray(np.maximum(count * mean + spread * rng.standard_normal(count.size), count))
