"""Figures out of scores: AUC, recall at no false alarm, what is named, how good sizes and their errors are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.collimation.ours import BAD, Answer, in_sigma
from benchmarks.collimation.scenes import CLASSES, CODES, NOMINAL, NOT_JUDGED, Case

Floats: TypeAlias = NDArray[np.float64]
Row: TypeAlias = dict[str, Any]

SEEN = 0.5
SIZED = {"gap_sigma", "offset_mm"}


@dataclass(frozen=True, slots=True)
class Seen:
    """A case and what one method says of it; ``answer`` is ours only."""

    case: Case
    score: float
    element: str | None
    ms: float
    answer: Answer | None = None


def auc(faulty: Sequence[float], good: Sequence[float]) -> float:
    """Return the chance that a faulty map scores higher than a good one, ties half."""
    a, b = np.asarray(faulty)[:, None], np.asarray(good)[None]
    return float((a > b).mean() + 0.5 * (a == b).mean()) if a.size and b.size else float("nan")


def figures(found: Sequence[Seen]) -> Row:
    """Return all figures of one method on one ensemble."""
    nominal = [one.score for one in found if one.case.group == NOMINAL]
    codes = [one.score for one in found if one.case.group == CODES]
    faults = [one for one in found if one.case.group in CLASSES and one.case.group not in NOT_JUDGED]
    scores = [one.score for one in faults]
    level, shifted = max(nominal), max(nominal + codes)
    caught = [one for one in faults if one.score > level]
    row: Row = {
        "maps": {"nominal": len(nominal), "codes": len(codes), "faults": len(faults)},
        "auc": auc(scores, nominal),
        "auc_codes": auc(scores, nominal + codes),
        "recall": len(caught) / len(faults),
        "recall_codes": float(np.mean([score > shifted for score in scores])),
        "codes_above": float(np.mean([score > level for score in codes])),
        "named": _mean([_right(one) for one in caught]),
        "named_of_all": _mean([_right(one) and one.score > level for one in faults]),
        "ms": float(np.median([one.ms for one in found])),
        "by_class": {name: by_size(found, name, level) for name in CLASSES},
        "smallest": {name: smallest(found, name, level) for name in CLASSES},
        "smallest_codes": {name: smallest(found, name, shifted) for name in CLASSES},
    }
    return row | (_own(found, faults) if any(one.answer for one in found) else {})


def by_size(found: Sequence[Seen], name: str, level: float) -> dict[str, float]:
    """Return the share of maps above the level, by size."""
    return {
        f"{size:g}": _mean([one.score > level for one in found if (one.case.group, one.case.size) == (name, size)])
        for size in CLASSES[name].sizes
    }


def smallest(found: Sequence[Seen], name: str, level: float) -> float | None:
    """Return the smallest size that is seen in half of the maps, as is every larger one; None if there is none."""
    seen = None
    for size, share in sorted(by_size(found, name, level).items(), key=lambda pair: -abs(float(pair[0]))):
        if not share >= SEEN:
            break
        seen = float(size)
    return seen


def _right(one: Seen) -> bool:
    return one.element in {setting.element for setting in one.case.settings}


def _own(found: Sequence[Seen], faults: Sequence[Seen]) -> Row:
    """What ours does with the thresholds that ship, and its sizes where it is BAD and right in what."""
    of = {group: [one.answer for one in found if one.case.group == group and one.answer] for group in (NOMINAL, CODES)}
    alarmed = [one for one in faults if one.answer and one.answer.quality == BAD]
    errors, pulls = sizes(alarmed)
    return {
        "own_false": {group: _mean([one.quality == BAD for one in every]) for group, every in of.items()},
        "own_medium": {group: _mean([one.quality == "MEDIUM" for one in every]) for group, every in of.items()},
        "own_recall": len(alarmed) / len(faults),
        "own_cannot_tell": _mean([bool(one.answer and one.answer.quality == "MEDIUM") for one in faults]),
        "own_named": _mean([_right(one) for one in alarmed]),
        "sized": len(errors),
        "size_error_median": float(np.median(errors)) if len(errors) else None,
        "size_within_0_3": _mean([error <= 0.3 for error in errors]),
        "coverage_68": _mean([pull <= 1 for pull in pulls]),
        "coverage_95": _mean([pull <= 2 for pull in pulls]),
    }


def sizes(found: Sequence[Seen]) -> tuple[list[float], list[float]]:
    """Return errors of sizes in sigma and in their own standard deviations, of gaps and offsets named rightly."""
    errors, pulls = [], []
    for one in found:
        for true in one.case.settings:
            told = one.answer
            named = told and (told.element, told.quantity) == (true.element, true.quantity.value)
            if not named or told is None or told.value is None or true.quantity.value not in SIZED:
                continue
            off = abs(told.value - true.change)
            errors.append(in_sigma(true.element, true.quantity.value, off))
            pulls.append(off / max(told.sigma or 0.0, 1e-9))
    return errors, pulls


def _mean(values: Sequence[bool]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
