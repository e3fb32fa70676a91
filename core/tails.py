"""How high nominal scores reach: ranks counted inside the data, a generalised-Pareto tail beyond.

The *rank* of a score is the expected number of nominal scores at least as high in a sample as large as the one
that was measured: at the k-th highest score it is k; above the highest scores it goes on below 1. Divided by the
size of the sample it is a rate, which is what a false-alarm budget speaks of.

Beyond a high score the excesses follow a generalised Pareto distribution (Pickands 1975; Coles, *An Introduction
to Statistical Modeling of Extreme Values*, 2001, ch. 4; "peaks over threshold"). A maximum-likelihood fit to few
excesses is unstable and, used as if it were exact, promises too much. Here the tail is the average over all
shapes and scales that explain the excesses, weighted by likelihood times a prior that keeps the shape sane
(posterior predictive tail; a prior on the shape as in Coles & Dixon 1999 and Martins & Stedinger 2000).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import CalibrationError

Floats: TypeAlias = NDArray[np.float64]

SHAPE_BOUNDS = (-1.0, 0.75)  # from a sharp upper end (uniform scores) to a tail whose variance is infinite
SHAPE_PRIOR_SIGMA = 0.25  # around 0: exponential, which the tails of normal, Gumbel and gamma scores approach
SHAPES = 40  # with these bounds the singular shape 0 is not on the grid
SCALES = 61
MAX_EXCESSES = 500
ANCHOR_RANK = 10
MIN_SCORES = 8
MAX_EXTRAPOLATION = 100.0


def finite_scores(scores: Iterable[float] | ArrayLike, what: str = "nominal scores") -> Floats:
    """Return scores as a one-dimensional array.

    Raises
    ------
    CalibrationError
        If there is none, or one is not a finite number.
    """
    try:
        array = np.asarray(scores if isinstance(scores, np.ndarray) else list(scores), dtype=np.float64)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise CalibrationError(f"{what}: not a list of numbers") from None
    if array.ndim != 1 or array.size == 0:
        raise CalibrationError(f"{what}: none given (shape {array.shape})")
    if not np.isfinite(array).all():
        raise CalibrationError(f"{what}: {np.count_nonzero(~np.isfinite(array))} of {array.size} are not finite")
    return array


@dataclass(frozen=True)
class ParetoTail:
    """A weighted family of generalised Pareto tails of the excess over a score.

    ``shapes``, ``scales``, ``weights`` have one entry per member; the weights add up to 1.
    """

    shapes: Floats
    scales: Floats
    weights: Floats

    def survival(self, excess: ArrayLike) -> Floats:
        """Return P(excess >= given), averaged over the family; same shape as ``excess`` (which is >= 0)."""
        value: Floats = self.members(excess) @ self.weights
        return value

    def members(self, excess: ArrayLike) -> Floats:
        """Return the survival function of each member: shape of ``excess`` plus one axis of members."""
        scaled = np.asarray(excess, dtype=np.float64)[..., None] / self.scales
        value: Floats = np.maximum(1 + self.shapes * scaled, 0.0) ** (-1 / self.shapes)
        return value

    def excess(self, survival: float) -> float:
        """Return the excess at which the averaged survival falls to ``survival`` (in (0, 1])."""
        low, high = 0.0, float((self.scales * (survival**-self.shapes - 1) / self.shapes).max())
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if float(self.survival(middle)) > survival else (low, middle)
        return high


def fit_tail(excesses: Floats) -> ParetoTail:
    """Fit the family of tails to excesses (all >= 0, shape (m,), any unit).

    Raises
    ------
    CalibrationError
        If the excesses are all zero, so that there is no tail to speak of.
    """
    mean = float(excesses.mean()) if excesses.size else 0.0
    if not mean > 0 or not np.isfinite(mean):
        raise CalibrationError("the highest nominal scores are all equal: no tail can be fitted")
    shapes, scales = (
        grid.ravel()
        for grid in np.meshgrid(
            np.linspace(*SHAPE_BOUNDS, SHAPES), mean * np.exp(np.linspace(-2, 2, SCALES)), indexing="ij"
        )
    )
    log_density = -0.5 * (shapes / SHAPE_PRIOR_SIGMA) ** 2
    inside = 1 + shapes * excesses.max() / scales > 0
    for start in range(0, excesses.size, 64):  # in pieces: the whole table would be some 10 MB per fit
        part = excesses[start : start + 64, None] / scales[inside]
        log_density[inside] -= ((1 + 1 / shapes[inside]) * np.log1p(shapes[inside] * part)).sum(axis=0)
    log_density -= excesses.size * np.log(scales)
    log_density[~inside] = -np.inf
    weights = np.exp(log_density - log_density.max())
    keep = weights > 1e-7
    return ParetoTail(shapes[keep], scales[keep], weights[keep] / weights[keep].sum())


@dataclass(frozen=True)
class Ranks:
    """Nominal scores, highest first, and what lies beyond them."""

    scores: tuple[float, ...]

    @classmethod
    def of(cls, scores: Floats) -> "Ranks":
        """Rank the scores (shape (n,), finite)."""
        return cls(tuple(np.sort(scores)[::-1].tolist()))

    @cached_property
    def _steps(self) -> tuple[Floats, Floats]:
        """Distinct scores, descending, and the number of scores at least as high as each."""
        values, counts = np.unique(np.asarray(self.scores), return_counts=True)
        return values[::-1], np.cumsum(counts[::-1]).astype(np.float64)

    @cached_property
    def _anchor(self) -> int:
        """Index in ``_steps`` from which the tail takes over (upwards)."""
        ranks = self._steps[1]
        wanted = min(ANCHOR_RANK, max(1, len(self.scores) // 4))
        return int(np.searchsorted(ranks, wanted))

    @property
    def anchor(self) -> float:
        """The score up to which ranks are counted."""
        return float(self._steps[0][self._anchor])

    @cached_property
    def base(self) -> float:
        """The score over which excesses are counted: about the 3 sqrt(n) highest, at least the upper half of few."""
        count = len(self.scores)
        wanted = min(max(int(np.ceil(3 * np.sqrt(count))), (count + 1) // 2 if count < 60 else 30), MAX_EXCESSES, count)
        return self.scores[wanted - 1]

    @cached_property
    def tail(self) -> ParetoTail:
        """The tail beyond ``base``; a CalibrationError if there are too few scores or they are all equal."""
        if len(self.scores) < MIN_SCORES:
            raise CalibrationError(f"{len(self.scores)} nominal scores: a tail needs at least {MIN_SCORES}")
        scores = np.asarray(self.scores)
        return fit_tail(scores[scores >= self.base][:MAX_EXCESSES] - self.base)

    def rank(self, score: ArrayLike) -> Floats:
        """Return the rank of each score (same shape; at most n, above 0)."""
        given = np.asarray(score, dtype=np.float64)
        values, ranks = self._steps
        anchor, anchor_rank = values[self._anchor], ranks[self._anchor]
        counted: Floats = np.interp(-given, -values, ranks)
        if not (given > anchor).any():
            return counted
        beyond = self.tail.survival(np.maximum(given, anchor) - self.base)
        tail_rank = anchor_rank * beyond / self.tail.survival(anchor - self.base)
        return np.where(given > anchor, tail_rank, counted)

    def score(self, rank: float) -> float:
        """Return the score that has this rank.

        Raises
        ------
        CalibrationError
            If the rank is not within the scores, or too far beyond them for a tail to be trusted.
        """
        values, ranks = self._steps
        if not rank > 0 or rank > ranks[-1]:
            raise CalibrationError(
                f"a budget of {rank:g} scores above the threshold is impossible with {ranks[-1]:.0f} scores"
            )
        anchor, anchor_rank = values[self._anchor], ranks[self._anchor]
        if rank >= anchor_rank:
            return float(np.interp(rank, ranks, values))
        if rank * MAX_EXTRAPOLATION < 1:
            raise CalibrationError(
                f"the budget is {1 / rank:.0f} times below what {len(self.scores)} nominal scores can show "
                f"(at most {MAX_EXTRAPOLATION:.0f} times): measure more nominal observations or allow more false alarms"
            )
        share = rank / anchor_rank * float(self.tail.survival(anchor - self.base))
        return self.base + self.tail.excess(share)
