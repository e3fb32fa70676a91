"""All figures of one row in one setting, and the tables that are printed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.its.figures import (
    Answers,
    Row,
    Run,
    alarming_share,
    answers,
    at_level,
    cause_accuracy,
    confusion,
    cycle_auc,
    false_alarms,
    false_incidents,
    fixed,
    found,
    levels_of,
    localisation,
    mean_delay,
    recall,
    smallest_fraction,
)
from benchmarks.its.measure import Judged, level_setting
from benchmarks.its.scenes import Plan

ASKED = 0.05
"""The background that the issue asks for: 5 % of the clusters of one side."""
DRAWS = 100
RUN_START = 4
"""Cycles that count as the start of a run."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One row in one setting: its answers there, and the nominal shifts that set the level."""

    row: str
    cut: float | None
    there: Answers
    nominal: Answers

    def drawn(self, rng: np.random.Generator) -> "Case":
        """Return it with whole shifts and runs with a fault drawn anew, runs of one seed together."""
        return Case(self.row, self.cut, _drawn(self.there, rng), _drawn(self.nominal, rng))


def cases(plan: Plan, judged: Sequence[Judged], row: str, cut: float | None) -> dict[str, Case]:
    """Return the cases of a row by setting."""
    level = answers([one for one in judged if level_setting(plan, one.scene)], row, "nominal")
    return {setting: Case(row, cut, answers(judged, row, setting), level) for setting in plan.settings}


def figures(case: Case, draws: int = DRAWS) -> Row:
    """Return all figures of a case, with 90 % intervals of the main ones over ``draws`` resamplings."""
    rng = np.random.default_rng(5)
    main = _main(case)
    again = [_main(case.drawn(rng)) for _ in range(draws)]
    intervals = {f"{name}_90": _interval([one[name] for one in again]) for name in main} if draws else {}
    return {**main, **intervals, **_details(case)}


def _main(case: Case) -> dict[str, float]:
    """The figures that get intervals; those with ``own`` use a level from the setting's own nominal shifts."""
    alarming = at_level(case.nominal.shifts)
    background = _background(case.there.faults)
    asked = [run for run in background if run.judged.scene.fraction == ASKED]
    hardware = _hardware(case.there.faults)
    found_here = {
        "false_alarms": false_alarms(case.there.shifts, alarming),
        "recall_5": recall(asked, alarming),
        "found_5": found(asked, alarming),
        "smallest_50": smallest_fraction(background, alarming),
        "auc_5": cycle_auc(case.there.shifts, asked),
        "auc_hardware": cycle_auc(case.there.shifts, hardware),
        "hardware_recall": recall(hardware, alarming),
        "hardware_found": found(hardware, alarming),
        "cause": cause_accuracy([*_strong(background), *hardware], alarming),
        "delay": mean_delay([*_strong(background), *hardware], alarming),
    }
    own = at_level(case.there.shifts)
    found_here |= {
        "recall_5_own": recall(asked, own),
        "found_5_own": found(asked, own),
        "smallest_50_own": smallest_fraction(background, own),
        "hardware_found_own": found(hardware, own),
    }
    return found_here


def _details(case: Case) -> Row:
    alarming, levels = at_level(case.nominal.shifts), levels_of(case.nominal.shifts)
    background, hardware = _background(case.there.faults), _hardware(case.there.faults)
    details: Row = {
        "levels": dict(levels),
        "curve": {str(at): recall(runs, alarming) for at, runs in _by(background, _fraction).items()},
        "curve_found": {str(at): found(runs, alarming) for at, runs in _by(background, _fraction).items()},
        "recall_5_by_beams": {
            beams: recall([run for run in runs if run.judged.scene.fraction == ASKED], alarming)
            for beams, runs in _by(background, _beams).items()
        },
        "smallest_50_by_beams": {b: smallest_fraction(runs, alarming) for b, runs in _by(background, _beams).items()},
        "by_cause": {cause: found(runs, alarming) for cause, runs in _by(hardware, _cause).items()},
        "recall_by_cause": {cause: recall(runs, alarming) for cause, runs in _by(hardware, _cause).items()},
        "cause_by_cause": {
            cause: cause_accuracy(runs, alarming)
            for cause, runs in _by([*_strong(background), *hardware], _cause).items()
        },
        "confusion": confusion([*_strong(background), *hardware], alarming),
        "delay_by_cause": {cause: mean_delay(runs, alarming) for cause, runs in _by(hardware, _cause).items()},
    }
    for name, runs in (
        ("one_cell", _one_cell(hardware)),
        ("cells", _many(hardware)),
        ("background", _strong(background)),
    ):
        where = localisation(runs, alarming, levels, case.cut)
        details[f"place_{name}"] = {"hit": where.hit, "covered": where.covered, "pure": where.pure, "size": where.size}
    if any(alarm is not None for runs in case.there.shifts for run in runs for alarm in run.told.alarms):
        details |= _own_threshold(case, background, hardware)
    return details


def _own_threshold(case: Case, background: Sequence[Run], hardware: Sequence[Run]) -> Row:
    """Figures with the row's own alarms, without any oracle."""
    shifts = case.there.shifts
    asked = [run for run in background if run.judged.scene.fraction == ASKED]
    rates = {
        beams: false_alarms([runs for runs in shifts if runs[0].beams == beams], fixed) for beams in ("pp", "PbPb")
    }
    return {
        "own_false_alarms": false_alarms(shifts, fixed),
        "own_false_alarms_90": _resampled(shifts, lambda drawn: false_alarms(drawn, fixed)),
        "own_false_alarms_by_beams": rates,
        "own_shifts": len(shifts),
        "own_alarming_share": alarming_share(shifts, fixed),
        "own_false_alarms_at_run_start": false_alarms(shifts, _starting),
        "own_false_incidents": false_incidents(shifts),
        "own_false_incidents_90": _resampled(shifts, false_incidents),
        "own_false_incidents_by_kind": {kind: false_incidents(shifts, (kind,)) for kind in ("background", "place")},
        "own_recall_5": recall(asked, fixed),
        "own_found_5": found(asked, fixed),
        "own_smallest_50": smallest_fraction(background, fixed),
        "own_hardware_found": found(hardware, fixed),
        "own_cause": cause_accuracy([*_strong(background), *hardware], fixed),
    }


def _starting(run: Run) -> NDArray[np.bool_]:
    """The row's own alarms in the first cycles of a run."""
    return fixed(run)[:RUN_START]


def _background(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.judged.scene.fraction is not None]


def _strong(runs: Sequence[Run]) -> list[Run]:
    """Background of at least the fraction that is asked for."""
    return [run for run in runs if (run.judged.scene.fraction or 0) >= ASKED]


def _hardware(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.judged.scene.fraction is None]


def _cells(run: Run) -> int:
    return max((len(labels.cells) for labels in run.judged.labels), default=0)


def _one_cell(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if _cells(run) == 1]


def _many(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if _cells(run) > 1]


def _fraction(run: Run) -> float:
    return float(run.judged.scene.fraction or 0.0)


def _beams(run: Run) -> str:
    return run.beams


def _cause(run: Run) -> str:
    return str(run.judged.scene.cause)


def _by(runs: Sequence[Run], key: Callable[[Run], float | str]) -> dict[float | str, list[Run]]:
    found_runs: dict[float | str, list[Run]] = {}
    for run in runs:
        found_runs.setdefault(key(run), []).append(run)
    return dict(sorted(found_runs.items(), key=lambda item: str(item[0])))


def _drawn(some: Answers, rng: np.random.Generator) -> Answers:
    """Shifts drawn anew within each kind of beams; runs with a fault by their seeds within each cause and beams."""
    shifts: list[tuple[Run, ...]] = []
    for beams in ("pp", "PbPb"):
        own = [runs for runs in some.shifts if runs[0].beams == beams]
        shifts += [own[place] for place in rng.integers(len(own), size=len(own))] if own else []
    seeds: dict[tuple[str, str], dict[int, list[Run]]] = {}
    for run in some.faults:
        kind = "background" if run.judged.scene.fraction is not None else _cause(run)
        seeds.setdefault((kind, run.beams), {}).setdefault(run.judged.scene.seed, []).append(run)
    faults: list[Run] = []
    for groups in seeds.values():
        listed = list(groups.values())
        for place in rng.integers(len(listed), size=len(listed)):
            faults += listed[place]
    return Answers(tuple(shifts), tuple(faults))


def _resampled(shifts: Sequence[tuple[Run, ...]], figure: Callable[[Sequence[tuple[Run, ...]]], float]) -> list[float]:
    rng = np.random.default_rng(6)
    drawn = ([shifts[place] for place in rng.integers(len(shifts), size=len(shifts))] for _ in range(4 * DRAWS))
    return _interval([figure(one) for one in drawn]) if shifts else [np.nan, np.nan]


def _interval(values: Sequence[float]) -> list[float]:
    """Central 90 % of values; infinite ones count as such, missing ones do not count."""
    clean = np.sort([value for value in values if not np.isnan(value)])
    if not clean.size:
        return [np.nan, np.nan]
    return [float(clean[int(0.05 * (clean.size - 1))]), float(clean[int(np.ceil(0.95 * (clean.size - 1)))])]


def milliseconds(judged: Sequence[Judged], method: str) -> Mapping[str, float]:
    """Return CPU time per cycle of a method (all its rows together)."""
    spent = np.concatenate([one.seconds[method] for one in judged if method in one.seconds] or [np.array([np.nan])])
    return {"ms_median": 1e3 * float(np.median(spent)), "ms_99": 1e3 * float(np.quantile(spent, 0.99))}
