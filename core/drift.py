"""Whether what a detector sees has changed: two samples of one number compared, without assuming its distribution."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 10
CHANGED, LOOK = 0.25, 0.1
"""Usual limits of the population stability index: below 0.1 alike, above 0.25 another population."""
FEWEST = 50


class Change(StrEnum):
    """How far a number has moved."""

    ALIKE = "alike"
    LOOK = "look"
    CHANGED = "changed"
    UNKNOWN = "too few"


@dataclass(frozen=True, slots=True)
class Drift:
    """One number before and now; ``ks`` is the largest distance of the two cumulative distributions."""

    name: str
    before: float
    now: float
    psi: float
    ks: float
    counts: tuple[int, int]

    @property
    def change(self) -> Change:
        """How far it has moved, beyond what samples of this size show by chance."""
        if min(self.counts) < FEWEST:
            return Change.UNKNOWN
        chance = expected_psi(*self.counts)
        beyond = self.psi - chance
        return Change.CHANGED if beyond > CHANGED else Change.LOOK if beyond > LOOK else Change.ALIKE


def compare(name: str, before: Iterable[float | None], now: Iterable[float | None]) -> Drift:
    """Return the drift of one number; what is None or not finite is left out."""
    first, second = _finite(before), _finite(now)
    if not len(first) or not len(second):
        return Drift(name, _middle(first), _middle(second), 0.0, 0.0, (len(first), len(second)))
    sizes = (len(first), len(second))
    return Drift(name, _middle(first), _middle(second), psi(first, second), ks_distance(first, second), sizes)


def psi(before: ArrayLike, now: ArrayLike, bins: int = BINS) -> float:
    """Return the population stability index: sum of (q - p) ln(q / p) over the quantiles of the sample before.

    Each share is counted with half an observation more, so that an empty bin is finite. It is twice the mean of both
    Kullback-Leibler divergences (Jeffreys 1946).
    """
    first, second = np.asarray(before, np.float64), np.asarray(now, np.float64)
    edges = np.unique(np.quantile(first, np.linspace(0, 1, bins + 1)[1:-1]))
    p, q = (_shares(sample, edges) for sample in (first, second))
    return float(np.sum((q - p) * np.log(q / p)))


def expected_psi(before: int, now: int, bins: int = BINS) -> float:
    """Return the mean index of two samples of the same population: (bins - 1) (1/n + 1/m), as of a chi-square."""
    return (bins - 1) * (1 / max(before, 1) + 1 / max(now, 1))


def ks_distance(before: ArrayLike, now: ArrayLike) -> float:
    """Return the two-sample Kolmogorov-Smirnov distance."""
    first, second = (np.sort(np.asarray(one, np.float64)) for one in (before, now))
    every = np.concatenate([first, second])
    below = [np.searchsorted(one, every, side="right") / len(one) for one in (first, second)]
    return float(np.max(np.abs(below[0] - below[1])))


def _shares(sample: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    counts = np.bincount(np.searchsorted(edges, sample, side="right"), minlength=len(edges) + 1)
    return np.asarray((counts + 0.5) / (len(sample) + 0.5 * len(counts)), np.float64)


def _finite(values: Iterable[float | None]) -> NDArray[np.float64]:
    found = np.array([value for value in values if value is not None], np.float64)
    kept: NDArray[np.float64] = found[np.isfinite(found)]
    return kept


def _middle(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if len(values) else float("nan")
