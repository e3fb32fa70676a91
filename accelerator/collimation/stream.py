"""Seconds of beam-loss monitors, as a file holds them, put in order: every reader of BLM data ends here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.monitors import by_name, monitors, plain_monitor
from accelerator.collimation.timestamps import EARLIEST_S, LATEST_S
from core.errors import InputError
from core.observation import Condition

MAX_CELLS = 60_000_000
"""Readings in one file: four hours of all monitors at 1 Hz."""
SATURATED_GY_PER_S = 23.0
"""Upper end of an ionisation chamber's electronics as commonly quoted; readings at or above it are no measurement."""
IMPOSSIBLE_GY_PER_S = 1e4
"""What is beyond (or below its negative) is no reading at all."""
TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class Stream:
    """Readings of monitors over seconds.

    Parameters
    ----------
    time_unix_s : (t,)
        In any order, repeated or not finite, as it was read.
    monitors
        Names, n of them.
    signal_gy_per_s : (t, n)
        Single or double precision.
    context
        Columns (t,) by name (`context.NAMES`): numbers (NaN where unknown) or text.
    notes
        What was odd about the file.
    """

    time_unix_s: NDArray[np.float64]
    monitors: tuple[str, ...]
    signal_gy_per_s: NDArray[np.floating]
    context: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def tidied(stream: Stream, origin: str) -> tuple[Stream, dict[str, Condition]]:
    """Return a stream in the order of time with known monitors only, and conditions that state what was put right.

    Seconds without a time or that came twice are dropped (the first is kept), unknown and repeated monitors too; NaN,
    negative and saturated readings are counted (what is impossible becomes NaN); gaps are stated.

    Raises
    ------
    core.errors.InputError
        Arrays do not fit together, or no time or no monitor is left.
    """
    _check_shapes(stream, origin)
    stream, about_monitors = _known_monitors(stream, origin)
    stream, about_time = _in_order(stream, origin)
    signal, about_readings = _sound_readings(stream)
    tidy = Stream(stream.time_unix_s, stream.monitors, signal, stream.context, stream.notes)
    return tidy, {**about_monitors, **about_time, **about_readings}


def _check_shapes(stream: Stream, origin: str) -> None:
    shape = (len(stream.time_unix_s), len(stream.monitors))
    if stream.signal_gy_per_s.shape != shape:
        raise InputError(origin, f"has readings of shape {stream.signal_gy_per_s.shape} for times and monitors {shape}")
    if stream.signal_gy_per_s.dtype.kind != "f":
        raise InputError(origin, f"holds {stream.signal_gy_per_s.dtype} instead of numbers")
    for name, column in stream.context.items():
        if column.shape != shape[:1]:
            raise InputError(origin, f"has {column.size} values of {name} for {shape[0]} times")


def _known_monitors(stream: Stream, origin: str) -> tuple[Stream, dict[str, Condition]]:
    known, seen = by_name(), set[str]()
    kept: list[int] = []
    unknown: list[str] = []
    repeated: list[str] = []
    official: list[str] = []
    for at, name in enumerate(stream.monitors):
        plain = plain_monitor(name)
        found = known.get(plain)
        if found is None:
            unknown.append(plain[:60])
        elif plain in seen:
            repeated.append(found.name)
        else:
            seen.add(plain)
            kept.append(at)
            official.append(found.name)
    if not kept:
        raise InputError(origin, f"has no beam-loss monitor that is known here ({_some(unknown) or 'none at all'})")
    absent = [one.name for one in monitors(ionisation=True) if one.name.upper() not in seen]
    told: dict[str, Condition] = {"monitors": len(kept)}
    for name, which in (("unknown_monitors", unknown), ("repeated_monitors", repeated), ("missing_monitors", absent)):
        if which:
            told[name] = len(which)
            told[f"{name}_some"] = _some(which)
    signal = stream.signal_gy_per_s if len(kept) == len(stream.monitors) else stream.signal_gy_per_s[:, kept]
    return Stream(stream.time_unix_s, tuple(official), signal, stream.context, stream.notes), told


def _in_order(stream: Stream, origin: str) -> tuple[Stream, dict[str, Condition]]:
    at_s = np.asarray(stream.time_unix_s, dtype=float)
    with np.errstate(invalid="ignore"):
        is_time = np.isfinite(at_s) & (at_s >= EARLIEST_S) & (at_s < LATEST_S)
    if not is_time.any():
        raise InputError(origin, "has no time stamp that can be read" if at_s.size else "holds no time at all")
    told: dict[str, Condition] = {}
    if not is_time.all():
        told["unreadable_times"] = int(np.count_nonzero(~is_time))
    rows = np.flatnonzero(is_time)
    steps = np.diff(at_s[rows])
    if (steps < 0).any():
        told["times_running_back"] = int(np.count_nonzero(steps < 0))
        told["largest_step_back_s"] = round(float(-steps.min()), 3)
        rows = rows[np.argsort(at_s[rows], kind="stable")]
    ticks = np.round(at_s[rows] / TICK_S)
    is_new = np.concatenate(([True], np.diff(ticks) > 0))
    if not is_new.all():
        told["duplicated_seconds"] = int(np.count_nonzero(~is_new))
        differing = _count_differing(stream.signal_gy_per_s, rows, is_new)
        if differing:
            told["duplicated_seconds_differing"] = differing
    rows, ticks = rows[is_new], ticks[is_new]
    told |= _gaps(ticks)
    is_all = len(rows) == len(at_s) and bool((np.diff(rows) == 1).all())
    signal = stream.signal_gy_per_s if is_all else stream.signal_gy_per_s[rows]
    columns = {name: column[rows] for name, column in stream.context.items()}
    told["seconds"] = len(rows)
    return Stream(at_s[rows], stream.monitors, signal, columns, stream.notes), told


def _count_differing(signal: NDArray[np.floating], rows: NDArray[np.intp], is_new: NDArray[np.bool_]) -> int:
    """How many repeated seconds hold other readings than the one that is kept."""
    first = rows[is_new][np.cumsum(is_new) - 1]
    again = np.flatnonzero(~is_new)
    return sum(not np.array_equal(signal[rows[at]], signal[first[at]], equal_nan=True) for at in again.tolist())


def _gaps(ticks: NDArray[np.float64]) -> dict[str, Condition]:
    missing = np.diff(ticks) - 1
    gaps = missing[missing > 0]
    if not gaps.size:
        return {}
    return {"gaps": int(gaps.size), "missing_seconds": int(gaps.sum()), "longest_gap_s": float(gaps.max() + 1)}


def _sound_readings(stream: Stream) -> tuple[NDArray[np.floating], dict[str, Condition]]:
    signal = stream.signal_gy_per_s
    told: dict[str, Condition] = {}
    with np.errstate(invalid="ignore"):
        low, high = (float(signal.min()), float(signal.max())) if signal.size else (0.0, 0.0)
        if low >= 0 and high < SATURATED_GY_PER_S:  # NaN passes through min and max
            return signal, told
        is_sound = (signal > -IMPOSSIBLE_GY_PER_S) & (signal < IMPOSSIBLE_GY_PER_S)
        saturated = signal >= SATURATED_GY_PER_S
        negative = int(np.count_nonzero(is_sound & (signal < 0)))
    if not is_sound.all():
        missing = np.isnan(signal)
        told["nan_readings"] = int(np.count_nonzero(missing))
        told["impossible_readings"] = int(np.count_nonzero(~is_sound & ~missing))
        signal = np.where(is_sound, signal, signal.dtype.type(np.nan))
        told |= _which("dead_monitors", np.flatnonzero(~is_sound.any(axis=0)), stream)
    told["negative_readings"] = negative
    told |= _which("saturated_monitors", np.flatnonzero(saturated.any(axis=0)), stream)
    return signal, {name: value for name, value in told.items() if value}


def _which(name: str, columns: NDArray[np.intp], stream: Stream) -> dict[str, Condition]:
    which = [stream.monitors[at] for at in columns]
    return {name: len(which), f"{name}_some": _some(which)}


def _some(which: Sequence[str]) -> str:
    return ", ".join(which[:5]) + (f" and {len(which) - 5} more" if len(which) > 5 else "")
