"""Limits, factors on errors and scores, from nominal shots that were simulated and examined."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.calibration import AWAY_LIMIT, MISFITS, SHARE, Calibration
from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.clues import NAMES
from accelerator.schlieren.shot_library import Library
from accelerator.schlieren.simulate.apparatus import Mask
from core.thresholds import TailThreshold

Floats = NDArray[np.float64]
_LEAST = {"misfit": 2.0, "unlikeness": 200.0, "misfit at one place": 4.0, "disagreement": 30.0}
"""Limits are never lower: below these nothing is wrong, however rarely nominal shots reach them."""
_MARGIN = 1.25
"""Cameras and probes differ in more than what is simulated; wrong profiles miss by three times and more."""
_RAREST = 0.02
"""A tail is not believed where less than so many of the shots it rests on would be."""
_ONE_SIGMA = 0.6827
_LEAST_FACTOR = 0.9
"""The errors of the fit are not made smaller than this: benches out of their ranges need what nominal ones do not."""


def calibrate(library: Library) -> Calibration:
    """Return the calibration that the nominal shots of a library lead to.

    Half of them set the limits and the factors, the other half the scores that thresholds rest on. A fit that did not
    come to rest is refused by a fixed limit, and has no part in either.
    """
    nominal = library[(library.causes < 0) & (np.exp(library.column("away")) < AWAY_LIMIT)]
    odd = np.where(nominal.stop, np.cumsum(nominal.stop), np.cumsum(~nominal.stop)) % 2 == 0
    first, second = nominal[~odd], nominal[odd]
    masks = {mask: first[first.stop == (mask is Mask.STOP)] for mask in Mask}
    calibration = Calibration(
        {mask.value: _limits(own) for mask, own in masks.items()},
        {mask.value: _scales(own) for mask, own in masks.items()},
    )
    return replace(calibration, scores=TailThreshold.fit(scores(calibration, second)))


def scores(calibration: Calibration, library: Library) -> Floats:
    """Return the score of each shot of a library."""
    return np.array(
        [
            calibration.score(mask_of(stop), dict(zip(NAMES, clues, strict=True)))
            for clues, stop in zip(library.clues.tolist(), library.stop.tolist(), strict=True)
        ]
    )


def mask_of(stop: bool) -> str:
    """Return the name of a mask."""
    return (Mask.STOP if stop else Mask.KNIFE).value


def trusted(calibration: Calibration, library: Library) -> NDArray[np.bool_]:
    """Return which shots pass every check."""
    return scores(calibration, library) < 1


def _limits(nominal: Library) -> dict[str, float]:
    """What a small share of nominal shots exceeds, by clue."""
    found = {clue: _limit(np.exp(nominal.column(clue))) for clue in MISFITS}
    return {clue: max(limit, _LEAST.get(clue, 0.0)) for clue, limit in found.items() if limit is not None}


def _limit(values: Floats) -> float | None:
    """What a small share of the values exceeds; None where nothing varies (no network told it)."""
    if np.ptp(values) == 0:
        return None
    return _MARGIN * TailThreshold.fit(values).threshold(max(SHARE, _RAREST / len(values)))


def _scales(nominal: Library) -> dict[str, float]:
    """Factors with which a sigma of the fit covers 68.3 % of nominal shots."""
    pulls = np.abs(nominal.errors / nominal.sigma)
    fine = np.isfinite(pulls).all(axis=1)
    factors = np.quantile(pulls[fine], _ONE_SIGMA, axis=0)
    return dict(zip(PARAMETERS, np.maximum(factors, _LEAST_FACTOR).tolist(), strict=True))
