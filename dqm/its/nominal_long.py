"""Fit to nominal runs: frames with long clusters that usual background leaves, from side A and from side C.

Usual background comes all round in phi and from either side with a level of its own in every run. Places at the same z
of a layer are taken together, and a side is the mirror image of the other, so that two shapes and two levels per run
follow from the plots alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqm.its.geometry import LAYERS
from dqm.its.layout import INNER
from dqm.its.reading import LONG_PLACES, Reading

Floats = NDArray[np.float64]
_RINGS = 27 + 4
_ROUNDS = 200
_MEMORY_S = 3600.0
_LEAST = (0.05, 0.005)


@dataclass(frozen=True, slots=True, eq=False)
class Long:
    """As in `dqm.its.expected_tables.Tables`: shape (2, LONG_PLACES), spread (2,), memory and dispersion ()."""

    rates: Floats
    spread: Floats
    memory_s: float
    dispersion: float


def ring_of() -> NDArray[np.int64]:
    """Return the ring (chip number of an inner layer, or outer layer) of every place, shape (LONG_PLACES,)."""
    inner = [np.tile(9 * of.number + np.arange(9), of.staves) for of in LAYERS[:3]]
    outer = [np.full(of.staves, 24 + of.number) for of in LAYERS[3:]]
    return np.concatenate((*inner, *outer))


def fit_long(runs: Sequence[Sequence[Reading]], live_s: Sequence[Floats]) -> Long:
    """Fit shapes and levels.

    Parameters
    ----------
    live_s
        Time for which data flowed in each cycle of each run, shape (T,) each.
    """
    rings = ring_of()
    places = np.bincount(rings, minlength=_RINGS)
    counts = [np.stack([np.bincount(rings, one.long, _RINGS) / places for one in run]) for run in runs]
    per_run = np.stack([count.sum(axis=0) / time.sum() for count, time in zip(counts, live_s, strict=True)])
    shape, levels = _factors(per_run)
    sides = np.stack((shape, shape[_mirror()]))
    usual = np.exp(np.mean(np.log(np.maximum(levels, 1e-6)), axis=0))
    fresh = float(np.var(np.log(np.maximum(levels, 1e-6) / usual)))
    wander = _wander(counts, live_s, sides)
    rates = (sides * usual[:, None])[:, rings]
    assert rates.shape == (2, LONG_PLACES)
    return Long(
        rates, np.maximum((2 * fresh, wander), _LEAST), _MEMORY_S, _dispersion(runs, live_s, levels, sides[:, rings])
    )


def _mirror() -> NDArray[np.int64]:
    inner = np.concatenate([9 * layer + 8 - np.arange(9) for layer in range(3)])
    return np.concatenate((inner, np.arange(27, _RINGS)))


def _factors(per_run: Floats) -> tuple[Floats, Floats]:
    """Shape from side A, (rings,), and levels of both sides of each run, (runs, 2): multiplicative updates."""
    mirror = _mirror()
    along = np.concatenate((np.tile(np.linspace(1.3, 0.7, 9), 3), np.ones(4)))
    shape = np.maximum((per_run + per_run[:, mirror]).mean(axis=0) / 2, 1e-12) * along
    levels = np.full((per_run.shape[0], 2), 0.5)
    for _ in range(_ROUNDS):
        sides = np.stack((shape, shape[mirror]))
        share = per_run / np.maximum(levels @ sides, 1e-15)
        levels = levels * (share @ sides.T) / sides.sum(axis=1)
        share = per_run / np.maximum(levels @ sides, 1e-15)
        gained = levels[:, 0] @ share + (levels[:, 1] @ share)[mirror]
        shape = np.maximum(shape * gained / levels.sum(), 1e-15)
    return shape, levels


def _wander(counts: Sequence[Floats], live_s: Sequence[Floats], sides: Floats) -> float:
    """Variance of the change of a level's logarithm after a long time, by the changes of half an hour."""
    found = []
    for count, time in zip(counts, live_s, strict=True):
        a, c = (count[:, :27] @ side[:27] / time / side[:27].sum() for side in sides)
        total = np.log(np.maximum(a + c, 1e-12))
        lag = max(1, round(1800 / float(np.median(time))))
        if total.size > 2 * lag:
            found.append(np.median(np.abs(total[lag:] - total[:-lag])) * 1.4826)
    if not found:
        return 0.1
    grown = -np.expm1(-1800 / _MEMORY_S)
    return float(2 * np.mean(np.square(found)) / grown)


def _dispersion(runs: Sequence[Sequence[Reading]], live_s: Sequence[Floats], levels: Floats, sides: Floats) -> float:
    """Variance over mean in the inner barrel's chips after the level of the cycle is taken out, by its core."""
    found = []
    for run, time, level in zip(runs, live_s, levels, strict=True):
        for one, seconds in zip(run, time, strict=True):
            expected = level @ sides[:, :INNER] * seconds
            if expected.sum() > 2000:
                expected = expected * one.long[:INNER].sum() / expected.sum()
                found.append(np.median((one.long[:INNER] - expected) ** 2 / expected) / 0.455)
    return max(float(np.median(found)), 1.0) if found else 1.0
