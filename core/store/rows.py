"""From contracts to the values of rows."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from core.contracts import Settled
from core.store.artefacts import Artefacts
from core.store.types import plain_name, plain_text
from core.store.views import Outcome
from core.verdict import Quality, Verdict

UNREADABLE = "unreadable"

Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Stored:
    """A piece of evidence that is in the artefact folder."""

    name: str
    digest: str
    media_type: str
    size: int


def ticket_digest(ticket: str) -> str:
    """Return the digest by which a ticket is looked up."""
    return sha256(plain_text(ticket).encode()).hexdigest()


def identity(element: str, key: str) -> Identity:
    """Return element and key as the tables hold them."""
    return plain_name(element), plain_name(key)


def put_evidence(artefacts: Artefacts, verdict: Verdict) -> list[Stored]:
    """Write the evidence files of a verdict."""
    return [
        Stored(name, artefacts.put(item.content, item.media_type), item.media_type, len(item.content))
        for name, item in verdict.evidence.items()
    ]


def observed_at(item: Settled) -> datetime:
    """Return when it was seen; of what could not be read, when that was found."""
    return item.observation.observed_at if item.observation else item.processed_at


def observation_values(system: str, item: Settled, name: Identity) -> dict[str, Any]:
    """Return the row of an observation, or of the arrival that could not be read as one."""
    seen = item.observation
    return {
        "system": system,
        "element": name[0],
        "key": name[1],
        "observed_at": observed_at(item),
        "origin": seen.origin if seen else item.arrival.origin,
        "sha256": seen.sha256 if seen else "",
        "conditions": dict(seen.conditions) if seen else {},
    }


def artefact_values(item: Stored, at: datetime) -> dict[str, Any]:
    """Return the row of an artefact."""
    return {"digest": item.digest, "media_type": item.media_type, "bytes": item.size, "created_at": at}


def verdict_values(system: str, item: Settled, observation_id: int, alarm_id: int | None) -> dict[str, Any]:
    """Return the row of a verdict."""
    verdict = item.verdict
    body = verdict.to_json()
    return {
        "observation_id": observation_id,
        "system": system,
        "processed_at": item.processed_at,
        "quality": verdict.quality,
        "score": verdict.score,
        "threshold": verdict.threshold,
        "p_value": verdict.p_value,
        "cause": verdict.cause.name if verdict.cause else None,
        "cause_probability": verdict.cause.probability if verdict.cause else None,
        "model_name": verdict.model.name if verdict.model else None,
        "model_version": verdict.model.version if verdict.model else None,
        "reason": verdict.reason,
        "regions": body["regions"],
        "region_count": len(verdict.regions),
        "measurements": body["measurements"],
        "alarm_id": alarm_id,
    }


def ticket_values(system: str, source: str, item: Settled, observation_id: int, *, is_first: bool) -> dict[str, Any]:
    """Return the row of a ticket: what became of an arrival."""
    outcome, reason = Outcome.JUDGED, None
    if item.observation is None:
        outcome, reason = Outcome.QUARANTINED, item.verdict.reason
    elif not is_first:
        outcome, reason = Outcome.DUPLICATE, "seen before"
    return {
        "system": system,
        "source": source,
        "digest": ticket_digest(item.arrival.ticket),
        "ticket": item.arrival.ticket,
        "outcome": outcome,
        "reason": reason,
        "observation_id": observation_id,
        "settled_at": item.processed_at,
    }


def summary(verdict: Verdict, origin: str) -> str:
    """Return the line that an alarm shows of a verdict."""
    if verdict.quality is Quality.NULL:
        return f"{origin}: {verdict.reason}"
    parts = [verdict.quality.value]
    if verdict.score is not None:
        over = f" against the threshold {verdict.threshold:.3g}" if verdict.threshold is not None else ""
        parts.append(f"score {verdict.score:.3g}{over}")
    if verdict.regions:
        parts.append(f"{len(verdict.regions)} suspect region{'s' if len(verdict.regions) > 1 else ''}")
    if verdict.cause:
        parts.append(f"{verdict.cause.name} ({verdict.cause.probability:.0%})")
    return ", ".join(parts)
