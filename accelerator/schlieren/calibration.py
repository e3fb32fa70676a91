"""What nominal shots reach in each check, and what that makes of a shot: trusted or not, score, p-value."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.clues import BENCH, CHANNEL, off_centre
from core.errors import CalibrationError
from core.thresholds import TailThreshold

Floats = NDArray[np.float64]

MISFITS: Mapping[str, str] = MappingProxyType(
    {
        "misfit": "misfit of the picture",
        "misfit of rows": "misfit of rows of the picture",
        "misfit of blocks": "misfit of parts of the picture",
        "misfit at one place": "misfit at one place",
        "unevenness": "unevenness of the light",
        "unlikeness": "unlikeness to all pictures seen",
        "disagreement": "disagreement of network and fit",
    }
)
"""Checks whose limits nominal shots set: by clue (a logarithm), with their names."""
AWAY, AWAY_LIMIT = "distance from the best fit", 0.7
"""In sigma of all parameters together: a fit that is farther away did not come to rest."""
PHASE, STRANGEST, UNUSUAL = "phase against density and detuning", "strangest setting of the bench", "unusual channel"
BENCH_LIMITS: Mapping[str, float] = MappingProxyType(
    {
        **dict.fromkeys(BENCH, 2.2),
        "bench: offset_adu": 4.0,
        "bench: mask 2": 3.0,
        "bench: vibration": 7.5,
    }
)
"""In half widths of the usual range: a setting may wander out of its range by as much again and somewhat more; the dark
level and the softness of the mask, which do no harm, farther. Of the vibration this is the square (20 um)."""
CENTRE_LIMIT = 2.2
CHANNEL_LIMIT = 1.3
_STEEP = 4
"""Power of the checks of settings in the score: what is within its usual range counts for nothing."""
PHASE_LIMIT = 4.5
_PLACE = frozenset({"bench: probe_x_mm", "bench: probe_y_mm"})
_OF_SETTINGS = frozenset({STRANGEST, UNUSUAL, PHASE})
SHARE = 3e-4
"""Of nominal shots that each of the misfits may refuse."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Limits of checks, by mask; factors on the errors of the fit, by mask; scores of nominal shots.

    A score is the worst check over its limit.
    """

    limits: Mapping[str, Mapping[str, float]]
    scales: Mapping[str, Mapping[str, float]]
    scores: TailThreshold | None = None

    def checks(self, mask: str, clues: Mapping[str, float]) -> dict[str, tuple[float, float]]:
        """Return value and limit of each check by name; a value above its limit speaks against the shot."""
        limits = self.limits.get(mask, {})
        found = {name: (float(np.exp(clues[clue])), limits[clue]) for clue, name in MISFITS.items() if clue in limits}
        found[AWAY] = (float(np.exp(clues["away"])), AWAY_LIMIT)
        found[PHASE] = (abs(clues["phase"]), PHASE_LIMIT)
        found[STRANGEST] = (strangest(clues), 1.0)
        found[UNUSUAL] = (max(abs(clues[name]) for name in CHANNEL), CHANNEL_LIMIT)
        return found

    def score(self, mask: str, clues: Mapping[str, float]) -> float:
        """Return the worst check over its limit."""
        ratios = {name: value / limit for name, (value, limit) in self.checks(mask, clues).items()}
        return max(ratio**_STEEP if name in _OF_SETTINGS else ratio for name, ratio in ratios.items())

    def p_value(self, score: float) -> float | None:
        """Return the chance that a nominal shot scores so high; None without nominal scores."""
        return None if self.scores is None else self.scores.p_value(score)

    def threshold(self, rate: float) -> float:
        """Return the score that at most a share of nominal shots reaches: never below 1, where every check passes."""
        return 1.0 if self.scores is None else max(_threshold(self.scores, rate), 1.0)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        scores = None if self.scores is None else self.scores.to_json()
        return {
            "limits": {mask: dict(one) for mask, one in self.limits.items()},
            "scales": {mask: dict(one) for mask, one in self.scales.items()},
            "scores": scores,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Calibration":
        """Return what `to_json` gave.

        Raises
        ------
        core.errors.CalibrationError
            It is nothing of the kind.
        """
        try:
            limits, scales = (
                {str(mask): {str(name): float(value) for name, value in one.items()} for mask, one in table.items()}
                for table in (content["limits"], content["scales"])
            )
            scores = content["scores"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CalibrationError(f"no calibration of Schlieren pictures: {error!r}") from None
        return cls(limits, scales, None if scores is None else TailThreshold.from_json(scores))


NOTHING = Calibration(
    {mask: {"misfit": 2.2, "misfit at one place": 8.0} for mask in ("knife", "stop")},
    {mask: dict.fromkeys(PARAMETERS, 1.0) for mask in ("knife", "stop")},
)
"""What a fit must do without a model."""


@lru_cache(maxsize=16)
def _threshold(scores: TailThreshold, rate: float) -> float:
    """The same for every shot: searching it takes a millisecond."""
    return scores.threshold(rate)


def strangest(clues: Mapping[str, float]) -> float:
    """Return how strange the strangest setting of the bench is, over what it may be; the probe's place is one."""
    ratios = [abs(clues[name]) / limit for name, limit in BENCH_LIMITS.items() if name not in _PLACE]
    return max(*ratios, off_centre(clues) / CENTRE_LIMIT)
