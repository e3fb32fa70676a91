"""Frames with long clusters: what usual background leaves in every chip and stave, and how far a cycle exceeds it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqm.its.expected_tables import Tables
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, INNER, stave_of_cell
from dqm.its.reading import LONG_PLACES, Reading
from dqm.its.standing import Standing

Floats = NDArray[np.float64]
_STEPS = 6
_FIRST_OUTER_STAVE = LAYERS[3].first_stave


@dataclass(frozen=True, slots=True, eq=False)
class LongPulls:
    """``pulls`` per cell, (CELLS,); level of both sides before and after the cycle, with its variance, (2,) each."""

    pulls: Floats
    before: Floats
    before_variance: Floats
    after: Floats
    after_variance: Floats


def long_pulls(reading: Reading, tables: Tables, standing: Standing, live_s: float, same_run_s: float) -> LongPulls:
    """Compare the plots of long clusters with what is usual.

    Parameters
    ----------
    live_s
        Time for which data flowed.
    same_run_s
        Time since the last cycle, infinite if that was of another run.
    """
    fresh, wander = tables.long_spread
    step = wander * -np.expm1(-same_run_s / float(tables.long_memory_s)) + (fresh if np.isinf(same_run_s) else 0.0)
    known = np.isfinite(standing.halo_variance)
    before = np.where(known, standing.halo, 0.0)
    variance = np.where(known, np.minimum(standing.halo_variance + step, fresh + wander), fresh + wander)
    parts = tables.long * live_s * np.exp(before)[:, None]
    expected = parts.sum(axis=0)
    squared = (parts**2 * variance[:, None]).sum(axis=0)
    relative = np.divide(squared, expected**2, out=np.zeros(LONG_PLACES), where=expected > 0)
    spread = float(tables.long_dispersion) + expected * relative
    pulls = np.where(reading.has_long, _signed_root(reading.long, expected) / np.sqrt(np.maximum(spread, 1.0)), 0.0)
    after, after_variance = _level(reading, tables, live_s, before, variance)
    return LongPulls(_to_cells(pulls), before, variance, after, after_variance)


def _signed_root(seen: Floats, expected: Floats) -> Floats:
    """Signed root of twice the log-likelihood ratio of Poisson numbers."""
    mean = np.maximum(expected, 1e-3)
    ratio = np.where(seen > 0, seen * np.log(np.maximum(seen, 1e-9) / mean), 0.0) - (seen - mean)
    return np.asarray(np.sign(seen - mean) * np.sqrt(2 * np.maximum(ratio, 0.0)))


def _level(reading: Reading, tables: Tables, live_s: float, level: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """The level of either side after the cycle: Poisson likelihood of the inner barrel with a normal prior."""
    use = reading.has_long.copy()
    use[INNER:] = False
    if live_s <= 0 or not use.any():
        return level, variance
    seen, rates = reading.long[use], tables.long[:, use] * live_s
    found, precision = level.copy(), np.diag(1 / variance)
    for _ in range(_STEPS):
        parts = rates * np.exp(found)[:, None]
        mean = np.maximum(parts.sum(axis=0), 1e-9)
        scale = max(float(tables.long_dispersion), 1.0)
        slope = parts @ (seen / mean - 1) / scale - (found - level) / variance
        precision = (parts / mean) @ parts.T / scale + np.diag(1 / variance)
        found = found + np.clip(np.linalg.solve(precision, slope), -0.5, 0.5)
    return found, np.diag(np.linalg.inv(precision)).copy()


def _to_cells(places: Floats) -> Floats:
    """Inner chips as they are; every outer cell has the value of its stave."""
    found = np.empty(CELLS)
    found[:INNER] = places[:INNER]
    found[INNER:] = places[INNER + stave_of_cell()[INNER:] - _FIRST_OUTER_STAVE]
    return found
