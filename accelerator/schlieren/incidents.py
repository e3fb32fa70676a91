"""What goes on as an alarm from shot to shot: one for each cause, not one for each shot."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.display_words import READINGS, cause_label, drift_line
from accelerator.schlieren.monitor import result_of
from accelerator.schlieren.result import UNKNOWN, Drift
from core.contracts import Incident
from core.observation import Observation
from core.verdict import Quality, Verdict

_BLINDING = frozenset({Cause.STALE, Cause.FROZEN, Cause.DARK, Cause.SATURATION, Cause.WRONG_BINNING, UNKNOWN})
"""Where the picture is not that of the shot, or cannot be read, it says nothing about anything else in it."""
_SEEN_WITHOUT = frozenset({Cause.STALE, Cause.FROZEN, Cause.DENSITY_DRIFT, Cause.DETUNING_DRIFT})
"""Causes that are told without reading the picture."""
_OF_THE_LASER = frozenset({Cause.NO_IONISATION, Cause.PARTIAL_IONISATION})


def incidents(observation: Observation, verdict: Verdict) -> Sequence[Incident]:
    """Return what is wrong with a shot and what drifts by now, and hold alarms that the shot says nothing about.

    A bad shot is an incident of its cause, and so is a drift, though the shots are still good: somebody must act before
    they are not. A shot that is only worth a look holds the alarm of its cause (quality MEDIUM begins none).
    """
    found: dict[str, Incident] = {}
    cause = verdict.cause.name if verdict.cause else UNKNOWN
    result = result_of(verdict)
    if verdict.quality is Quality.BAD:
        since = observation.observed_at
        found[cause] = _incident(observation, cause, Quality.BAD, since, _message(observation, verdict, cause))
    for drift in () if result is None else result.drifts:
        if drift.cause not in found:
            found[drift.cause] = _of_drift(observation, drift)
    if verdict.quality is Quality.MEDIUM and verdict.cause is None and not verdict.measurements:
        found[READINGS] = _without_readings(observation, verdict)
    elif verdict.quality is Quality.MEDIUM:
        found.setdefault(cause, _held(observation, cause))
    if verdict.quality is Quality.BAD and cause in _BLINDING:
        for other in (*Cause, UNKNOWN):
            if other not in _SEEN_WITHOUT:
                found.setdefault(other, _held(observation, other))
    return list(found.values())


def _without_readings(observation: Observation, verdict: Verdict) -> Incident:
    """Density or detuning is not known: the picture may be good, but nothing can be measured without them."""
    incident = _incident(observation, READINGS, Quality.BAD, observation.observed_at, f"Not measured: {verdict.reason}")
    return replace(incident, cause=None)


def _of_drift(observation: Observation, drift: Drift) -> Incident:
    since = min(datetime.fromisoformat(drift.since), observation.observed_at)
    return _incident(observation, drift.cause, Quality.BAD, since, drift_line(drift))


def _held(observation: Observation, cause: str) -> Incident:
    return _incident(observation, cause, Quality.MEDIUM, observation.observed_at, cause_label(cause))


def _incident(observation: Observation, cause: str, quality: Quality, since: datetime, message: str) -> Incident:
    return Incident(
        kind=str(cause),
        places=frozenset({str(cause)}),
        element=observation.element,
        quality=quality,
        since=since,
        cause=str(cause),
        message=message,
    )


def _message(observation: Observation, verdict: Verdict, cause: str) -> str:
    """The line of an alarm: ``No ionisation (99 %): laser 0.4 mJ``."""
    sure = f" ({verdict.cause.probability:.0%})" if verdict.cause else ""
    laser = observation.conditions.get("laser_energy_mj")
    told = f": laser {laser:.1f} mJ" if cause in _OF_THE_LASER and isinstance(laser, int | float) else ""
    reason = f": {verdict.reason}" if not told and verdict.reason else ""
    return f"{cause_label(cause)}{sure}{told}{reason}"
