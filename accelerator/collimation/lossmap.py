"""A loss pattern: what an observation says of one beam, channel by channel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import COLD, group_at, index, monitor_channels, names, of_kind
from accelerator.collimation.geometry import UnknownCollimatorError, find
from core.errors import InputError
from core.observation import Condition, Observation

SYSTEM = "collimation"
RING = "LHC"
TELLS_APART_M = 2.0
"""Collimators stand 2 m apart: points placed worse than this (of a figure of the ring) are of no certain one."""


class Domain(StrEnum):
    """What a pattern counts."""

    PROTONS = "protons"
    BLM = "blm"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Losses of one beam by channel.

    Parameters
    ----------
    domain
        ``protons``: lost protons; ``blm``: Gy/s above background.
    channels : (n,)
        Names, as `channels.names` gives them for this beam.
    values, sigma : (n,)
        Losses, and their standard deviation (Poisson, at least one count; for BLMs their noise).
    missing : (n,)
        True where nothing was measured, or nobody knows at which collimator (its value is 0).
    plane, state
        H, V, S, DP+, DP-... and a `states.State`, None where unknown.
    total
        Sum of all losses, also of those in no channel.
    context
        Conditions of the observation.
    """

    domain: Domain
    channels: tuple[str, ...]
    values: NDArray[np.float64]
    sigma: NDArray[np.float64]
    missing: NDArray[np.bool_]
    beam: int
    plane: str | None
    state: str | None
    total: float
    context: Mapping[str, Condition] = field(default_factory=dict)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Losses as shares of the total; zeros if there are none."""
        return self.values / self.total if self.total > 0 else np.zeros_like(self.values)

    def of(self, channel: str) -> float:
        """Return the loss in one channel."""
        return float(self.values[index(self.beam)[channel]])


def pattern(observation: Observation, beam: int | None = None) -> Pattern:
    """Return what an observation says of a beam (its own if none is named).

    A piece of a stream is averaged over its seconds.

    Raises
    ------
    core.errors.InputError
        It names no beam, or is no loss map and no stream.
    """
    told = observation.conditions
    chosen = beam if beam is not None else told.get("beam")
    if chosen not in {1, 2}:
        raise InputError(observation.origin, "tells of no beam")
    domain = told.get("domain")
    if domain == Domain.PROTONS:
        parts = _protons(observation, int(chosen))
    elif domain == Domain.BLM:
        parts = _blm(observation, int(chosen))
    else:
        raise InputError(observation.origin, f"is no loss pattern (domain {domain})")
    values, sigma, missing, total = parts
    return Pattern(
        domain=Domain(domain),
        channels=names(int(chosen)),
        values=values,
        sigma=sigma,
        missing=missing,
        beam=int(chosen),
        plane=_text(told.get("plane")),
        state=_text(told.get("state")),
        total=total,
        context=dict(told),
    )


_Parts = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], float]


def _protons(observation: Observation, beam: int) -> _Parts:
    payload, where = observation.payload, index(beam)
    values = np.zeros(len(where))
    lost = np.asarray(payload["lost"], dtype=float)
    for name, count in zip(payload["collimator"].tolist(), lost.tolist(), strict=True):
        try:
            at = where.get(find(str(name)).name)
        except UnknownCollimatorError:
            continue
        if at is not None:
            values[at] += count
    bin_lost = np.asarray(payload["bin_lost"], dtype=float)
    if bin_lost.size:
        np.add.at(values, group_at(payload["bin_s_m"], beam), bin_lost)
    sigma = np.sqrt(np.maximum(values, 1.0))
    return values, sigma, np.zeros(len(where), dtype=bool), float(lost.sum() + bin_lost.sum())


def _blm(observation: Observation, beam: int) -> _Parts:
    payload = observation.payload
    signal = np.asarray(payload["signal_gy_per_s"], dtype=float)
    background = payload.get("background_gy_per_s")
    per_monitor = _mean(signal) if signal.ndim == 2 else signal
    if background is not None:
        per_monitor = per_monitor - np.nan_to_num(np.asarray(background, dtype=float))
    where = monitor_channels(tuple(payload["monitor"].tolist()), beam)
    used = (where >= 0) & np.isfinite(per_monitor)
    count = np.bincount(where[used], minlength=len(names(beam)))
    values = np.bincount(where[used], weights=per_monitor[used], minlength=len(count)) / np.maximum(count, 1)
    noise = _noise(observation, signal, per_monitor, where, beam)
    variance = np.bincount(where[used], weights=noise[used] ** 2, minlength=len(count))
    sigma = np.sqrt(variance) / np.maximum(count, 1)
    missing = count == 0
    total = float(values[values > 0].sum())
    tolerance_m = observation.conditions.get("position_tolerance_m")
    if isinstance(tolerance_m, float) and tolerance_m > TELLS_APART_M:
        missing = missing | of_kind(beam, "collimator")
        values, sigma = np.where(missing, 0.0, values), np.where(missing, 0.0, sigma)
    return values, sigma, missing, total


def _noise(
    observation: Observation,
    signal: NDArray[np.float64],
    per_monitor: NDArray[np.float64],
    where: NDArray[np.intp],
    beam: int,
) -> NDArray[np.float64]:
    """Standard deviation of each monitor's value: as told, or from the seconds, or from the quiet cold monitors."""
    told = observation.payload.get("noise_gy_per_s")
    seconds = signal.shape[0] if signal.ndim == 2 else int(observation.conditions.get("seconds") or 1)
    if told is not None:
        known: NDArray[np.float64] = np.nan_to_num(np.asarray(told, dtype=float)) / np.sqrt(max(seconds, 1))
        return known
    if signal.ndim == 2 and signal.shape[0] > 1:
        steps = np.diff(signal, axis=0)
        with np.errstate(invalid="ignore"):
            deviation: NDArray[np.float64] = np.sqrt(_mean(steps**2) / 2 / seconds)
        quiet_nan: NDArray[np.float64] = np.nan_to_num(deviation)
        return quiet_nan
    cold = np.isin(where, np.flatnonzero(of_kind(beam, COLD))) & np.isfinite(per_monitor)
    quiet = per_monitor[cold]
    spread = 1.4826 * float(np.median(np.abs(quiet - np.median(quiet)))) if quiet.size else 0.0
    return np.full(per_monitor.shape, spread)


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the first axis of what is finite; NaN where nothing is."""
    finite = np.isfinite(values)
    if finite.all():
        mean: NDArray[np.float64] = values.mean(axis=0)
        return mean
    count = finite.sum(axis=0)
    total = np.where(finite, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _text(value: Condition) -> str | None:
    return str(value) if value else None
