"""Draws of loss patterns with known truth: nominal with tolerances and model error, and every settings error.

What varies: the tolerance of every jaw (samples of the table), model error (`model_error`), how many protons were
counted or how far the signal is above the noise, which monitors are missing, and the errors themselves.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from accelerator.collimation import model_error
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.features import Readings
from accelerator.collimation.templates import Fault, Table

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

NOMINAL = -1
LEAST_CHANGE = {Quantity.GAP: 0.1, Quantity.OFFSET: 0.02, Quantity.TILT: 10.0, Quantity.ORBIT: 0.02}
"""Errors not above the tolerances are none."""
_SCALES = (0.04, 1.0)
_COUNTS = (2.0, 7.5)
_SIGNAL = (2.5, 6.5)
_DOUBLE = 0.15
_MISSING = 0.02
_BARE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """n draws on one table: ``fault`` (n,) is `NOMINAL` or the number of the fault, ``change`` (n,) its size."""

    table: Table
    readings: Readings
    fault: Ints
    change: Floats


def weight(fault: Fault) -> float:
    """Return how often a setting is wrong beside others."""
    ir7 = "l7." in fault.element or "r7." in fault.element
    if fault.quantity is not Quantity.GAP:
        return 0.5
    return 2.0 if ir7 and fault.element.startswith("tcp.") else 1.0


def draw(
    table: Table,
    count: int,
    rng: Generator,
    *,
    faulty: float = 0.65,
    scale: float | None = None,
    level: float | None = None,
) -> Lessons:
    """Draw patterns of one table.

    Parameters
    ----------
    faulty
        Share with a settings error.
    scale
        Of the model error; None: anything.
    level
        Decimal logarithm of the counts, or of signal over noise; None: anything.
    """
    fault, change = _errors(table, count, rng, faulty)
    shares = np.tile(table.nominal, (count, 1)) + table.tolerance[rng.integers(len(table.tolerance), size=count)]
    for number in np.unique(fault[fault >= 0]):
        own = fault == number
        shares[own] += table.delta(int(number), change[own])
    scales = (
        np.full(count, scale)
        if scale is not None
        else np.exp(rng.uniform(np.log(_SCALES[0]), np.log(_SCALES[1]), count))
    )
    shares += model_error.draw(rng, table.channels, table.families, scales)
    shares -= np.log(np.exp(shares).sum(axis=1, keepdims=True))
    there = _presence(table, count, rng)
    return Lessons(table, observe(table, np.exp(shares), there, scales, rng, level), fault, change)


def observe(
    table: Table,
    shares: Floats,
    there: NDArray[np.bool_],
    scales: Floats,
    rng: Generator,
    level: float | None = None,
) -> Readings:
    """Return what is read of these shares (n, C): counts of protons, or signals with noise."""
    counts = table.key.domain == "protons"
    levels = (
        np.full(len(shares), level)
        if level is not None
        else rng.uniform(*(_COUNTS if counts else _SIGNAL), len(shares))
    )
    total = 10.0 ** levels[:, None]
    if counts:
        values = rng.poisson(shares * total).astype(np.float64)
        return Readings(values * there, np.zeros_like(values), there, scales, counts=True)
    own = np.exp(rng.normal(0.0, 0.5, (1, shares.shape[1])))
    noise = np.broadcast_to(own, shares.shape) * (1.0 + 0 * shares)
    values = shares * total + noise * rng.normal(size=shares.shape)
    return Readings(values * there, noise * there, there, scales, counts=False)


def _errors(table: Table, count: int, rng: Generator, faulty: float) -> tuple[Ints, Floats]:
    weights = np.array([weight(fault) for fault in table.faults])
    fault = rng.choice(len(weights), size=count, p=weights / weights.sum())
    least = np.array([LEAST_CHANGE[one.quantity] for one in table.faults])[fault]
    low, high = table.changes[fault, 0], table.changes[fault, -1]
    below = np.where(low < 0, np.maximum(-low - least, 0.0), 0.0)
    above = np.maximum(high - least, 0.0)
    side = rng.random(count) * (below**0.5 + above**0.5) < below**0.5
    part = rng.random(count) ** 1.5
    change = np.where(side, -(least + part * below), least + part * above)
    fault = np.where(rng.random(count) < faulty, fault, NOMINAL)
    return fault, np.where(fault >= 0, change, 0.0)


def _presence(table: Table, count: int, rng: Generator) -> NDArray[np.bool_]:
    """Single monitors are missing; half of the maps have no warm regions."""
    there = rng.random((count, len(table.channels))) >= _MISSING
    warm = np.array([family == "warm" for family in table.families])
    bare = rng.random(count) < _BARE
    there &= ~(bare[:, None] & warm[None])
    there[:, int(np.argmax(table.nominal))] = True
    return there
