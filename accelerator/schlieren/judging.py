"""From an examined shot to a judged one: quality, cause, what was measured and what is withheld."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from accelerator.schlieren.calibration import NOTHING, UNUSUAL, Calibration
from accelerator.schlieren.examining import Examined, Networks, examine
from accelerator.schlieren.measuring import Measured
from accelerator.schlieren.naming import Naming, without_nominal
from accelerator.schlieren.recording import record
from accelerator.schlieren.result import NOMINAL, UNKNOWN, Check, Parameter, ShotResult, withheld
from accelerator.schlieren.simulate.apparatus import Mask
from core.errors import ModelError
from core.inference import ModelPackage
from core.observation import Observation
from core.settings import SchlierenSettings
from core.verdict import Cause as Proposed
from core.verdict import Model as Version
from core.verdict import Quality

SHOTS_PER_SHIFT = 960
"""Of eight hours with a shot every half minute: the budget of false alarms is for a shift."""
_LOG_VISIBLE = float(np.log(8.0))
"""Peak ionisation must be so many of its errors above nothing before a channel is there to be measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What judges shots. Without networks the start is searched among profiles, and nothing is named by its picture."""

    networks: Mapping[Mask, Networks] = field(default_factory=dict)
    calibration: Calibration = NOTHING
    naming: Naming | None = None
    version: Version | None = None

    @classmethod
    def of(cls, package: ModelPackage) -> "Model":
        """Open a package.

        Raises
        ------
        core.errors.ModelError
            It is not of this system.
        core.errors.CalibrationError
            It holds no calibration.
        """
        names = package.card.details.get("names")
        if not isinstance(names, list):
            raise ModelError(f"{package.path}: no model of Schlieren pictures")
        return cls(
            {mask: Networks.of(package, mask) for mask in Mask},
            Calibration.from_json(package.card.calibration),
            Naming.of(package, [str(name) for name in names]),
            package.model,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A judged shot; ``result`` is all that was found out about it."""

    quality: Quality
    result: ShotResult
    cause: Proposed | None = None
    reason: str | None = None
    score: float | None = None
    threshold: float | None = None
    p_value: float | None = None


def judge_shot(observation: Observation, model: Model, settings: SchlierenSettings) -> Judged:
    """Judge one shot by itself; what earlier shots say of it is said by `accelerator.schlieren.monitor`.

    Raises
    ------
    core.errors.InputError
        If there is no picture.
    """
    found = examine(observation, model.networks, settings)
    if found.spoilt is not None:
        causes = {found.spoilt.cause.value: 1.0}
        result = record(observation, withheld(found.spoilt.why), causes)
        return Judged(Quality.BAD, result, Proposed(found.spoilt.cause, 1.0), _told(found))
    if found.measured is None or found.clues is None:
        lacks = found.lacks or "nothing could be fitted"
        return Judged(Quality.MEDIUM, record(observation, withheld(lacks)), reason=lacks)
    scales = model.calibration.scales.get(found.measured.usual.apparatus.mask.value, found.measured.scales)
    return _Judging(observation, model, settings, found, replace(found.measured, scales=scales), found.clues).judged()


@dataclass(frozen=True, slots=True, eq=False)
class _Judging:
    """A shot that was fitted, on its way to a verdict."""

    observation: Observation
    model: Model
    settings: SchlierenSettings
    found: Examined
    measured: Measured
    clues: Mapping[str, float]

    def judged(self) -> Judged:
        calibration, mask = self.model.calibration, self.measured.usual.apparatus.mask.value
        rate = min(self.settings.false_alarms_per_shift / SHOTS_PER_SHIFT, 0.05)
        score, bad = calibration.score(mask, self.clues), calibration.threshold(rate)
        quality = Quality.BAD if score >= bad or self.found.seen else Quality.GOOD
        checks = tuple(
            Check(name, value, limit * bad) for name, (value, limit) in calibration.checks(mask, self.clues).items()
        )
        parameters = self._parameters(checks)
        causes = self._causes(quality)
        name, probability = next(iter(causes.items()))
        cause = None if name == NOMINAL else Proposed(name, probability)
        return Judged(
            quality=quality,
            result=record(self.observation, parameters, causes, self.measured, checks),
            cause=cause if quality is not Quality.GOOD else None,
            reason=self._reason(quality, checks),
            score=score,
            threshold=bad,
            p_value=calibration.p_value(score),
        )

    def _parameters(self, checks: Sequence[Check]) -> tuple[Parameter, ...]:
        """What was measured, unless the fit cannot be trusted or there is no channel to measure."""
        failed = _failed([check for check in checks if check.name != UNUSUAL])
        if failed is not None:
            return withheld(_says(failed))
        if self.clues["depth"] < _LOG_VISIBLE:
            return withheld("no channel to be seen: peak ionisation is within its errors of nothing")
        return self.measured.parameters()

    def _causes(self, quality: Quality) -> dict[str, float]:
        if quality is Quality.GOOD:
            return {NOMINAL: 1.0}
        if self.found.seen:
            return {self.found.seen[0].cause.value: 1.0}
        if self.model.naming is None:
            return {UNKNOWN: 1.0}
        return without_nominal(self.model.naming.causes(self.clues))

    def _reason(self, quality: Quality, checks: Sequence[Check]) -> str | None:
        if quality is Quality.GOOD:
            return None
        failed = _failed(checks) or max(checks, key=lambda check: check.value / check.limit)
        return _told(self.found) or _says(failed)


def _failed(checks: Sequence[Check]) -> Check | None:
    """The check that is farthest above its limit."""
    failed = [check for check in checks if not check.passed]
    return max(failed, key=lambda check: check.value / check.limit) if failed else None


def _says(check: Check) -> str:
    return f"{check.name}: {check.value:.3g}, usually below {check.limit:.3g}"


def _told(found: Examined) -> str:
    return "; ".join(one.why for one in found.seen)
