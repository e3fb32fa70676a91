"""From one observation to a judged shot: what is wrong with it, what was measured, and what is withheld."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from accelerator.schlieren.knowing import known_of
from accelerator.schlieren.measuring import Measured, measure
from accelerator.schlieren.result import NOMINAL, UNKNOWN, Check, Parameter, ShotResult, withheld
from accelerator.schlieren.shot_facts import look
from accelerator.schlieren.sightings import Sighting, sightings
from accelerator.schlieren.simulate.apparatus import Mask
from core.errors import InputError
from core.inference import ModelPackage, Session
from core.observation import Observation
from core.settings import SchlierenSettings
from core.verdict import Cause as Proposed
from core.verdict import Model as Version
from core.verdict import Quality

CHI2, PRIOR_CHI2, AWAY, STRANGE_SIGMA = 2.2, 4.0, 1.0, 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What judges shots; without networks the start is searched among profiles, which takes tenths of a second."""

    networks: Mapping[Mask, Session] = field(default_factory=dict)
    version: Version | None = None

    @classmethod
    def of(cls, package: ModelPackage) -> "Model":
        """Open a package."""
        return cls({mask: package.session(f"{mask}.onnx") for mask in Mask}, package.model)


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
    image = observation.payload.get("image")
    if image is None or image.ndim != 2:
        raise InputError(observation.origin, "has no picture")
    pixel_um, bits = float(observation.conditions.get("pixel_um") or settings.pixel_um), observation.conditions["bits"]
    facts = look(image, pixel_um, int(bits or settings.bits))
    seen = sightings(observation, facts, settings)
    spoilt = next((one for one in seen if one.spoils), None)
    if spoilt is not None:
        return _bad(observation, seen, withheld(spoilt.why))
    try:
        usual = known_of(observation, settings)
    except InputError as error:
        return Judged(Quality.MEDIUM, result_of(observation, withheld(error.reason)), reason=error.reason)
    measured = measure(facts.cells, usual, model.networks.get(usual.apparatus.mask))
    return _judge_fit(observation, measured, seen)


def checks(measured: Measured) -> tuple[Check, ...]:
    """Return the numbers that say whether a fit can be trusted."""
    fit = measured.fit
    return (
        Check("misfit of the picture", fit.chi2_per_cell, CHI2),
        Check("strangeness of the bench", fit.prior_chi2, PRIOR_CHI2),
        Check("strangest setting of the bench", fit.worst_prior_sigma, STRANGE_SIGMA),
        Check("distance from the best fit", fit.away, AWAY),
    )


def _judge_fit(observation: Observation, measured: Measured, seen: Sequence[Sighting]) -> Judged:
    found = checks(measured)
    failed = next((one for one in found if not one.passed), None)
    parameters = measured.parameters()
    if failed is not None:
        parameters = withheld(f"{failed.name}: {failed.value:.2g}, at most {failed.limit:g} is usual")
    if seen:
        return _bad(observation, seen, parameters, measured, found)
    if failed is None:
        return Judged(Quality.GOOD, result_of(observation, parameters, {NOMINAL: 1.0}, measured, found))
    return Judged(
        Quality.BAD,
        result_of(observation, parameters, {UNKNOWN: 1.0}, measured, found),
        Proposed(UNKNOWN, 1.0),
        parameters[0].withheld,
    )


def _bad(
    observation: Observation,
    seen: Sequence[Sighting],
    parameters: tuple[Parameter, ...],
    measured: Measured | None = None,
    found: tuple[Check, ...] = (),
) -> Judged:
    first = seen[0]
    result = result_of(observation, parameters, {first.cause: 1.0}, measured, found)
    return Judged(Quality.BAD, result, Proposed(first.cause, 1.0), "; ".join(one.why for one in seen))


def result_of(
    observation: Observation,
    parameters: tuple[Parameter, ...],
    causes: Mapping[str, float] | None = None,
    measured: Measured | None = None,
    found: tuple[Check, ...] = (),
) -> ShotResult:
    """Return the record of a shot."""
    conditions = observation.conditions
    run, event = (conditions.get(name) for name in ("run", "event"))
    return ShotResult(
        observed_at=observation.observed_at.isoformat(),
        parameters=parameters,
        run=int(run) if isinstance(run, int) else None,
        event=int(event) if isinstance(event, int) else None,
        camera=str(conditions["camera"]) if conditions.get("camera") else None,
        causes=dict(sorted((causes or {}).items(), key=lambda one: -one[1])),
        mask=str(conditions["mask"]) if conditions.get("mask") else None,
        checks=found,
        bench=measured.bench() if measured else (),
        best_fit=measured.best_fit() if measured else None,
        missing=tuple(filter(None, str(conditions.get("notes") or "").split("; "))),
        density_cm3=_number(conditions.get("density_cm3")),
        detuning_ghz=_number(conditions.get("detuning_ghz")),
        laser_energy_mj=_number(conditions.get("laser_energy_mj")),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
