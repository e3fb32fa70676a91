"""From scores to false alarms per shift: what nominal shifts show in each check, by beam type.

A nominal shift shows any number of incidents in each check; the highest score that an incident reaches in its life is
what counts, so one that stays counts once. A shift has 8 hours; one of shorter or longer cycles than those that were
calibrated on looks so much more or less often.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import CalibrationError
from core.thresholds import SpotThreshold
from dqm.its.background import BACKGROUND_FLOOR, Scales
from dqm.its.incidents import ADDED_UP, Check, Incident
from dqm.its.places import FLOOR as PLACE_FLOOR
from dqm.its.regions import STRANGE_FLOOR

SHIFT_S = 8 * 3600.0
ENOUGH = 20
"""Nominal shifts from which on a calibration stands by itself."""
KEPT = 400
"""Highest scores kept per check and beam type."""
LOWEST_RATE, HIGHEST_RATE = 1e-12, 1e4


@dataclass(frozen=True, slots=True, eq=False)
class ShiftScores:
    """One nominal shift: the scores that its incidents reached, by check, and how many cycles it had."""

    beam_type: str
    scores: Mapping[Check, tuple[float, ...]]
    cycles: int


def collect(beam_type: str, incidents: Iterable[Incident], cycles: int) -> ShiftScores:
    """Return the scores of a shift from all its incidents, each once, as they were at their end."""
    found: dict[Check, list[float]] = {check: [] for check in Check}
    for incident in incidents:
        for check, score in incident.scores.items():
            found[check].append(score)
    return ShiftScores(beam_type, {check: tuple(scores) for check, scores in found.items()}, cycles)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Nominal incidents of one beam type: per check those of every shift, and the mean number of cycles of a shift.

    ``scales.gain`` is kept as ``background_gain`` of the JSON.
    """

    checks: Mapping[Check, SpotThreshold]
    cycles: float
    scales: Scales

    @classmethod
    def fit(cls, shifts: Sequence[ShiftScores], scales: Scales, known: "Calibration | None" = None) -> "Calibration":
        """Calibrate on nominal shifts of one beam type; a check that hardly ever fired in any of them keeps no scores.

        Parameters
        ----------
        known
            An earlier calibration: its shifts count as well if there are fewer than `ENOUGH` new ones.

        Raises
        ------
        core.errors.CalibrationError
            If there is no shift.
        """
        if not shifts:
            raise CalibrationError("no nominal shift to calibrate on")
        earlier = known if known is not None and len(shifts) < ENOUGH else None
        checks = {}
        for check in Check:
            own: list[Sequence[float]] = [shift.scores.get(check, ()) for shift in shifts]
            own += earlier.spots(check) if earlier else []
            if sum(map(len, own)) >= _FEWEST:
                checks[check] = SpotThreshold.fit(_highest(own))
        cycles = [shift.cycles for shift in shifts] + ([earlier.cycles] * earlier.shifts if earlier else [])
        return cls(checks, float(np.mean(cycles)), scales)

    def spots(self, check: Check) -> list[Sequence[float]]:
        """Return the scores of one check of every shift."""
        threshold = self.checks.get(check)
        return [()] * self.shifts if threshold is None else list(threshold.spots)

    def per_shift(self, check: Check, score: float, cycle_s: float) -> float:
        """Return how many nominal incidents a shift shows that reach this score in this check or the like in another.

        Parameters
        ----------
        cycle_s
            Length of a cycle: a shift of shorter cycles has more of them.
        """
        threshold = self.checks.get(check)
        if threshold is None:
            beyond = max(score - _FLOORS[check], 0.0) / _FALLS[check]
            return float(max(_UNSEEN / self.shifts * np.exp(-min(beyond, 100.0)), LOWEST_RATE))
        expected = threshold.false_spots(score) * self._share(check, cycle_s)
        return float(np.clip(expected, LOWEST_RATE, HIGHEST_RATE))

    def score_at(self, check: Check, per_shift: float, cycle_s: float) -> float | None:
        """Return the score that so many nominal incidents per shift reach, None where that cannot be told."""
        threshold = self.checks.get(check)
        if threshold is None:
            return _FLOORS[check] + _FALLS[check] * max(float(np.log(_UNSEEN / self.shifts / per_shift)), 0.0)
        try:
            return threshold.threshold(per_shift / self._share(check, cycle_s))
        except CalibrationError:
            return None

    def _share(self, check: Check, cycle_s: float) -> float:
        """By how much more a shift calls than the shifts calibrated on did in this check alone."""
        looks = SHIFT_S / max(cycle_s, 1.0) / self.cycles if check not in ADDED_UP else 1.0
        return looks * max(len(self.checks), 1)

    @property
    def shifts(self) -> int:
        """How many shifts it rests on."""
        return max((threshold.observations for threshold in self.checks.values()), default=1)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "checks": {check.value: threshold.to_json() for check, threshold in self.checks.items()},
            "cycles": self.cycles,
            "background_gain": self.scales.gain,
            "scales": {name: getattr(self.scales, name).tolist() for name in _SCALES},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Calibration":
        """Read what `to_json` gave; CalibrationError if it is something else."""
        try:
            return cls(
                {Check(name): SpotThreshold.from_json(one) for name, one in content["checks"].items()},
                float(content["cycles"]),
                Scales(
                    mean=np.array(content["scales"]["mean"], np.float64),
                    spread=np.array(content["scales"]["spread"], np.float64),
                    rest_mean=np.array(content["scales"]["rest_mean"], np.float64),
                    rest_spread=np.array(content["scales"]["rest_spread"], np.float64),
                    gain=float(content["background_gain"]),
                ),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CalibrationError(f"no calibration of ITS maps ({error!r:.120})") from None


_SCALES = ("mean", "spread", "rest_mean", "rest_spread")
_FEWEST = 8
_UNSEEN = 0.5
_FLOORS = {
    Check.BACKGROUND: BACKGROUND_FLOOR,
    Check.PLACE: PLACE_FLOOR,
    Check.STRANGE: STRANGE_FLOOR,
    Check.RESTART: 0.0,
}
_FALLS = {Check.BACKGROUND: 1.0, Check.PLACE: 1.0, Check.STRANGE: 1.0, Check.RESTART: 30.0}
"""A check that nominal shifts hardly ever reach: the lowest score that it gives, and by how much more it is e times
rarer (assumed, slower than any check falls that was measured)."""


def _highest(per_shift: Sequence[Sequence[float]]) -> list[list[float]]:
    """Keep the highest scores of all shifts together."""
    ordered = sorted((score for one in per_shift for score in one), reverse=True)
    floor = ordered[min(KEPT, len(ordered)) - 1]
    return [[round(float(score), 3) for score in one if score >= floor] for one in per_shift]
