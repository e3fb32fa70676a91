"""What each method says of a shot: our detector, the network alone, the quick fit from the truth, least squares."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from accelerator.schlieren.channel import PARAMETERS, Vapour
from accelerator.schlieren.detector import SchlierenDetector
from accelerator.schlieren.fit_parameters import Knowledge, nominal_apparatus, nominal_sigma
from accelerator.schlieren.leastsquares import fit
from accelerator.schlieren.simulate.apparatus import Mask
from benchmarks.schlieren.scenes import Case, settings_for
from core.verdict import Quality

_CHI2 = 1.25
"""Least squares are refused above this misfit per pixel, or where they do not come to rest."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Values and errors by parameter (empty: none given), whether they are to be trusted, and CPU time in ms.

    ``floor``: the smallest errors of the shot as it was fitted, where a verdict tells them.
    """

    accepted: bool
    values: Mapping[str, float]
    sigma: Mapping[str, float]
    ms: float
    quality: str = ""
    cause: str | None = None
    score: float | None = None
    reason: str | None = None
    floor: Mapping[str, float] = field(default_factory=dict)


def detectors() -> dict[Mask, SchlierenDetector]:
    """Return the detector that ships, for each mask."""
    return {mask: SchlierenDetector.load(settings_for(mask)) for mask in Mask}


def ours(detector: SchlierenDetector, case: Case) -> Answer:
    """Judge a shot; trusted is what is GOOD and has all five parameters."""
    began = time.process_time()
    verdict = detector.judge(case.observation)
    ms = 1e3 * (time.process_time() - began)
    values = {name: one.value for name, one in verdict.measurements.items()}
    return Answer(
        accepted=verdict.quality is Quality.GOOD and len(values) == len(PARAMETERS),
        values=values,
        sigma={name: float(one.sigma or 0.0) for name, one in verdict.measurements.items()},
        ms=ms,
        quality=verdict.quality.value,
        cause=verdict.cause.name if verdict.cause else None,
        score=verdict.score,
        reason=verdict.reason,
        floor={name: float(one.floor) for name, one in verdict.measurements.items() if one.floor},
    )


def least_squares(case: Case) -> Answer:
    """Fit the whole picture classically, from a search of profiles."""
    conditions, mask = case.observation.conditions, case.true.apparatus.mask
    vapour = Vapour(float(conditions["density_cm3"] or 0), float(conditions["detuning_ghz"] or 0))
    known = Knowledge(vapour, nominal_apparatus(mask), sigma=nominal_sigma())
    began = time.process_time()
    found = fit(case.observation.payload["image"], known)
    ms = 1e3 * (time.process_time() - began)
    values = dict(zip(PARAMETERS, found.channel.values(), strict=True))
    return Answer(found.converged and found.chi2_per_pixel < _CHI2, values, found.sigma, ms)
