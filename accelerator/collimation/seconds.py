"""Seconds of all monitors as seconds of channels: one matrix per beam, with noise, background taken off."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import monitor_channels, names
from core.observation import Observation

Floats: TypeAlias = NDArray[np.float64]

QUIET = 0.3
"""Background may be off by this part of itself."""
LOW_QUANTILE = 0.002
BACKGROUND_GY_PER_S = 3e-7
"""No-beam level of monitors in the arcs (2.4e-7 to 2.8e-7 Gy/s in 2018)."""
ACTIVATED_GY_PER_S = 1e-6
"""By so much a level may be off that where nobody measured it (1e-6 to 5e-6 Gy/s at activated collimators)."""


@dataclass(frozen=True, slots=True, eq=False)
class Seconds:
    """T seconds of a beam's C channels: ``values`` (T, C) Gy/s above background, ``noise`` (C,), ``there`` (C,).

    ``offset`` (C,) is by how much the background may be off, the same in all seconds.
    """

    beam: int
    channels: tuple[str, ...]
    values: Floats
    noise: Floats
    there: NDArray[np.bool_]
    offset: Floats

    def rows(self, chosen: NDArray[np.bool_]) -> "Seconds":
        """Return some of the seconds."""
        return replace(self, values=self.values[chosen])

    def less(self, background: Floats) -> "Seconds":
        """Return what is left above a background (C,) that was measured without beam."""
        values = np.where(self.there, self.values - background, 0.0)
        return replace(self, values=values, offset=QUIET * np.maximum(np.abs(background), BACKGROUND_GY_PER_S))

    def blocks(self, length: int) -> Floats:
        """Return means over blocks of so many seconds, shape (T // length, C) (at least one block)."""
        count = max(1, len(self.values) // length)
        usable = self.values[: count * length] if len(self.values) >= length else self.values
        found: Floats = usable.reshape(count, -1, usable.shape[1]).mean(axis=1)
        return found


def seconds_of(observation: Observation, beam: int) -> Seconds:
    """Return the channels of a beam over the seconds of a piece."""
    payload = observation.payload
    signal = np.asarray(payload["signal_gy_per_s"])
    where = monitor_channels(tuple(payload["monitor"].tolist()), beam)
    order = np.argsort(where, kind="stable")
    order = order[where[order] >= 0]
    channel, begins, count = np.unique(where[order], return_index=True, return_counts=True)
    own = signal[:, order]
    background = _background(observation, order)
    if np.isfinite(own).all():
        mean = np.add.reduceat(own, begins, axis=1, dtype=np.float64) / count
    else:
        is_there = np.isfinite(own)
        total = np.add.reduceat(np.where(is_there, own, 0), begins, axis=1, dtype=np.float64)
        seen = np.add.reduceat(is_there.astype(np.float32), begins, axis=1)
        mean = np.where(seen > 0, total / np.maximum(seen, 1), np.nan)
    level = np.add.reduceat(background, begins) / count
    wide = len(names(beam))
    values, noise, there = np.zeros((len(signal), wide)), np.zeros(wide), np.zeros(wide, bool)
    offset = np.zeros(wide)
    filled = _filled(mean)
    values[:, channel] = filled - level
    there[channel] = np.isfinite(filled).all(axis=0)
    values[:, ~there] = 0.0
    noise[channel] = _scatter(_in_step(filled))
    told = observation.payload.get("background_gy_per_s") is not None
    offset[channel] = np.hypot(QUIET * level, 0.0 if told else ACTIVATED_GY_PER_S)
    return Seconds(beam, names(beam), values, np.where(there, noise, 0.0), there, offset)


def _background(observation: Observation, order: NDArray[np.int64]) -> Floats:
    told = observation.payload.get("background_gy_per_s")
    if told is not None:
        return np.nan_to_num(np.asarray(told, np.float64))[order]
    return np.full(len(order), BACKGROUND_GY_PER_S)


def _filled(mean: Floats) -> Floats:
    """Seconds without a reading take the last one before (the first ones: the first one after)."""
    bad = ~np.isfinite(mean)
    if not bad.any():
        return mean
    rows = np.where(bad, 0, np.arange(len(mean))[:, None])
    last = np.maximum.accumulate(rows, axis=0)
    found = np.take_along_axis(mean, last, axis=0)
    first = np.nanmax(
        np.where(np.cumsum(~bad, axis=0) == 1, mean, np.nan), axis=0, initial=-np.inf, where=~np.isnan(mean)
    )
    return np.where(np.isfinite(found), found, np.where(np.isfinite(first), first, np.nan))


def _in_step(mean: Floats) -> Floats:
    """Take out what all channels do together: how fast the beam is lost is not noise."""
    total = np.nansum(mean, axis=1, keepdims=True)
    usual = float(np.median(total)) if len(total) else 0.0
    found: Floats = mean * (usual / np.maximum(total, 1e-300)) if usual > 0 else mean
    return found


def _scatter(mean: Floats) -> Floats:
    """Standard deviation of one second, from the middle half of the steps from second to second."""
    if len(mean) < 3:
        return np.zeros(mean.shape[1])
    steps = np.abs(np.diff(mean, axis=0))
    found: Floats = np.median(steps, axis=0) * 1.4826 / np.sqrt(2)
    return found


def steady_shares(values: Floats, window: int) -> Floats:
    """Return the median over a running window of shares, scaled back to the mean level, shape (T - window + 1, C).

    What lasts less than half a window (a falling dust particle) leaves no trace.
    """
    total = np.maximum(np.maximum(values, 0).sum(axis=1, keepdims=True), 1e-300)
    view = np.lib.stride_tricks.sliding_window_view(values / total, window, axis=0)
    level = np.convolve(total[:, 0], np.full(window, 1 / window), mode="valid")
    found: Floats = np.partition(view, window // 2, axis=-1)[..., window // 2] * level[:, None]
    return found
