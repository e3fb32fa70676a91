"""From scores to alarms: alarming cycles near each other are one alarm, and a level follows from a budget."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
GAP = 2
"""So many quiet cycles between two alarming ones do not end an alarm."""


def count_alarms(alarming: NDArray[np.bool_], gap: int = GAP) -> int:
    """Return how many alarms the alarming cycles of one run make."""
    at = np.flatnonzero(alarming)
    return int(at.size and 1 + np.count_nonzero(np.diff(at) > gap + 1))


def level_for(runs: Sequence[Floats], allowed: int, gap: int = GAP) -> float:
    """Return the lowest level at and above which scores of nominal runs make at most ``allowed`` alarms.

    A cycle alarms if its score is *greater*. Going down from the highest score, the count of alarms rises and falls
    (alarms grow together); the level is the first score with which there would be one alarm too many.
    """
    places = np.concatenate([np.arange(len(run)) + number * 10**6 for number, run in enumerate(runs)])
    scores = np.concatenate([np.asarray(run, np.float64) for run in runs])
    order = np.argsort(-scores, kind="stable")
    order = order[np.isfinite(scores[order])]
    alarming: set[int] = set()
    alarms, ends = 0, np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    start = 0
    for end in ends:
        for place in places[order[start : end + 1]].tolist():
            alarms += _change(alarming, place, gap + 1)
            alarming.add(place)
        if alarms > allowed:
            return float(scores[order[end]])
        start = int(end) + 1
    return -np.inf


def _change(alarming: set[int], place: int, apart: int) -> int:
    """How many alarms more there are when one more cycle alarms: 1, 0, or -1 where it joins two."""
    before = next((step for step in range(1, apart + 1) if place - step in alarming), None)
    after = next((step for step in range(1, apart + 1) if place + step in alarming), None)
    if before is None and after is None:
        return 1
    return -1 if before is not None and after is not None and before + after > apart else 0


def alarms_per_shift(shifts: Sequence[Sequence[Floats]], level: float) -> float:
    """Return alarms per shift of nominal shifts, each a sequence of runs."""
    return float(np.mean([sum(count_alarms(np.asarray(run) > level) for run in runs) for runs in shifts]))


def auc(negative: Floats, positive: Floats) -> float:
    """Return the chance that a positive scores above a negative, ties half; NaN if either is missing."""
    if negative.size == 0 or positive.size == 0:
        return float("nan")
    ordered = np.sort(negative)
    below, upto = np.searchsorted(ordered, positive, "left"), np.searchsorted(ordered, positive, "right")
    return float((below + upto).mean() / (2 * negative.size))
