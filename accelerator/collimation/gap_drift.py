"""How far a primary has drifted: what leads out of the patterns of the fill, beside what a wider gap would do.

One primary at most is taken to have moved. How much of the halo its plane has is not known, so every effect is tried
for some mixes; what templates say of it is believed to a part of it in each channel.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.fill_patterns import FillPatterns
from accelerator.collimation.halo_mix import HaloMix

Floats: TypeAlias = NDArray[np.float64]

SIZES = np.array([0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.7, 2.0])
"""Changes of a gap, in sigma, that are tried."""
MIXES = np.array([-0.5, 0.0, 0.5])
"""Logarithms of the vertical part over the usual one, half up, half down on the horizontal one."""
EFFECT = 0.3
"""Templates are off by this part of an effect in each channel."""
FLOOR = 0.02
"""Shares may change by this part of themselves for no reason that anyone knows."""
FREE = 1e4
"""Variance of the parts of ordinary patterns: they come and go as they like."""
LEAST_ERROR = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Drifted:
    """What P primaries show: change of the gap (sigma) and its standard deviation, and evidence, each (P,).

    Changes and errors allow for its having been another primary, or none. Evidence is by how much twice the
    logarithm of the likelihood of the best change exceeds that of none.
    """

    change: Floats
    error: Floats
    evidence: Floats
    misfit: float
    """Chi squared per channel that is left by the best explanation, none among them."""


def effects(mix: HaloMix) -> Floats:
    """Return what each gap does to the logarithm of the pattern, shape (P, mixes, sizes, C)."""
    found = np.zeros((mix.gaps, len(MIXES), len(SIZES), len(mix.nominal)))
    for row, tilt in enumerate(MIXES):
        parameters = mix.parameters(tilt)
        before = mix.of(parameters)
        for primary in range(mix.gaps):
            for column, size in enumerate(SIZES):
                parameters[primary] = size
                found[primary, row, column] = mix.of(parameters) - before
            parameters[primary] = 0.0
    return found


def read(patterns: FillPatterns, signals: Floats, minutes: int, logs: Floats) -> Drifted:
    """Return which gap has drifted by how much.

    Parameters
    ----------
    patterns
        Of the fill.
    signals : (C,)
        Mean signals of some minutes.
    minutes
        How many.
    logs : (P, mixes, sizes, C)
        From `effects`.
    """
    away = patterns.away(signals)
    moved = patterns.changed(logs)
    usual = np.diag(patterns.noise**2 / minutes + FLOOR**2) + FREE * patterns.directions.T @ patterns.directions
    none, left_none = (float(one[0]) for one in _cost(away, usual[None]))
    covariance = usual + np.eye(len(away)) * (EFFECT * moved[..., None, :]) ** 2
    cost, left = _cost(away - moved, covariance)
    best = min(none, float(cost.min()))
    weight = np.exp(-0.5 * (cost - best))
    each = weight.mean(axis=(1, 2))
    every = float(each.sum()) + np.exp(-0.5 * (none - best))
    share = each / every
    mean = (weight * SIZES).mean(axis=(1, 2)) / np.maximum(each, 1e-300)
    square = (weight * SIZES**2).mean(axis=(1, 2)) / np.maximum(each, 1e-300)
    change = share * mean
    error = np.sqrt(np.maximum(share * square - change**2, 0.0) + LEAST_ERROR**2)
    misfit = left_none if best == none else float(left.ravel()[cost.argmin()])
    return Drifted(change, error, none - cost.min(axis=(1, 2)), misfit / len(away))


def _cost(left: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Return minus twice the logarithm of the likelihood, up to a constant, and chi squared."""
    solved = np.linalg.solve(covariance, np.broadcast_to(left, covariance.shape[:-1])[..., None])[..., 0]
    chi_squared: Floats = (left * solved).sum(axis=-1)
    return chi_squared + np.linalg.slogdet(covariance)[1], chi_squared
