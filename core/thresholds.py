"""Thresholds from a false-alarm budget that a person sets, with p-values and what the budget really costs.

Three models of the scores of nominal observations, from the least to the most assumed:

- `ConformalThreshold`: one score per observation, nothing assumed but exchangeability; budgets down to 1/(n+1).
- `TailThreshold`: one score per observation, a generalised-Pareto tail beyond the highest few.
- `SpotThreshold`: any number of scored spots per observation; budgets in false spots per observation.

A score alarms when it is *at or above* the threshold. All are frozen, compare by value and go to JSON and back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincinv

from core.errors import CalibrationError
from core.tails import Floats, Ranks, finite_scores

INTERVAL_DRAWS = 4000


@dataclass(frozen=True)
class ConformalThreshold:
    """Split-conformal p-values (Vovk et al. 2005; Laxhammar & Falkman 2011): exact for exchangeable scores.

    Parameters
    ----------
    scores
        Scores of n nominal observations that the model did not learn from, ascending.
    """

    scores: tuple[float, ...]

    @classmethod
    def fit(cls, scores: Iterable[float]) -> Self:
        """Calibrate on nominal scores; CalibrationError if there are none or some are not finite."""
        return cls(tuple(np.sort(finite_scores(scores)).tolist()))

    @overload
    def p_value(self, score: float) -> float: ...
    @overload
    def p_value(self, score: Floats) -> Floats: ...
    def p_value(self, score: float | Floats) -> float | Floats:
        """Return (1 + number of nominal scores >= score) / (n + 1): the chance that a nominal score is so high."""
        above = len(self.scores) - np.searchsorted(self.scores, np.asarray(score, np.float64), side="left")
        return _like(score, (1 + above) / (len(self.scores) + 1))

    def threshold(self, rate: float) -> float:
        """Return the lowest threshold that at most ``rate`` of nominal observations reach (mean over calibrations).

        Raises
        ------
        CalibrationError
            If ``rate`` is not within (0, 1) or below 1 / (n + 1): n observations cannot show so little.
        """
        _check_rate(rate)
        count = len(self.scores)
        allowed = int(np.floor(rate * (count + 1) + 1e-9))  # how many of n + 1 exchangeable scores may alarm
        if allowed < 1:
            raise CalibrationError(
                f"{count} nominal observations cannot show a false-alarm rate of {rate:g}: "
                f"at least {int(np.ceil(1 / rate)) - 1} are needed, or a tail model"
            )
        return float(self.scores[count - allowed])

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"kind": "conformal", "scores": list(self.scores)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; CalibrationError if it is something else."""
        return cls.fit(_field(content, "conformal", "scores"))


@dataclass(frozen=True)
class TailThreshold:
    """One score per observation; beyond the highest few, a generalised-Pareto tail (see `core.tails`).

    Parameters
    ----------
    scores
        Scores of n >= 8 nominal observations that the model did not learn from, descending.
    """

    scores: tuple[float, ...]

    @classmethod
    def fit(cls, scores: Iterable[float]) -> Self:
        """Calibrate on nominal scores; CalibrationError if they are too few, all equal or not finite."""
        threshold = cls(Ranks.of(finite_scores(scores)).scores)
        _ = threshold._ranks.tail
        return threshold

    @cached_property
    def _ranks(self) -> Ranks:
        return Ranks(self.scores)

    @overload
    def p_value(self, score: float) -> float: ...
    @overload
    def p_value(self, score: Floats) -> Floats: ...
    def p_value(self, score: float | Floats) -> float | Floats:
        """Return the chance that a nominal observation scores at least this high (conformal inside the data)."""
        return _like(score, self._ranks.rank(score) / (len(self.scores) + 1))

    def threshold(self, rate: float) -> float:
        """Return the threshold that a share ``rate`` of nominal observations reaches.

        Raises
        ------
        CalibrationError
            If ``rate`` is not within (0, 1), or more than a hundred times below what the scores can show.
        """
        _check_rate(rate)
        return self._ranks.score(min(rate * (len(self.scores) + 1), len(self.scores)))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"kind": "tail", "scores": list(self.scores)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; CalibrationError if it is something else."""
        return cls.fit(_field(content, "tail", "scores"))


@dataclass(frozen=True)
class SpotThreshold:
    """A point process: each observation shows any number of spots, each with a score.

    Parameters
    ----------
    spots
        For each of n nominal observations that the model did not learn from, the scores of its spots, descending.
        Every spot above some floor must be there; observations without a spot count too.
    """

    spots: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, spots: Sequence[Iterable[float]]) -> Self:
        """Calibrate on the spots of nominal observations.

        Raises
        ------
        CalibrationError
            If there is no observation, fewer than 8 spots in all, spots that are all equal or not finite.
        """
        if len(spots) == 0:
            raise CalibrationError("no nominal observation to calibrate on")
        lists = [list(one) for one in spots]
        ordered = tuple(
            Ranks.of(finite_scores(one, f"observation {i}")).scores if one else () for i, one in enumerate(lists)
        )
        threshold = cls(ordered)
        if not any(ordered):
            raise CalibrationError(
                f"no spot on {len(ordered)} nominal observations: lower the floor from which spots count"
            )
        _ = threshold._ranks.tail
        return threshold

    @cached_property
    def _ranks(self) -> Ranks:
        return Ranks.of(np.concatenate([np.asarray(one, np.float64) for one in self.spots]))

    @property
    def observations(self) -> int:
        """How many nominal observations it rests on."""
        return len(self.spots)

    @overload
    def false_spots(self, score: float) -> float: ...
    @overload
    def false_spots(self, score: Floats) -> Floats: ...
    def false_spots(self, score: float | Floats) -> float | Floats:
        """Return the expected number of spots per nominal observation that score at least this high.

        Counted inside the data, a generalised-Pareto tail beyond; constant below the lowest spot.
        """
        return _like(score, self._ranks.rank(score) / self.observations)

    def threshold(self, false_spots: float) -> float:
        """Return the score that ``false_spots`` spots per nominal observation reach.

        Raises
        ------
        CalibrationError
            If that is not positive, more than there are spots, or more than a hundred times below one spot in the data.
        """
        return self._ranks.score(false_spots * self.observations)

    @overload
    def p_value(self, score: float) -> float: ...
    @overload
    def p_value(self, score: Floats) -> Floats: ...
    def p_value(self, score: float | Floats) -> float | Floats:
        """Return the chance that the highest spot of a nominal observation scores at least this high.

        1 - exp(-false spots): exact when spots are independent of each other (Poisson); when they come in clusters the
        true chance is smaller.
        """
        return _like(score, -np.expm1(-self._ranks.rank(score) / self.observations))

    def observation_threshold(self, rate: float) -> float:
        """Return the score that the highest spot of a share ``rate`` of observations reaches (see `threshold`)."""
        _check_rate(rate)
        return self.threshold(float(-np.log1p(-rate)))

    def interval(self, score: float, confidence: float = 0.9) -> tuple[float, float]:
        """Return the confidence interval of `false_spots` at one score.

        Counts vary like a Poisson number, widened by how much they vary from observation to observation
        (quasi-Poisson, McCullagh & Nelder 1989, ch. 6); beyond the data the uncertainty of the tail comes on top.
        """
        edges = (0.5 - confidence / 2, 0.5 + confidence / 2)
        anchor = self._ranks.anchor
        counted = float(self._ranks.rank(min(score, anchor)))
        spread = self._dispersion(min(score, anchor))
        if score <= anchor:
            low, high = (spread * gammaincinv(counted / spread + i, e) for i, e in enumerate(edges))
            return float(low) / self.observations, float(high) / self.observations
        rng = np.random.default_rng(0)
        tail = self._ranks.tail
        member = rng.choice(len(tail.weights), size=INTERVAL_DRAWS, p=tail.weights)
        beyond, at_anchor = (tail.members(s - self._ranks.base)[member] for s in (score, anchor))
        share = np.divide(beyond, at_anchor, out=np.zeros(INTERVAL_DRAWS), where=at_anchor > 0)
        rates = spread * rng.gamma(counted / spread + 0.5, size=INTERVAL_DRAWS) * share / self.observations
        return float(np.quantile(rates, edges[0])), float(np.quantile(rates, edges[1]))

    def _dispersion(self, score: float) -> float:
        """Variance over mean of the spots per observation (at least 1), counted from the tail's base if lower."""
        floor = min(score, self._ranks.base)
        counts = np.array([sum(s >= floor for s in one) for one in self.spots], dtype=np.float64)
        return max(1.0, float(counts.var(ddof=1) / counts.mean())) if self.observations > 1 else 1.0

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"kind": "spots", "spots": [list(one) for one in self.spots]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; CalibrationError if it is something else."""
        return cls.fit(_field(content, "spots", "spots"))


def _like(given: float | Floats, value: ArrayLike) -> float | Floats:
    """Return ``value`` as a number if ``given`` is one; where ``given`` is NaN, so is the result."""
    result: Floats = np.where(np.isnan(given), np.nan, np.asarray(value, dtype=np.float64))
    return float(result) if np.ndim(given) == 0 else result


def _check_rate(rate: float) -> None:
    if not 0 < rate < 1:
        raise CalibrationError(
            f"a false-alarm rate of {rate!r} per observation is impossible: it must be within (0, 1)"
        )


def _field(content: Mapping[str, Any], kind: str, name: str) -> Any:
    if content.get("kind") != kind or not isinstance(content.get(name), Sequence):
        raise CalibrationError(f"not a calibration of kind {kind!r}: {str(content)[:80]}")
    return content[name]
