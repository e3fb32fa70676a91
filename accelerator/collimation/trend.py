"""How a margin goes over a fill: a robust straight line with honest errors, and when the margin would be gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.diagnosis import Trend

Floats: TypeAlias = NDArray[np.float64]

ROUNDS = 5
HUBER = 1.5
DRAWS = 2000
SIGNIFICANT = 2.5
"""A slope below so many standard deviations gives no time at which the margin is gone."""
FEWEST = 6
FURTHEST_H = 48.0
MEMORY_H = 0.5
"""How long ordinary losses go on as they are: how halo is shared between planes wanders over half an hour."""
MOST_POINTS = 120
FACTOR = 0.25
"""Logarithm of the factor by which a loss of margin may be misread: how much of the halo a plane has is not known."""


@dataclass(frozen=True, slots=True)
class Line:
    """``value`` at the last time and ``slope`` per hour, with their covariance (2, 2)."""

    value: float
    slope: float
    covariance: tuple[tuple[float, float], tuple[float, float]]

    @property
    def slope_error(self) -> float:
        """Standard deviation of the slope."""
        return float(np.sqrt(self.covariance[1][1]))

    @property
    def significance(self) -> float:
        """By how many standard deviations the slope is below zero."""
        return -self.slope / max(self.slope_error, 1e-12)


def fit_line(hours: Floats, values: Floats, errors: Floats, wander: float = 0.0) -> Line | None:
    """Fit values (n,) over time by reweighted least squares (Huber); None if there are too few.

    Errors grow by what residuals show, and by their correlation from point to point (AR(1): a share r of each error is
    that of the point before, so that n points count as n (1 - r) / (1 + r)). ``wander`` is the standard deviation of
    what comes and goes over `MEMORY_H` besides, which a short course cannot show.
    """
    if len(hours) < FEWEST or np.ptp(hours) <= 0:
        return None
    design = np.stack([np.ones_like(hours), hours - hours[-1]], axis=1)
    weight: Floats = np.asarray(1.0 / errors**2, np.float64)
    solution: Floats = np.zeros(2)
    for _ in range(ROUNDS):
        normal = design.T @ (design * weight[:, None])
        solution = np.asarray(np.linalg.solve(normal, design.T @ (weight * values)), np.float64)
        pulls = (values - design @ solution) / errors
        size = max(1.0, 1.4826 * float(np.median(np.abs(pulls))))
        weight = np.minimum(1.0, HUBER * size / np.maximum(np.abs(pulls), 1e-12)) / errors**2
    pulls = (values - design @ solution) / errors
    spread = max(1.0, 1.4826 * float(np.median(np.abs(pulls))))
    clipped = np.clip(pulls, -3 * spread, 3 * spread)
    correlation = float(
        np.clip((clipped[1:] * clipped[:-1]).mean() / max(float((clipped**2).mean()), 1e-12), 0.0, 0.95)
    )
    inflation = spread**2 * (1 + correlation) / (1 - correlation)
    covariance = np.linalg.inv(design.T @ (design * weight[:, None])) * inflation
    covariance += wander**2 * _of_wander(float(np.ptp(hours)))
    rows = ((float(covariance[0, 0]), float(covariance[0, 1])), (float(covariance[1, 0]), float(covariance[1, 1])))
    return Line(float(solution[0]), float(solution[1]), rows)


def _of_wander(span_h: float) -> Floats:
    """Return the covariance of end value and slope of a course whose independent points have unit errors."""
    count = max(span_h / (2 * MEMORY_H), 1.0)
    found: Floats = np.array([[4.0, 6.0 / span_h], [6.0 / span_h, 12.0 / span_h**2]]) / count
    return found


def _correlation(pulls: Floats) -> float:
    """Return the share of each residual that is that of the one before."""
    power = max(float((pulls**2).mean()), 1e-12)
    return float(np.clip((pulls[1:] * pulls[:-1]).mean() / power, 0.0, 0.95))


def hours_left(line: Line, nominal: float | None = None, seed: int = 0) -> tuple[float, float, float] | None:
    """Return in how many hours the line reaches zero: median, and 68 % interval; None if that is not in sight.

    With ``nominal`` what is lost of it, and how fast, is known but for one factor (`FACTOR`).
    """
    if line.significance < SIGNIFICANT:
        return None
    rng = np.random.default_rng(seed)
    drawn = rng.multivariate_normal([line.value, line.slope], np.array(line.covariance), DRAWS, method="eigh")
    if nominal is not None:
        factor = np.exp(FACTOR * rng.standard_normal(DRAWS))
        drawn = np.column_stack([nominal - factor * (nominal - drawn[:, 0]), factor * drawn[:, 1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(drawn[:, 1] < 0, drawn[:, 0] / -drawn[:, 1], np.inf)
    early, middle, late = (
        float(one) for one in np.quantile(np.maximum(left, 0.0), (0.16, 0.5, 0.84), method="nearest")
    )
    return (middle, early, late) if middle <= FURTHEST_H else None


def describe(
    margin: str,
    times_s: Sequence[float],
    values: Floats,
    errors: Floats,
    wander: float = 0.0,
    nominal: float | None = None,
) -> tuple[Trend, Line | None]:
    """Return the trend of a margin (values (n,) in sigma at unix times) and its line."""
    at = np.asarray(times_s, np.float64)
    line = fit_line((at - at[-1]) / 3600.0, values, errors, wander) if len(at) else None
    left = hours_left(line, nominal) if line is not None else None
    chosen = np.unique(np.linspace(0, len(at) - 1, min(len(at), MOST_POINTS)).astype(int)).tolist() if len(at) else []
    when = [None, None, None] if left is None else [_time(float(at[-1]) + 3600 * min(one, FURTHEST_H)) for one in left]
    return (
        Trend(
            margin=margin,
            times=tuple(_time(float(at[i])) for i in chosen),
            values_sigma=tuple(float(values[i]) for i in chosen),
            errors_sigma=tuple(float(errors[i]) for i in chosen),
            slope_sigma_per_h=line.slope if line else 0.0,
            slope_error_sigma_per_h=line.slope_error if line else 0.0,
            gone_at=when[0],
            gone_earliest=when[1],
            gone_latest=when[2],
        ),
        line,
    )


def _time(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="seconds")
