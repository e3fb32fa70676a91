"""How unlikely counts are: gamma-Poisson (negative binomial) tails, as minus the logarithm to base 10."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from dqm.its.pixels.chip import Floats

LOWEST_SPREAD = 1e-9
"""Below it, the gamma-Poisson is a Poisson distribution to all digits."""
HIGHEST_SCORE = 300.0


def at_least(count: ArrayLike, mean: ArrayLike, spread: float) -> Floats:
    """Return -log10 P(n >= count) for counts of this mean and variance mean + spread * mean^2."""
    numbers = np.asarray(count, dtype=np.float64)
    if spread < LOWEST_SPREAD:
        return _score(stats.poisson.sf(numbers - 1, mean))
    return _score(stats.nbinom.sf(numbers - 1, 1 / spread, 1 / (1 + spread * np.asarray(mean))))


def at_most(count: ArrayLike, mean: ArrayLike, spread: float) -> Floats:
    """Return -log10 P(n <= count)."""
    if spread < LOWEST_SPREAD:
        return _score(stats.poisson.cdf(count, mean))
    return _score(stats.nbinom.cdf(count, 1 / spread, 1 / (1 + spread * np.asarray(mean))))


def _score(probability: Floats) -> Floats:
    return np.asarray(-np.log10(np.clip(probability, 10**-HIGHEST_SCORE, 1)) + 0.0)
