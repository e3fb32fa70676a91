"""The patterns whose sum the ordinary losses of a fill are, learnt from its first hour.

What is lost per second is a sum: each plane of the halo of each beam and the debris of collisions have a pattern, which
stays while the machine does, and a part in the sum, which comes and goes. Shares of such a sum lie in a flat space of
few dimensions (as in Marsili's decomposition of loss maps). It is learnt from the fill itself, whatever the patterns of
this machine are: a settings error leads out of it, another mix of planes does not.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

MOST_PATTERNS = 8
ABOVE_NOISE = 2.0
"""A direction counts if its scatter is so many times what noise makes."""
LEAST_NOISE = 0.002
"""Shares are not believed to less than this part of themselves."""
FAINT = 5.0
"""Channels below so many times their noise do not count."""


@dataclass(frozen=True, slots=True, eq=False)
class FillPatterns:
    """What is learnt of a fill.

    Parameters
    ----------
    kept : (n,)
        Index of the channels that count.
    mean : (n,)
        Their mean shares of all losses in these channels.
    noise : (n,)
        Standard deviation of one minute, as a part of the mean.
    directions : (m, n)
        In which directions shares come and go, as parts of the mean.
    """

    kept: NDArray[np.intp]
    mean: Floats
    noise: Floats
    directions: Floats

    def away(self, signals: Floats) -> Floats:
        """Return by which part of itself each channel (n,) is off its mean share, for signals (C,)."""
        own = signals[self.kept]
        found: Floats = own / max(float(own.sum()), 1e-300) / self.mean - 1.0
        return found

    def changed(self, logs: Floats) -> Floats:
        """Return the same for patterns whose logarithms change by ``logs`` (..., C)."""
        shares = self.mean * np.exp(logs[..., self.kept])
        found: Floats = shares / shares.sum(axis=-1, keepdims=True) / self.mean - 1.0
        return found

    def ordinary(self, signals: Floats) -> Floats:
        """Return the logarithm (C,) by which the mix of the moment differs from the mean; 0 where nothing is known."""
        weight = 1.0 / np.hypot(self.noise, LEAST_NOISE)
        design = (self.directions * weight).T
        parts = np.linalg.lstsq(design, self.away(signals) * weight, rcond=None)[0]
        found = np.zeros(len(signals))
        found[self.kept] = np.log(np.maximum(1.0 + parts @ self.directions, 0.05))
        return found


def learn(minutes: Floats, noise: Floats, there: NDArray[np.bool_]) -> FillPatterns | None:
    """Learn the patterns of a fill.

    Parameters
    ----------
    minutes : (B, C)
        Mean signals of minutes.
    noise : (C,)
        Standard deviation of the signals of a minute.
    there : (C,)
        Which channels may count.

    Returns
    -------
    FillPatterns | None
        None if too few channels count.
    """
    level = minutes.mean(axis=0)
    kept = np.flatnonzero(there & (level > FAINT * noise) & (minutes > 0).all(axis=0))
    if len(kept) <= MOST_PATTERNS:
        return None
    shares = minutes[:, kept] / minutes[:, kept].sum(axis=1, keepdims=True)
    mean = shares.mean(axis=0)
    relative = noise[kept] / level[kept]
    width = np.hypot(relative, LEAST_NOISE)
    _, size, found = np.linalg.svd((shares / mean - 1.0) / width, full_matrices=False)
    count = min(int((size / np.sqrt(len(minutes)) > ABOVE_NOISE).sum()), MOST_PATTERNS)
    return FillPatterns(kept, mean, relative, found[:count] * width)
