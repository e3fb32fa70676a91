"""Figures of merit from what methods said: per row of the tables, per setting, with intervals over runs.

Levels are an oracle's, equal for all: per kind of beams, the lowest one with which the nominal shifts of the nominal
generator make at most one alarm per shift on average. ``fixed`` uses a row's own alarms instead.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.its.alarms import GAP, Floats, auc, count_alarms, level_for
from benchmarks.its.measure import Judged, Told
from dqm.its.causes import Cause
from dqm.its.layout import CELLS

_CAUSES = frozenset(cause.value for cause in Cause)
WITHIN = 5
"""Cycles from the onset within which an incident must alarm to count as found."""
FULLY = 0.99
Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Run:
    """One row's answers on one run, and which of its cycles are faulty."""

    judged: Judged
    told: Told

    @property
    def scores(self) -> Floats:
        return self.told.scores

    @cached_property
    def active(self) -> Floats:
        """Share of each cycle for which something is wrong."""
        return np.array([labels.active for labels in self.judged.labels])

    @property
    def beams(self) -> str:
        return self.judged.scene.beams.value


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """All that one row said in one setting: nominal shifts (runs of each), and runs with a fault."""

    shifts: tuple[tuple[Run, ...], ...]
    faults: tuple[Run, ...]

    def of(self, keep: Callable[[Run], bool]) -> "Answers":
        """Return the part of them for which ``keep`` holds of the (first) run."""
        return Answers(
            tuple(runs for runs in self.shifts if keep(runs[0])), tuple(run for run in self.faults if keep(run))
        )


def answers(judged: Sequence[Judged], row: str, setting: str) -> Answers:
    """Collect what a row said in a setting."""
    shifts: dict[int, list[Run]] = {}
    faults: list[Run] = []
    for one in judged:
        if one.scene.setting == setting and row in one.rows:
            run = Run(one, one.rows[row])
            if one.scene.part == "shift":
                shifts.setdefault(one.scene.group, []).append(run)
            else:
                faults.append(run)
    return Answers(tuple(tuple(runs) for runs in shifts.values()), tuple(faults))


Alarming = Callable[[Run], NDArray[np.bool_]]


def at_level(shifts: Sequence[Sequence[Run]], per_shift: float = 1.0) -> Alarming:
    """Return what alarms at the level of each kind of beams that makes so many alarms in these shifts."""
    levels = levels_of(shifts, per_shift)
    return lambda run: run.scores > levels[run.beams]


def levels_of(shifts: Sequence[Sequence[Run]], per_shift: float = 1.0) -> Mapping[str, float]:
    """Return the level of each kind of beams; infinite where there is no shift of it."""
    found: dict[str, float] = {"pp": np.inf, "PbPb": np.inf}
    for beams in found:
        own = [runs for runs in shifts if runs[0].beams == beams]
        if own:
            found[beams] = level_for([run.scores for runs in own for run in runs], int(per_shift * len(own) + 1e-9))
    return found


def fixed(run: Run) -> NDArray[np.bool_]:
    """What alarms by the row's own threshold."""
    return np.array([alarm is True for alarm in run.told.alarms])


def false_alarms(shifts: Sequence[Sequence[Run]], alarming: Alarming) -> float:
    """Return alarms per nominal shift."""
    return float(np.mean([sum(count_alarms(alarming(run)) for run in runs) for runs in shifts])) if shifts else np.nan


def false_incidents(shifts: Sequence[Sequence[Run]], kinds: Sequence[str] = ()) -> float:
    """Return alarms per nominal shift as the console counts them: incidents of a kind whose places overlap are one.

    An incident that was not seen for more than `GAP` cycles is over. ``kinds``: only these. NaN for a method that
    alarms without saying where.
    """
    every = [run for runs in shifts for run in runs]
    if not every or any(
        alarm and not told for run in every for alarm, told in zip(run.told.alarms, run.told.incidents, strict=True)
    ):
        return float("nan")
    return float(np.mean([sum(_incidents(run, kinds) for run in runs) for runs in shifts]))


def alarming_share(shifts: Sequence[Sequence[Run]], alarming: Alarming) -> float:
    """Return the share of nominal cycles that alarm."""
    cycles = [alarming(run) for runs in shifts for run in runs]
    return float(np.concatenate(cycles).mean()) if cycles else np.nan


def _incidents(run: Run, kinds: Sequence[str]) -> int:
    open_ones: list[tuple[int, str, frozenset[str]]] = []
    count = 0
    for number, told in enumerate(run.told.incidents):
        open_ones = [one for one in open_ones if number - one[0] <= GAP + 1]
        for kind, _, names in (text.partition("; ") for text in told):
            if kinds and kind not in kinds:
                continue
            places = frozenset(names.split())
            same = [one for one in open_ones if one[1] == kind and (one[2] & places or not places)]
            count += not same
            open_ones = [one for one in open_ones if one not in same]
            open_ones.append((number, kind, places.union(*(one[2] for one in same))))
    return count


def recall(runs: Sequence[Run], alarming: Alarming) -> float:
    """Return the share of fully faulty cycles that alarm, averaged over runs."""
    shares = [alarming(run)[run.active >= FULLY].mean() for run in runs if (run.active >= FULLY).any()]
    return float(np.mean(shares)) if shares else np.nan


def delay(run: Run, alarming: Alarming) -> float:
    """Return cycles from that of the onset to the first alarming one; infinite if there is none."""
    faulty = np.flatnonzero(run.active > 0)
    first = np.flatnonzero(alarming(run)[faulty[0] :]) if faulty.size else np.array([])
    return float(first[0]) if first.size else np.inf


def found(runs: Sequence[Run], alarming: Alarming) -> float:
    """Return the share of incidents that alarm within `WITHIN` cycles."""
    return float(np.mean([delay(run, alarming) < WITHIN for run in runs])) if runs else np.nan


def mean_delay(runs: Sequence[Run], alarming: Alarming) -> float:
    """Return the mean delay of those that are found at all, in cycles."""
    delays = [late for run in runs if np.isfinite(late := delay(run, alarming))]
    return float(np.mean(delays)) if delays else np.nan


def smallest_fraction(runs: Sequence[Run], alarming: Alarming, share: float = 0.5) -> float:
    """Return the fraction of background at which the recall per cycle passes ``share``, between points on a log scale.

    Infinite if it never does; at most the lowest fraction if it always does.
    """
    fractions = sorted({run.judged.scene.fraction for run in runs if run.judged.scene.fraction is not None})
    curve = [recall([run for run in runs if run.judged.scene.fraction == at], alarming) for at in fractions]
    above = [place for place, value in enumerate(curve) if value < share]
    if not curve or (above and above[-1] == len(curve) - 1):
        return np.inf
    if not above:
        return fractions[0]
    low = above[-1]
    part = (share - curve[low]) / (curve[low + 1] - curve[low])
    return float(np.exp(np.interp(part, [0, 1], np.log([fractions[low], fractions[low + 1]]))))


def cycle_auc(shifts: Sequence[Sequence[Run]], faults: Sequence[Run]) -> float:
    """Return the chance that a fully faulty cycle scores above a nominal one of the same beams, averaged over beams."""
    values = []
    for beams in ("pp", "PbPb"):
        nominal = [run.scores for runs in shifts for run in runs if run.beams == beams]
        faulty = [run.scores[run.active >= FULLY] for run in faults if run.beams == beams]
        if nominal and faulty:
            values.append(auc(np.concatenate(nominal), np.concatenate(faulty)))
    return float(np.mean(values)) if values else np.nan


def cause_accuracy(runs: Sequence[Run], alarming: Alarming) -> float:
    """Return the share of alarming, fully faulty cycles whose cause is named right, averaged over runs.

    NaN for a method that never names a cause.
    """
    if not any(told in _CAUSES for run in runs for told in run.told.causes):
        return float("nan")
    shares = []
    for run in runs:
        hits = [
            told == labels.cause
            for told, labels, alarm in zip(run.told.causes, run.judged.labels, alarming(run), strict=True)
            if alarm and labels.active >= FULLY
        ]
        shares += [np.mean(hits)] if hits else []
    return float(np.mean(shares)) if shares else np.nan


def confusion(runs: Sequence[Run], alarming: Alarming) -> dict[str, dict[str, int]]:
    """Return how many alarming, fully faulty cycles of each cause got which name."""
    table: dict[str, dict[str, int]] = {}
    for run in runs:
        for told, labels, alarm in zip(run.told.causes, run.judged.labels, alarming(run), strict=True):
            if alarm and labels.active >= FULLY and labels.cause is not None:
                named = table.setdefault(labels.cause, {})
                named[str(told)] = named.get(str(told), 0) + 1
    return table


@dataclass(frozen=True, slots=True)
class Localisation:
    """Of alarming, fully faulty cycles, averaged over runs: the worst faulty cell or any is in the region; share of
    faulty cells in it; share of it that is faulty; its size over the detector's."""

    hit: float
    covered: float
    pure: float
    size: float


def localisation(
    runs: Sequence[Run], alarming: Alarming, levels: Mapping[str, float], cut: float | None
) -> Localisation:
    """Return how well regions fit: cells with a value above the level (or the row's cut), at least the highest one.

    ``hit`` asks for *the* faulty cell where there is one, for at least half of the region's cells or of the faulty
    ones where there are many.
    """
    averaged = []
    for run in runs:
        limit = levels.get(run.beams, np.inf) if cut is None else cut
        own = []
        for place, (labels, alarm) in enumerate(zip(run.judged.labels, alarming(run), strict=True)):
            if alarm and labels.active >= FULLY:
                own.append(_fit(run.told.cells[place], run.told.values[place], set(labels.cells), limit))
        averaged += [np.mean(own, axis=0)] if own else []
    return Localisation(*(np.mean(averaged, axis=0).tolist() if averaged else [np.nan] * 4))


def _fit(cells: Sequence[int], values: Sequence[float], true: set[int], limit: float) -> tuple[float, ...]:
    region = {cell for cell, value in zip(cells, values, strict=True) if value > limit} or set(cells[:1])
    if not region:
        return 0.0, 0.0, 0.0, 0.0
    both = len(region & true)
    covered, pure = both / len(true), both / len(region)
    hit = both if len(true) == 1 else max(covered, pure) >= 0.5
    return float(hit), covered, pure, len(region) / CELLS
