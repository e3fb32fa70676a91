"""What nominal shots reach in each check, and what that makes of a shot: trusted or not, score, p-value."""

from collections.abc import Mapping
from dataclasses import dataclass
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
        "away": "distance from the best fit",
        "unevenness": "unevenness of the light",
        "unlikeness": "unlikeness to all pictures seen",
        "disagreement": "disagreement of network and fit",
    }
)
"""Checks whose limits nominal shots set: by clue (a logarithm), with their names."""
PHASE, STRANGEST, UNUSUAL = "phase against density and detuning", "strangest setting of the bench", "unusual channel"
BENCH_LIMIT = 2.2
"""In half widths of the usual range: a setting may wander out of its range by as much again and somewhat more."""
CHANNEL_LIMIT = 1.3
PHASE_LIMIT = 4.5
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
        found[PHASE] = (abs(clues["phase"]), PHASE_LIMIT)
        found[STRANGEST] = (strangest(clues), BENCH_LIMIT)
        found[UNUSUAL] = (max(abs(clues[name]) for name in CHANNEL), CHANNEL_LIMIT)
        return found

    def score(self, mask: str, clues: Mapping[str, float]) -> float:
        """Return the worst check over its limit."""
        return max(value / limit for value, limit in self.checks(mask, clues).values())

    def p_value(self, score: float) -> float | None:
        """Return the chance that a nominal shot scores so high; None without nominal scores."""
        return None if self.scores is None else self.scores.p_value(score)

    def threshold(self, rate: float) -> float:
        """Return the score that a share of nominal shots reaches; 1 where nothing was calibrated."""
        return 1.0 if self.scores is None else self.scores.threshold(rate)

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
    {mask: {"misfit": 2.2, "misfit at one place": 8.0, "away": 1.0} for mask in ("knife", "stop")},
    {mask: dict.fromkeys(PARAMETERS, 1.0) for mask in ("knife", "stop")},
)
"""What a fit must do without a model."""


def strangest(clues: Mapping[str, float]) -> float:
    """Return how strange the strangest setting of the bench is; the middle of the probe counts as one distance."""
    others = [abs(clues[name]) for name in BENCH if not name.startswith(("bench: probe_x", "bench: probe_y"))]
    return max(*others, off_centre(clues))
