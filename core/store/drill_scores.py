"""How detector and person did in a drill: found, how soon, seen how soon, and whether each named the right cause."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from core.store.views import Judgement


@dataclass(frozen=True, slots=True)
class Sighted:
    """One alarm of the drill, with what a person said last of it."""

    alarm_id: int
    raised_at: datetime | None
    cause: str | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    judgement: Judgement | None
    said_cause: str | None


@dataclass(frozen=True, slots=True)
class DrillResult:
    """What came of a drill; None where there is nothing to say.

    ``found``: None if no data came to put the fault into. ``to_alarm_s`` counts from the first altered observation's
    verdict, ``to_acknowledge_s`` from the alarm. ``person_right``: the person said that it was so (of the right cause),
    or named the right cause; None if nothing was said.
    """

    found: bool | None
    alarms: tuple[int, ...] = ()
    to_alarm_s: float | None = None
    to_acknowledge_s: float | None = None
    acknowledged_by: str | None = None
    detector_cause: str | None = None
    detector_right: bool | None = None
    person_said: str | None = None
    person_right: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as the store keeps it."""
        return {**asdict(self), "alarms": list(self.alarms)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return what the store kept."""
        return cls(**{**content, "alarms": tuple(content.get("alarms", ()))}) if content else cls(None)


def scored(causes: Collection[str], started_at: datetime | None, alarms: Sequence[Sighted]) -> DrillResult:
    """Score a drill by its alarms; of several the first counts for the detector, any for the person."""
    if started_at is None:
        return DrillResult(None)
    first = min((one for one in alarms if one.raised_at is not None), key=_raised, default=None)
    if first is None:
        return DrillResult(False)
    seen = min((one for one in alarms if one.acknowledged_at is not None), key=_seen, default=None)
    said = next((one for one in alarms if one.judgement is not None), None)
    return DrillResult(
        found=True,
        alarms=tuple(one.alarm_id for one in alarms),
        to_alarm_s=(_raised(first) - started_at).total_seconds(),
        to_acknowledge_s=None if seen is None else (_seen(seen) - _raised(seen)).total_seconds(),
        acknowledged_by=None if seen is None else seen.acknowledged_by,
        detector_cause=first.cause,
        detector_right=first.cause in causes,
        person_said=None if said is None or said.judgement is None else said.judgement.value,
        person_right=None if said is None else _is_right(said, causes),
    )


def _is_right(said: Sighted, causes: Collection[str]) -> bool:
    if said.judgement in {Judgement.RIGHT, Judgement.KNOWN}:
        return (said.said_cause or said.cause) in causes
    return said.judgement is Judgement.WRONG_CAUSE and said.said_cause in causes


def _raised(one: Sighted) -> datetime:
    assert one.raised_at is not None
    return one.raised_at


def _seen(one: Sighted) -> datetime:
    assert one.acknowledged_at is not None
    return one.acknowledged_at
