"""Loss-map excitations in a stream at 1 Hz: when the transverse damper (ADT) blew up a beam, which one, in which plane.

The damper's flags (``ADT{H,V}.SR4.B{1,2}:BLOWUP_RUNNING``) say so where they were logged; else a rise of the losses at
the primaries does, and beam and plane are found from the monitors there (`placing.place`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.context import BLOWUPS, NAMES, summary
from accelerator.collimation.families import Family
from accelerator.collimation.geometry import BEAMS, collimators
from accelerator.collimation.lossmap import SYSTEM
from accelerator.collimation.monitors import plain_monitor
from accelerator.collimation.observing import blm_lossmap
from accelerator.collimation.placing import Placement, place
from core.errors import InputError
from core.observation import Condition, Observation

RISE = 10.0
"""An excitation lifts the signal at the primaries to this many times of what it was."""
BACKGROUND_S, GUARD_S, TAIL_S = 30.0, 2.0, 2.0
LONGEST_S = 120.0
_OF_PEAK = 0.5
_OF_STREAM = re.compile(
    r"kind|notes|state|(begins|ends)_unix_s|gaps|missing_seconds|longest_gap_s|.*_changes|blowup_.*_s"
)
"""Conditions that are the stream's, not the map's."""
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Excitation:
    """One excitation: seconds ``begin`` to ``end`` (excluded) of the stream, the beam and plane that it says it is.

    ``by_flag``: the damper's own flag told it (else the losses did).
    """

    begin: int
    end: int
    beam: int | None
    plane: str | None
    by_flag: bool


def excitations(observation: Observation) -> tuple[Excitation, ...]:
    """Return the excitations in a stream, in the order of time.

    Raises
    ------
    core.errors.InputError
        It is no stream.
    """
    payload = observation.payload
    if observation.system != SYSTEM or "time_unix_s" not in payload or payload["signal_gy_per_s"].ndim != 2:
        raise InputError(observation.origin, "is no stream of beam-loss monitors")
    time_s = np.asarray(payload["time_unix_s"], dtype=float)
    flags = {name: payload[f"blowup_{name}"] for name in BLOWUPS if f"blowup_{name}" in payload}
    logged = {name: values for name, values in flags.items() if np.isfinite(np.asarray(values, dtype=float)).any()}
    found = _by_flags(time_s, logged) if logged else _by_losses(observation, time_s)
    return tuple(sorted(found, key=lambda one: (one.begin, one.beam or 0)))


def lossmap(observation: Observation, excitation: Excitation) -> Observation:
    """Return the loss map of one excitation: mean signal, background, and noise of a second, for each monitor.

    The signal is the mean over the seconds in which the primaries see at least half of their peak; the background the
    mean over up to 30 s before the excitation, without the last 2 s; noise their standard deviation.

    Raises
    ------
    core.errors.InputError
        There is no background: nothing was measured before the excitation.
    """
    time_s = np.asarray(observation.payload["time_unix_s"], dtype=float)
    names = tuple(observation.payload["monitor"].tolist())
    if (quiet := _before(time_s, excitation, excitations(observation))).size < _FEWEST:
        raise InputError(observation.origin, "has no seconds before the excitation to take the background from")
    signal = _readings(observation)
    background = _mean(signal[quiet])
    noise = np.sqrt(_mean((signal[quiet] - background) ** 2) * quiet.size / (quiet.size - 1))
    chosen = _strongest(signal, names, excitation)
    losses = _mean(signal[chosen])
    beam, plane, notes = _settled(excitation, shown := place(names, losses - background))
    conditions = {name: value for name, value in observation.conditions.items() if not _OF_STREAM.fullmatch(name)}
    conditions |= _context_at(observation, excitation)
    conditions |= {"seconds": int(chosen.size), "background_seconds": int(quiet.size)}
    conditions |= {"blowup_by": "flag" if excitation.by_flag else "losses", "centre_of_mass": round(shown.centre, 4)}
    begins_s = float(time_s[excitation.begin])
    return blm_lossmap(
        names,
        losses,
        background_gy_per_s=background,
        noise_gy_per_s=noise,
        beam=beam,
        plane=plane,
        seen_at=datetime.fromtimestamp(begins_s, UTC),
        told=conditions,
        origin=observation.origin,
        sha256=observation.sha256,
        key=f"{observation.sha256[:16]}-{round(begins_s)}",
        notes=notes,
    )


def excited(observation: Observation) -> NDArray[np.bool_]:
    """Return which seconds of a stream, shape (time,), belong to an excitation: no pattern of the beam left alone."""
    found = np.zeros(len(observation.payload["time_unix_s"]), dtype=bool)
    for one in excitations(observation):
        found[one.begin : one.end] = True
    return found


def _context_at(observation: Observation, one: Excitation) -> dict[str, Condition]:
    """Mode, fill, energy, intensities while it lasted."""
    rows = slice(one.begin, one.end)
    columns = {name: observation.payload[name][rows] for name in NAMES if name in observation.payload}
    told = summary(columns)
    return {name: value for name, value in told.items() if not _OF_STREAM.fullmatch(name)}


def _by_flags(time_s: NDArray[np.float64], flags: Mapping[str, NDArray[np.generic]]) -> list[Excitation]:
    found = []
    for name, values in flags.items():
        is_on = np.nan_to_num(np.asarray(values, dtype=float)) > 0
        for begin, end in _runs(is_on):
            last = int(np.searchsorted(time_s, time_s[end - 1] + TAIL_S, side="right"))
            found.append(Excitation(begin, last, int(name[1]), name[2].upper(), by_flag=True))
    return found


def _by_losses(observation: Observation, time_s: NDArray[np.float64]) -> list[Excitation]:
    """Where the signal at a beam's primaries is ten times its running median, and clear of its noise."""
    signal = _readings(observation)
    names = tuple(observation.payload["monitor"].tolist())
    found: list[Excitation] = []
    for columns in _primaries(names).values():
        if not columns:
            continue
        trace = np.nan_to_num(_sum(signal[:, columns]))
        quiet = float(np.median(trace))
        spread = 1.4826 * float(np.median(np.abs(trace - quiet)))
        is_high = trace > max(RISE * quiet, quiet + 20 * spread)
        for begin, end in _runs(_closed(is_high)):
            if time_s[end - 1] - time_s[begin] <= LONGEST_S:
                found.append(_placed(signal, names, begin, end))
    return _apart(found)


def _placed(signal: NDArray[np.floating], names: tuple[str, ...], begin: int, end: int) -> Excitation:
    quiet = signal[max(0, begin - int(BACKGROUND_S)) : max(begin - int(GUARD_S), 1)]
    shown = place(names, _mean(signal[begin:end]) - _mean(quiet))
    return Excitation(begin, end, shown.beam, shown.plane, by_flag=False)


def _apart(found: list[Excitation]) -> list[Excitation]:
    """Drop what overlaps one that was seen before: crosstalk of one beam's losses at the primaries of the other."""
    kept: list[Excitation] = []
    for one in sorted(found, key=lambda each: (each.begin, -(each.end - each.begin))):
        if not kept or one.begin >= kept[-1].end:
            kept.append(one)
    return kept


def _before(time_s: NDArray[np.float64], one: Excitation, every: tuple[Excitation, ...]) -> NDArray[np.intp]:
    """The seconds to take the background from: before the excitation, and in no other."""
    begins_s = time_s[one.begin]
    usable = (time_s < begins_s - GUARD_S) & (time_s >= begins_s - BACKGROUND_S - GUARD_S)
    for other in every:
        usable[other.begin : other.end] = False
    return np.flatnonzero(usable)


def _strongest(signal: NDArray[np.floating], names: tuple[str, ...], one: Excitation) -> NDArray[np.intp]:
    groups = _primaries(names)
    columns = [at for beam, which in groups.items() if one.beam in {None, beam} for at in which]
    trace = np.nan_to_num(_sum(signal[one.begin : one.end][:, columns or slice(None)]))
    return one.begin + np.flatnonzero(trace >= _OF_PEAK * trace.max())


def _settled(one: Excitation, shown: Placement) -> tuple[int | None, str | None, list[str]]:
    """Beam and plane: of the damper if it told, else as the losses show; a contradiction is noted."""
    notes = []
    if one.by_flag and shown.beam is not None and shown.beam != one.beam:
        notes.append(f"the damper excited beam {one.beam}, but beam {shown.beam} loses")
    if one.by_flag and shown.plane in {"H", "V", "S"} and shown.plane != one.plane:
        notes.append(f"the damper excited plane {one.plane}, but the losses look like {shown.plane}")
    return (one.beam, one.plane, notes) if one.by_flag else (shown.beam, shown.plane, notes)


def _primaries(names: tuple[str, ...]) -> dict[int, list[int]]:
    """Columns of the monitors at the primaries of each beam (IR7 and IR3)."""
    place_of = {plain_monitor(name): at for at, name in enumerate(names)}
    return {
        beam: [
            place_of[one.blm.upper()]
            for one in collimators(beam)
            if one.family in {Family.TCP7, Family.TCP3} and one.blm.upper() in place_of
        ]
        for beam in BEAMS
    }


def _runs(is_on: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Begin and end (excluded) of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], is_on.astype(np.int8), [0]))))
    return [(int(begin), int(end)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]


def _closed(is_on: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill single seconds between two that are on."""
    filled = is_on.copy()
    filled[1:-1] |= is_on[:-2] & is_on[2:]
    return filled


def _readings(observation: Observation) -> NDArray[np.floating]:
    readings: NDArray[np.floating] = np.asarray(observation.payload["signal_gy_per_s"])
    return readings


def _mean(values: NDArray[np.floating]) -> NDArray[np.float64]:
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    total = np.where(finite, values, 0.0).sum(axis=0, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _sum(values: NDArray[np.floating]) -> NDArray[np.float64]:
    total: NDArray[np.float64] = np.where(np.isfinite(values), values, 0.0).sum(axis=1, dtype=np.float64)
    return total
