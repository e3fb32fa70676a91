"""From scores to false alarms: what nominal patterns reach in each check, by domain and width of model error."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.posterior import Tuning
from core.errors import CalibrationError
from core.thresholds import TailThreshold

Floats: TypeAlias = NDArray[np.float64]

SCALES = (0.08, 0.4, 1.0)
"""Widths of model error that are calibrated: a pattern is judged by the nearest one (in the logarithm)."""
LOWEST = 1e-9
FEWEST_SIZES = 12


class Check(StrEnum):
    """What gives a pattern a score; each is calibrated by itself and they share the budget."""

    KNOWN = "known"
    """Odds that a known setting is wrong, of the posterior."""
    MISFIT = "misfit"
    """Unlike nominal beyond model error: chi squared."""
    REBUILT = "rebuilt"
    """What the autoencoder of nominal patterns cannot rebuild."""
    PRIMARY = "primary"
    """Evidence (likelihood) that a setting of a primary of IR7 is wrong; then of secondaries, tertiaries, others."""
    SECONDARY = "secondary"
    TERTIARY = "tertiary"
    OTHER = "other"


OF_MAPS = tuple(check for check in Check if check is not Check.KNOWN)
"""Checks of maps; the seconds of a stream are checked by the odds of the network alone, which are quick."""


def stratum(domain: str, scale: float) -> str:
    """Return by which nominal patterns a pattern is judged."""
    nearest = min(SCALES, key=lambda one: abs(np.log(one / scale)))
    return f"{domain} {nearest:g}"


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Nominal scores by stratum and check, and by stratum how far the voices of the posterior may be believed."""

    checks: Mapping[str, Mapping[Check, TailThreshold]]
    tunings: Mapping[str, Tuning]

    def tuning(self, where: str) -> Tuning:
        """Return how far the voices may be believed in a stratum."""
        return self.tunings.get(where, Tuning())

    def p_value(self, where: str, scores: Mapping[Check, Floats]) -> Floats:
        """Return the chance that nominal patterns are as strange in all checks together, shape (n,).

        The chances of the single checks are combined as Cauchy variates (Liu & Xie, JASA 115 (2020) 393), which holds
        for small ones however checks depend on each other, and lets two that are strange at once say more than one.

        Raises
        ------
        core.errors.CalibrationError
            If this stratum was not calibrated.
        """
        known = self.checks.get(where)
        if known is None:
            raise CalibrationError(f"no calibration for {where} patterns; there is: {', '.join(sorted(self.checks))}")
        each = np.array([np.atleast_1d(known[check].p_value(np.asarray(scores[check], float))) for check in OF_MAPS])
        together = np.tan((0.5 - np.clip(each, LOWEST, 1.0 - LOWEST)) * np.pi).mean(axis=0)
        found: Floats = np.clip(0.5 - np.arctan(together) / np.pi, LOWEST, 1.0)
        return found

    def worst(self, where: str, scores: Mapping[Check, float]) -> Check:
        """Return the check in which a pattern is strangest."""
        return min(OF_MAPS, key=lambda check: float(self.checks[where][check].p_value(float(scores[check]))))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "checks": {
                where: {check.value: threshold.to_json() for check, threshold in one.items()}
                for where, one in self.checks.items()
            },
            "tunings": {where: asdict(one) for where, one in self.tunings.items()},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Calibration":
        """Read what `to_json` gave; CalibrationError if it is something else."""
        try:
            checks = {
                where: {Check(name): TailThreshold.from_json(threshold) for name, threshold in one.items()}
                for where, one in content["checks"].items()
            }
            return cls(checks, {where: Tuning(**one) for where, one in content["tunings"].items()})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CalibrationError(f"no calibration of loss patterns ({error!r:.120})") from None


def fit_threshold(scores: Sequence[float] | Floats) -> TailThreshold:
    """Calibrate on nominal scores; all of them, rounded."""
    return TailThreshold.fit(np.round(np.asarray(scores, np.float64), 4).tolist())


def fit_tuning(errors: Mapping[float, tuple[Floats, Floats]], trust: float) -> Tuning:
    """Return the tuning with the best sizes, their standard deviations such that 68 % of errors lie within one.

    Parameters
    ----------
    errors
        For each weight of the network in sizes: errors of sizes and their standard deviations, (n,) each.
    """
    best, lowest = Tuning(trust=trust), np.inf
    for part, (error, sigma) in errors.items():
        if len(error) < FEWEST_SIZES:
            continue
        factor = float(np.clip(np.quantile(np.abs(error / sigma), 0.683), 0.2, 6.0))
        surprise = float(np.mean(np.log(factor * sigma) + np.minimum(np.abs(error / (factor * sigma)), 5.0)))
        if surprise < lowest:
            best, lowest = Tuning(trust, part, factor), surprise
    return best
