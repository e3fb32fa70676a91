"""How the verdicts of one element went along time, for trends; and what was seen before and after an observation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from core.observation import Condition
from core.store.models import EvidenceRow, ObservationRow, VerdictRow
from core.verdict import Measurement, Quality


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """One verdict of a course; ``figures`` is the digest of the evidence that was asked for, None if there is none."""

    id: int
    observed_at: datetime
    conditions: Mapping[str, Condition]
    quality: Quality
    score: float | None
    threshold: float | None
    measurements: Mapping[str, Measurement]
    figures: str | None
    cause: str | None = None


def between(
    session: Session, system: str, element: str, since: datetime, until: datetime, *, evidence: str, limit: int
) -> list[CoursePoint]:
    """Return the verdicts on one element observed in a time span (ends included), oldest first, the newest if many."""
    drawn = aliased(EvidenceRow)
    newest = (
        select(ObservationRow.id)
        .where(ObservationRow.system == system, ObservationRow.element == element)
        .where(ObservationRow.observed_at >= since, ObservationRow.observed_at <= until)
        .order_by(ObservationRow.observed_at.desc(), ObservationRow.id.desc())
        .limit(limit)
    )
    query = (
        select(
            ObservationRow.id,
            ObservationRow.observed_at,
            ObservationRow.conditions,
            VerdictRow.quality,
            VerdictRow.score,
            VerdictRow.threshold,
            VerdictRow.measurements,
            drawn.digest,
            VerdictRow.cause,
        )
        .join(VerdictRow, VerdictRow.observation_id == ObservationRow.id)
        .outerjoin(drawn, and_(drawn.observation_id == ObservationRow.id, drawn.name == evidence))
        .where(ObservationRow.id.in_(newest))
        .order_by(ObservationRow.observed_at.desc(), ObservationRow.id.desc())
    )
    return [_point(*row) for row in session.execute(query).tuples()][::-1]


def neighbours(session: Session, observation_id: int) -> tuple[int | None, int | None]:
    """Return the ids of what was observed of the same element right before and right after.

    The bound on the time stands alone, so that the index is entered there: PostgreSQL read all of an element's rows.
    """
    here = session.get(ObservationRow, observation_id)
    if here is None:
        return None, None
    at, number = ObservationRow.observed_at, ObservationRow.id
    of_element = (
        select(number).where(ObservationRow.system == here.system, ObservationRow.element == here.element).limit(1)
    )
    before = and_(at <= here.observed_at, or_(at < here.observed_at, number < here.id))
    after = and_(at >= here.observed_at, or_(at > here.observed_at, number > here.id))
    return (
        session.scalar(of_element.where(before).order_by(at.desc(), number.desc())),
        session.scalar(of_element.where(after).order_by(at, number)),
    )


def _point(
    number: int,
    observed_at: datetime,
    conditions: Mapping[str, Condition],
    quality: Quality,
    score: float | None,
    threshold: float | None,
    measurements: Mapping[str, Mapping[str, Any]],
    figures: str | None,
    cause: str | None,
) -> CoursePoint:
    values = {name: Measurement(**value) for name, value in measurements.items()}
    return CoursePoint(number, observed_at, conditions, quality, score, threshold, values, figures, cause)
