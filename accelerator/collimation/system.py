"""LHC collimation as one of the monitored systems: loss maps and streams of beam-loss monitors."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from accelerator.collimation.diagnosis import SHRINKING
from accelerator.collimation.guidance import guidance
from core.alarms.severity import Severity
from core.contracts import AlarmRule, Circumstance, Detector, Incident, Source, System
from core.drilling import DrillFault
from core.observation import Observation
from core.settings import Settings
from core.verdict import Quality, Region, Verdict

NAME = "collimation"
NO_BEAM = "no beam"
CLEAR_COUNT = 1
"""A good map of the same beam and plane, or a good piece of the stream, ends an alarm."""
UNJUDGED_COUNT = 3
_ALARMING = frozenset({Quality.BAD, Quality.MEDIUM})
_UNITS = {"gap_sigma": "sigma", "offset_mm": "mm", "tilt_urad": "urad", "orbit_mm": "mm"}


def _source(settings: Settings) -> Source:
    from accelerator.collimation.source import FolderSource

    return FolderSource(settings)


def _detector(settings: Settings) -> Detector:
    from accelerator.collimation.detector import CollimationDetector  # networks: only what judges needs them

    return CollimationDetector.load(settings)


def read_file(path: Path, settings: Settings) -> Observation:
    """Read one loss map or piece of a stream.

    Raises
    ------
    core.errors.InputError
        If it cannot be read or used; the text names file and reason.
    """
    from accelerator.collimation import reading

    return reading.read_file(path, settings)


def incidents(observation: Observation, verdict: Verdict) -> Sequence[Incident]:
    """Return the diagnosis of an observation as incidents: one for its first hypothesis, one per beam of a stream."""
    return list(_incidents(observation, verdict))


def circumstances(observation: Observation, verdict: Verdict) -> Sequence[Circumstance]:  # noqa: ARG001 as the contract
    """Return what a piece of the stream shows that makes alarms need nobody: no beam, which clears no alarm either."""
    if verdict.quality is Quality.GOOD and verdict.cause is not None and verdict.cause.name == NO_BEAM:
        return (Circumstance(NO_BEAM, verdict.reason or NO_BEAM),)
    return ()


def _incidents(observation: Observation, verdict: Verdict) -> Iterator[Incident]:
    told: set[object] = set()
    for region in verdict.regions:
        where = region.where
        quality = Quality(str(where.get("quality", verdict.quality)))
        diagnosis = (where.get("beam"), where.get("diagnosis", 0))
        if quality not in _ALARMING or diagnosis in told:
            continue
        told.add(diagnosis)
        element = str(where["element"])
        since = datetime.fromisoformat(str(where["since"])) if "since" in where else observation.observed_at
        yield Incident(
            kind=f"beam {where.get('beam', 0)}",
            places=frozenset({element, *_together(region)}),
            element=element,
            quality=quality,
            since=min(since, observation.observed_at),
            cause=region.cause.name if region.cause else None,
            message=message(region),
        )


def _together(region: Region) -> Iterator[str]:
    """A margin that shrinks is one incident, also where another primary becomes the more probable one."""
    if region.cause is not None and region.cause.name == SHRINKING:
        yield SHRINKING


def message(region: Region) -> str:
    """Return the line of an alarm: ``TCP retracted (97 %) at tcp.c6l7.b1: 5.6 ± 0.1 sigma, nominal 5``."""
    where = region.where
    cause = f"{region.cause.name} ({region.cause.probability:.0%})" if region.cause else "unknown cause"
    unit = _UNITS.get(str(where.get("quantity")))
    if unit is None:
        return f"{cause} at {where['element']}"
    value, sigma, nominal = (float(where[name]) for name in ("value", "sigma", "nominal"))
    return f"{cause} at {where['element']}: {value:.2f} ± {sigma:.2f} {unit}, nominal {nominal:g}"


def find_model(settings: Settings) -> Path:
    """Return the package of the model that judges (ModelError if there is none)."""
    from accelerator.collimation.detector import find_model as find

    return find(settings)


def ties(observation: Observation) -> frozenset[str]:
    """Return the fills that a piece of a stream belongs to, which are their own reference; a loss map stands alone."""
    if observation.conditions.get("kind") != "stream":
        return frozenset()
    told = observation.payload.get("fill")
    fills = set(map(str, told)) if told is not None and len(told) else {str(observation.conditions.get("fill") or "")}
    return frozenset(f"fill {one}" for one in fills)


def drills() -> Sequence[DrillFault]:
    """Return the faults that a drill can put on what the source gives."""
    from accelerator.collimation.drills import faults  # the simulation: only a drill needs it

    return faults()


COLLIMATION = System(
    name=NAME,
    title="LHC collimation",
    source=_source,
    detector=_detector,
    read_file=read_file,
    rule=AlarmRule(clear_count=CLEAR_COUNT, counts={Severity.INVALID: UNJUDGED_COUNT}),
    guidance=guidance,
    silent_after_s=lambda settings: settings.collimation.silent_after_s,
    incidents=incidents,
    circumstances=circumstances,
    find_model=find_model,
    drills=drills,
    ties=ties,
)
