"""How well shots are refused and named: recall of causes at a rate of false alarms, also of causes never taught."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.calibrating import scores
from accelerator.schlieren.calibration import Calibration
from accelerator.schlieren.causes import Cause
from accelerator.schlieren.clues import NAMES
from accelerator.schlieren.naming import Naming, without_nominal
from accelerator.schlieren.result import UNKNOWN
from accelerator.schlieren.shot_library import NAMED, Library

FALSE_RATE = 0.01


@dataclass(frozen=True, slots=True)
class Told:
    """Of the shots of one cause: the shares refused, named rightly, and called unknown."""

    shots: int
    refused: float
    named: float
    unknown: float


def evaluate(
    library: Library,
    calibration: Calibration,
    naming: Naming,
    unseen: Sequence[Cause] = (),
    rate: float = FALSE_RATE,
) -> dict[str, Told]:
    """Return what becomes of the shots of each cause, and of ``nominal`` ones, where ``rate`` of those may be refused.

    ``unseen`` were not taught: what instruments and plain facts say of them is left out as well.
    """
    refused, names = judge_library(library, calibration, naming, unseen, rate)
    found = {}
    for number, cause in [(-1, "nominal"), *enumerate(NAMED)]:
        own = library.causes == number
        if own.any():
            right = [name == str(cause) for name in names[own]]
            unknown = [name == UNKNOWN for name in names[own]]
            found[str(cause)] = Told(
                int(own.sum()), float(refused[own].mean()), float(np.mean(right)), float(np.mean(unknown))
            )
    return found


def judge_library(
    library: Library, calibration: Calibration, naming: Naming, unseen: Sequence[Cause], rate: float
) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
    """Return which shots are refused, and what is said to be wrong with them (empty: nothing)."""
    hidden = [NAMED.index(cause) for cause in unseen]
    sighted = np.where(np.isin(library.sighted, hidden), -1, library.sighted)
    refused = (sighted >= 0) | (scores(calibration, library) >= calibration.threshold(rate))
    names = [
        _name(clues, seen, naming) if bad else ""
        for clues, seen, bad in zip(library.clues.tolist(), sighted.tolist(), refused, strict=True)
    ]
    return refused, np.array(names)


def _name(clues: Sequence[float], sighted: int, naming: Naming) -> str:
    if sighted >= 0:
        return NAMED[sighted].value
    by_name: Mapping[str, float] = dict(zip(NAMES, clues, strict=True))
    return next(iter(without_nominal(naming.causes(by_name))))
