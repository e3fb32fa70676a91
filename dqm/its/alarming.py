"""From the regions of a cycle to the incidents that alarms are made of."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from core.contracts import Circumstance, Incident
from core.observation import Observation
from core.verdict import Quality, Region, Verdict

_BACKGROUND, _PLACE = "background", "place"
_ALARMING = frozenset({Quality.BAD, Quality.MEDIUM})
_NO_BEAM = frozenset({"cosmics", "cosmic", "nobeam", "none", "technical"})
_NEED_BEAM = frozenset({_BACKGROUND, ""})
"""Without beam there is no background of it, and that a cycle cannot be judged needs nobody."""


def incidents(observation: Observation, verdict: Verdict) -> Sequence[Incident]:
    """Return what the regions of a cycle are: beam background is one incident, everything else one at each place.

    Background is of a beam, not of the chips that it hits: what comes from the other side later is another incident,
    although it hits chips that the first one hit.
    """
    return list(_incidents(observation, verdict.regions))


def circumstances(observation: Observation, verdict: Verdict) -> Sequence[Circumstance]:  # noqa: ARG001 as the contract
    """Return what a cycle shows that makes alarms need nobody: no beam. Faults of the hardware stay what they are."""
    beams = str(observation.conditions.get("beam_type") or "")
    if beams.lower() not in _NO_BEAM:
        return ()
    return (Circumstance("no beam", f"no beam (run type {beams})", _NEED_BEAM),)


def _incidents(observation: Observation, regions: Sequence[Region]) -> Iterator[Incident]:
    for region in regions:
        where = region.where
        quality = Quality(str(where.get("quality", Quality.GOOD)))
        if quality not in _ALARMING:
            continue
        element, began_at = str(where["element"]), _began_at(observation)
        since = datetime.fromisoformat(str(where["since"])) if "since" in where else began_at
        is_background = where.get("kind") == _BACKGROUND
        yield Incident(
            kind=_BACKGROUND if is_background else _PLACE,
            places=frozenset({element} if is_background else str(where.get("cells", "")).split()),
            element=element,
            quality=quality,
            since=min(since, began_at),  # a cycle that comes late may be older than what was known of its incident
            cause=region.cause.name if region.cause else None,
            message=_message(region, element),
        )


def _began_at(observation: Observation) -> datetime:
    return observation.observed_at - timedelta(seconds=float(observation.conditions.get("cycle_s") or 0.0))


def _message(region: Region, element: str) -> str:
    """The line of an alarm: ``dead lane (97 %) at L4_12/lane 7: 0.02 of what is expected``."""
    cause = f"{region.cause.name} ({region.cause.probability:.0%})" if region.cause else "unknown cause"
    ratio = region.where.get("ratio")
    seen = f": {float(ratio):.2f} of what is expected" if isinstance(ratio, int | float) else ""
    cells = len(str(region.where.get("cells", "")).split())
    size = f", {cells} places" if cells > 1 else ""
    return f"{cause} at {element}{size}{seen}"
