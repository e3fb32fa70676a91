"""A loss pattern laid beside what it should be: what networks and likelihoods look at.

Counts and doses are compared in logarithms, each with how well it is known: counting or noise, tolerances, model
error. Missing monitors take no part; shares are of what is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import model_error
from accelerator.collimation.templates import Table, canonical

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

PLANES = ("H", "V", "S", "DP+", "DP-", "mixed")
STATES = ("injection", "flat_top", "squeeze", "collisions")
DOMAINS = ("protons", "blm")
CONTEXT = len(PLANES) + len(STATES) + len(DOMAINS) + 3
PER_CHANNEL = 3
CLIP = 6.0
LEAST_SHARE = 1e-5
"""Shares far below this are as good as nothing: no code and no table knows them."""


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """n patterns on the channels of one table.

    ``values`` (n, C) counts or signals, ``noise`` (n, C) its standard deviation without the counting of protons,
    ``there`` (n, C) whether it was measured at all; ``scale`` (n,) of the model error.
    """

    values: Floats
    noise: Floats
    there: Bools
    scale: Floats
    counts: bool

    def __len__(self) -> int:
        return len(self.values)

    def row(self, number: int) -> "Readings":
        """Return one pattern."""
        own = slice(number, number + 1)
        return Readings(self.values[own], self.noise[own], self.there[own], self.scale[own], self.counts)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Readings beside one expectation each: all (n, C).

    ``ratio`` is the logarithm of observed over expected, ``counting`` its variance from counts or noise, ``expected``
    the share, ``there`` whether the channel takes part.
    """

    ratio: Floats
    counting: Floats
    expected: Floats
    there: Bools

    def over(self, count: int) -> "Compared":
        """Return the same for every one of so many expectations: what has one row gets them all."""
        parts = (self.ratio, self.counting, self.expected)
        ratio, counting, expected = (np.broadcast_to(part, (count, part.shape[1])) for part in parts)
        return Compared(ratio, counting, expected, np.broadcast_to(self.there, (count, self.there.shape[1])))


def align(
    channels: Sequence[str], values: Floats, noise: Floats, missing: Bools, table: Table
) -> tuple[Floats, Floats, Bools]:
    """Return values, noise and presence (n, C) of patterns (n, any channels) in the order of the table.

    Channels that the table does not know are left out, those that the pattern lacks are missing.
    """
    place = {name: number for number, name in enumerate(channels)}
    index = np.array([place.get(name, -1) for name in table.channels])
    there = (index >= 0) & ~missing[:, index]
    there &= np.isfinite(values[:, index]) & np.isfinite(noise[:, index])
    return np.where(there, values[:, index], 0.0), np.where(there, noise[:, index], 0.0), there


def compare(readings: Readings, log_shares: Floats) -> Compared:
    """Compare readings (n, C) with expected shares (n, C) or (1, C), given as logarithms."""
    there = readings.there
    expected = np.exp(log_shares) * there
    expected = expected / np.maximum(expected.sum(axis=1, keepdims=True), 1e-300)
    values = np.where(there, np.maximum(readings.values, 0.0), 0.0)
    total = values.sum(axis=1, keepdims=True)
    mean, floor = expected * total, LEAST_SHARE * total
    if readings.counts:
        small, variance = 0.5 + floor, mean + 0.5
    else:
        small, variance = np.maximum(readings.noise, 1e-150) + floor, readings.noise**2
    base = np.maximum(mean + small, 1e-150)
    ratio = np.log(np.maximum(values + small, 1e-150) / base)
    return Compared(np.where(there, ratio, 0.0), np.where(there, variance / base**2, 1e6), expected, there)


def uncertainty(compared: Compared, table: Table, scale: Floats) -> Floats:
    """Return the standard deviation of the logarithms with everything in it, shape (n, C)."""
    family, own = model_error.widths(table.channels, table.families)
    wide = np.sqrt(family**2 + own**2) * scale[:, None]
    tolerance = table.tolerance.std(axis=0)
    found: Floats = np.sqrt(compared.counting + wide**2 + tolerance**2)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where channels stand in the input of the networks: names as in beam 1."""

    channels: tuple[str, ...]

    def places(self, table: Table) -> NDArray[np.int64]:
        """Return the place of each channel of a table; the last place is for those that have none."""
        known = {name: number for number, name in enumerate(self.channels)}
        return np.array([known.get(canonical(name), len(self.channels)) for name in table.channels])

    @property
    def inputs(self) -> int:
        """Number of inputs of the network."""
        return PER_CHANNEL * len(self.channels) + CONTEXT

    def features(self, readings: Readings, table: Table) -> NDArray[np.float32]:
        """Return the input of the networks, shape (n, inputs): ratios, pulls and how well known, then the context."""
        compared = compare(readings, table.nominal[None])
        sigma = uncertainty(compared, table, readings.scale)
        parts = (compared.ratio, compared.ratio / sigma, np.log(np.sqrt(compared.counting) + 0.01) / -4.6)
        places, count = self.places(table), len(self.channels)
        found = np.zeros((len(readings), PER_CHANNEL, count + 1), np.float32)
        for number, part in enumerate(parts):
            found[:, number, places] = np.where(compared.there, np.clip(part, -CLIP, CLIP), 0.0)
        flat = found[:, :, :count].reshape(len(readings), -1)
        return np.concatenate([flat, _context(readings, table)], axis=1)

    def pulls(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the pulls, shape (n, channels), out of features."""
        count = len(self.channels)
        return features[:, count : 2 * count]


def _context(readings: Readings, table: Table) -> NDArray[np.float32]:
    key = table.key
    one_hot = [
        *(float(key.plane == name) for name in PLANES),
        *(float(key.state == name) for name in STATES),
        *(float(key.domain == name) for name in DOMAINS),
        float(key.beam == 2),
    ]
    total = np.maximum(np.where(readings.there, readings.values, 0.0), 0.0).sum(axis=1)
    noise = np.where(readings.there, readings.noise, 0.0).max(axis=1)
    level = np.log10(np.maximum(total, 1.0)) if readings.counts else np.log10(total / np.maximum(noise, 1e-300) + 1)
    varying = np.stack([level / 4, np.log10(readings.scale)], axis=1)
    return np.concatenate([np.tile(one_hot, (len(readings), 1)), varying], axis=1).astype(np.float32)


def layout_of(tables: Mapping[object, Table]) -> Layout:
    """Return the layout that holds the channels of all tables, along the beam as they come."""
    return Layout(tuple(dict.fromkeys(canonical(name) for table in tables.values() for name in table.channels)))
