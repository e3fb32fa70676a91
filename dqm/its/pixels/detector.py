"""Judges one run of chip hit maps against a reference learnt from other runs."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from core.errors import InputError, ModelError
from core.inference.package import load_package
from core.observation import Observation
from core.verdict import Measurement, Model, Quality, Verdict, unreadable
from dqm.its.pixels.checking import BEYOND_DOUBT, Cuts, Findings, run_checks
from dqm.its.pixels.chip import PIXELS
from dqm.its.pixels.hits import Hits, from_observation
from dqm.its.pixels.pictures import evidence
from dqm.its.pixels.reference import Reference
from dqm.its.pixels.regions import Judged, Rules, is_known, judged_regions
from dqm.its.pixels.spots import Check
from dqm.its.pixels.survey import survey
from dqm.its.pixels.tails import at_least

FALSE_FLAGS = 0.003
"""Budget: false flags per chip map, shared evenly by the checks."""
DEAD_SHARE = "smallest dead region that would be seen"


@dataclass(frozen=True)
class PixelDetector:
    """A detector of the `core.contracts` kind. Instances hold no state between observations.

    Parameters
    ----------
    reference
        What was learnt from other runs.
    model
        Its name and version.
    false_flags
        Budget of false flags per chip map.
    draw
        Whether to draw the evidence.
    """

    reference: Reference
    model: Model
    false_flags: float = FALSE_FLAGS
    draw: bool = True

    @classmethod
    def load(cls, path: Path, false_flags: float = FALSE_FLAGS, *, draw: bool = True) -> "PixelDetector":
        """Open a model package that `learning` wrote.

        Raises
        ------
        core.errors.ModelError
            If it is missing, damaged, or another kind of model.
        """
        package = load_package(path)
        content = package.card.details.get("reference")
        if not isinstance(content, dict):
            raise ModelError(f"{path}: holds no reference of pixel maps")
        return cls(Reference.from_json(content, str(path)), package.model, false_flags, draw)

    @cached_property
    def rules(self) -> Rules:
        """The score from which on each check flags; CalibrationError if the reference is too small for the budget."""
        share, tails = self.false_flags / len(Check), self.reference.tails
        calibrated = {check: tails[check].threshold(share) if check in tails else np.inf for check in Check}
        return Rules(
            self.reference, {check: min(score, BEYOND_DOUBT.get(check, np.inf)) for check, score in calibrated.items()}
        )

    def judge(self, observation: Observation) -> Verdict:
        """Return the verdict on one run: BAD with a new defect, MEDIUM with only defects that the reference knows."""
        try:
            hits = from_observation(observation)
        except InputError as error:
            return unreadable(str(error), self.model)
        if not set(hits.planes) & set(self.reference.chips):
            return unreadable(f"{observation.origin}: {_nothing(hits)}", self.model)
        return self._verdict(hits)

    def _verdict(self, hits: Hits) -> Verdict:
        thresholds = self.rules.thresholds
        cuts = Cuts(thresholds[Check.BURST], thresholds[Check.PIXEL], thresholds[Check.FLASH])
        findings = run_checks(survey(hits), self.reference, cuts)
        found = judged_regions(findings, self.rules)
        p_value = self._p_value(findings)
        new = [one for one in found if not one.known]
        measurements = self._measurements(hits, findings, found)
        blind = measurements[DEAD_SHARE].value >= 1
        return Verdict(
            quality=_quality(found, blind),
            score=-float(np.log10(p_value)),
            threshold=-float(np.log10(self.false_flags)),
            p_value=p_value,
            cause=new[0].region.cause if new else found[0].region.cause if found else None,
            regions=tuple(one.region for one in found),
            measurements=measurements,
            model=self.model,
            evidence=evidence(hits, found) if self.draw else {},
            reason=self._reason(hits, blind),
        )

    def _p_value(self, findings: Findings) -> float:
        """Return the chance that a nominal chip map shows anything as unlikely in any check; known defects aside."""
        highest = {}
        for check, found in findings.spots.items():
            new = found.of(~is_known(self.reference, found)) if check is Check.BURST else found
            highest[check] = float(new.score.max(initial=0.0))
        least = min(self.rules.p_value(check, score) for check, score in highest.items())
        return float(np.clip(least * len(highest), 1e-300, 1.0))

    def _measurements(self, hits: Hits, findings: Findings, found: list[Judged]) -> dict[str, Measurement]:
        total = findings.crossings.total
        crossings = float(np.median(total))
        return {
            "hits": Measurement(float(hits.event.size), None, ""),
            "crossings per chip": Measurement(crossings, float(np.sqrt(crossings)), ""),
            "known defects seen": Measurement(float(sum(one.known for one in found)), None, ""),
            "visits that make a lone pixel hot": Measurement(float(self._least_visits(findings)), None, ""),
            DEAD_SHARE: Measurement(self._least_dead(crossings), None, "of the chip"),
        }

    def _least_visits(self, findings: Findings) -> int:
        """Return how often a pixel must fire alone to be called hot, if a tenth of a chip's hits are alone."""
        per_pixel = 0.1 * float(np.median(findings.crossings.total)) / PIXELS
        visits = np.arange(1, 200)
        score = at_least(visits, per_pixel, self.reference.spread.pixel) - np.log10(2)
        enough = np.flatnonzero(score >= self.rules.thresholds[Check.PIXEL])
        return int(visits[enough[0]]) if enough.size else 200

    def _least_dead(self, crossings: float) -> float:
        """Return the share of the chip that must be empty for the dead-region check to see it; 1 if it sees none.

        Of the sizes of about a tenth of a chip there are some hundred windows, which the check corrects for.
        """
        spread = max(self.reference.spread.region, 1e-9)
        if not np.isfinite(self.rules.thresholds[Check.DEAD]):
            return 1.0
        wanted = (self.rules.thresholds[Check.DEAD] + 2) * np.log(10)
        mean = brentq(lambda m: np.log1p(spread * m) / spread - wanted, 0.0, 1e9)
        return min(float(mean) / crossings, 1.0) if crossings > 0 else 1.0

    def _reason(self, hits: Hits, blind: bool) -> str | None:
        texts = []
        if unknown := sorted(set(hits.planes) - set(self.reference.chips)):
            named = ", ".join(map(str, unknown[:8])) + (f" and {len(unknown) - 8} more" if len(unknown) > 8 else "")
            texts.append(f"not in the reference, so judged only for bursts and large clusters: plane {named}")
        if blind:
            texts.append("too few particles to see even a dead chip")
        return "; ".join(texts) or None


def _quality(found: list[Judged], blind: bool) -> Quality:
    if any(not one.known for one in found):
        return Quality.BAD
    if blind:
        return Quality.NULL
    return Quality.MEDIUM if found else Quality.GOOD


def _nothing(hits: Hits) -> str:
    if not hits.planes:
        return f"no hit in {hits.events} events: nothing can be said"
    return f"none of its planes is in the reference ({', '.join(map(str, hits.planes[:8]))})"
