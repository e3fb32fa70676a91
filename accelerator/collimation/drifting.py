"""How the margins of the primaries go over a fill, minute by minute, and whether one of them shrinks."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.diagnosis import Quantity, Trend
from accelerator.collimation.fill_memory import BeamState
from accelerator.collimation.fill_patterns import FillPatterns, learn
from accelerator.collimation.gap_drift import effects, read
from accelerator.collimation.halo_mix import USUAL, HaloMix
from accelerator.collimation.knowledge import Knowledge
from accelerator.collimation.states import STAGES, State, family_settings
from accelerator.collimation.templates import Table
from accelerator.collimation.trend import Line, describe, hours_left
from core.verdict import Quality

Floats: TypeAlias = NDArray[np.float64]

MINUTE_S = 60
LEARNT_FROM_MINUTES, FEWEST_MINUTES = 60, 10
"""Gaps are read beside the patterns of so many minutes: fewer do not show all mixes, more would teach a slow drift to
be ordinary. What a sudden change is judged beside needs fewer.
"""
RECENT_MINUTES = 10
"""Gaps are read from the mean of so many minutes."""
MOST_POINTS = 1500
WANDER_SIGMA = 0.03
"""By so much a reading comes and goes within half an hour besides what it says itself."""
EVIDENCE = 25.0
"""From here on a gap has moved (`gap_drift.Drifted.evidence`); the most of 16 nominal fills and beams was 4."""
MISFIT = 3.0
"""Where no gap explains what is seen (`gap_drift.Drifted.misfit`) nothing is read: something else is wrong, on this
beam or the other. Drifts and nominal fills stay below 2.2.
"""
LOOK_SIGMA, LOST_SIGMA = 0.2, 0.5
"""Of the margin lost: worth a look, bad."""
LEAST_PROBABILITY = 0.05
SHARE_UNKNOWN = 0.25
"""How much of the halo the plane of a primary has is not known, and what it has lost is not known better for it."""
PER_PRIMARY = 3
"""Numbers of a point for each primary: change, its error, evidence."""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What the minutes of a fill say: margins over time, and one that shrinks, if one does."""

    trends: tuple[Trend, ...]
    shrinking: "Shrinking | None"


@dataclass(frozen=True, slots=True, eq=False)
class Shrinking:
    """A margin that shrinks: probability of each primary that may have moved, the most probable first.

    ``lost`` (± ``error``) of the margin in sigma; ``line`` of the first one.
    """

    suspects: tuple[tuple[str, float], ...]
    lost: float
    error: float
    line: Line | None
    left_h: tuple[float, float, float] | None
    evidence: float

    def quality(self, warn_before_s: float) -> Quality:
        """Return how bad that is."""
        soon = self.left_h is not None and 3600 * self.left_h[1] <= warn_before_s
        return Quality.BAD if soon or self.lost >= LOST_SIGMA else Quality.MEDIUM


def primaries(table: Table) -> list[int]:
    """Return the faults whose size is followed over a fill: the gaps of the primaries of IR7."""
    return [
        number
        for number, fault in enumerate(table.faults)
        if fault.quantity is Quantity.GAP and fault.element.startswith("tcp.") and not fault.element.startswith("tcp.6")
    ]


def follow(
    knowledge: Knowledge,
    table: Table,
    known: BeamState,
    readings: tuple[Floats, Floats, NDArray[np.bool_]],
    times_s: Floats,
    *,
    learning: bool,
) -> tuple[BeamState, Course]:
    """Take in the seconds of a piece: (T, C) signals, (C,) noise of one second, (C,) which channels count.

    ``learning``: whether they may be ordinary, but for a gap that drifts.
    """
    values, noise, there = readings
    for signals, at in _minutes(values, times_s):
        if at > known.minute_s:
            known = _take_in(known, signals, at, learning=learning)
            known = _add_point(knowledge, table, known, noise, there) if learning else known
    return known, _course(known, table)


def effect_of_drift(knowledge: Knowledge, table: Table, known: BeamState) -> Floats:
    """Return by how much the logarithms of the signals (C,) are off for the gaps that are known to have drifted."""
    tables = _tables(knowledge, table)
    if known.shrinking_since is None or not known.points or tables is None:
        return np.zeros(len(table.nominal))
    mix = _mix(*tables)
    parameters = mix.parameters()
    parameters[: mix.gaps] = np.array(known.points[-RECENT_MINUTES:])[:, 1::PER_PRIMARY].mean(axis=0)
    found: Floats = mix.of(parameters) - mix.nominal
    return found


def learnt_patterns(known: BeamState, noise: Floats, there: NDArray[np.bool_]) -> FillPatterns | None:
    """Return the patterns of the fill so far, None before there are enough minutes; ``noise`` of one second (C,)."""
    if len(known.learnt) < FEWEST_MINUTES:
        return None
    return learn(np.array(known.learnt), noise / np.sqrt(MINUTE_S), there)


def margin_sigma(table: Table) -> float:
    """Return the nominal margin between primaries and secondaries."""
    gaps, stage = family_settings(State(table.key.state)), STAGES[0]
    return float(gaps[stage.outer] or 0.0) - float(gaps[stage.inner] or 0.0)


def _minutes(values: Floats, times_s: Floats) -> list[tuple[Floats, float]]:
    """Return the mean signals of each minute and its middle; a shorter piece is one minute."""
    count = max(1, len(values) // MINUTE_S)
    used = min(len(values), count * MINUTE_S)
    pairs = zip(np.array_split(values[:used], count), np.array_split(times_s[:used], count), strict=True)
    return [(part.mean(axis=0), float(at.mean())) for part, at in pairs]


def _take_in(known: BeamState, signals: Floats, at: float, *, learning: bool) -> BeamState:
    row = tuple(signals.tolist())
    known = replace(known, minute_s=at, recent=(*known.recent, row)[-RECENT_MINUTES:])
    if learning and len(known.learnt) < LEARNT_FROM_MINUTES:
        known = replace(known, learnt=(*known.learnt, row))
    return known


def _add_point(
    knowledge: Knowledge, table: Table, known: BeamState, noise: Floats, there: NDArray[np.bool_]
) -> BeamState:
    """Read the gaps from the last minutes, once the patterns of the fill are learnt."""
    if len(known.learnt) < LEARNT_FROM_MINUTES:
        return known
    patterns = learnt_patterns(known, noise, there)
    tables = _tables(knowledge, table)
    if patterns is None or tables is None:
        return known
    logs = _effects(*tables)
    seen = read(patterns, np.array(known.recent).mean(axis=0), len(known.recent), logs)
    if seen.misfit > MISFIT:
        return known
    numbers = np.column_stack([seen.change, seen.error, seen.evidence]).ravel().tolist()
    return replace(known, points=(*known.points, (known.minute_s, *numbers))[-MOST_POINTS:])


def _tables(knowledge: Knowledge, table: Table) -> tuple[Table, ...] | None:
    """Return what the model knows of this state: all planes mixed, then each; None if one is missing."""
    found = [knowledge.tables.get(table.key._replace(plane=plane)) for plane in (table.key.plane, *USUAL)]
    known = tuple(one for one in found if one is not None)
    return known if len(known) == len(found) else None


@lru_cache(maxsize=16)
def _effects(mixed: Table, *planes: Table) -> Floats:
    """Return what a wider gap of each primary does, for the tables of a model (which stay the same objects)."""
    return effects(_mix(mixed, *planes))


@lru_cache(maxsize=16)
def _mix(mixed: Table, *planes: Table) -> HaloMix:
    return HaloMix(mixed, planes, primaries(mixed))


def _course(known: BeamState, table: Table) -> Course:
    nominal = margin_sigma(table)
    points = np.array(known.points) if known.points else np.zeros((0, 1))
    trends, lines = [], []
    for place, number in enumerate(primaries(table)):
        change, error = (points[:, 1 + PER_PRIMARY * place + one] if len(points) else np.zeros(0) for one in (0, 1))
        name = f"{table.faults[number].element.upper()} to TCSG7"
        trend, line = describe(name, points[:, 0].tolist(), nominal - change, error, WANDER_SIGMA, nominal)
        trends.append(trend)
        lines.append(line)
    return Course(tuple(trends), _shrinking(table, points, lines) if len(points) else None)


def _shrinking(table: Table, points: Floats, lines: list[Line | None]) -> Shrinking | None:
    """Return the margin that shrinks, if one does for sure."""
    change, error, evidence = (points[-RECENT_MINUTES:, 1 + one :: PER_PRIMARY].mean(axis=0) for one in range(3))
    lost = float(change.sum())
    if evidence.max() < EVIDENCE or lost < LOOK_SIGMA:
        return None
    weight = np.exp(0.5 * (evidence - evidence.max()))
    order = np.argsort(-weight, kind="stable")
    numbers, share = primaries(table), weight / weight.sum()
    suspects = tuple(
        (table.faults[numbers[one]].element, float(share[one])) for one in order if share[one] >= LEAST_PROBABILITY
    )
    line = lines[int(order[0])]
    left = hours_left(line, margin_sigma(table)) if line is not None else None
    spread = float(np.sqrt((error**2).max() + (SHARE_UNKNOWN * lost) ** 2))
    return Shrinking(suspects, lost, spread, line, left, float(evidence.max()))
