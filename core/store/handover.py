"""What a shift report is made of: what was judged, which alarms there were, what people said, within a span of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from core.shifts import Span
from core.store.alarm_rows import alarm_view
from core.store.drill_marks import real_quality, revealed_alarms
from core.store.engine import Database
from core.store.models import (
    AlarmRow,
    AliasChangeRow,
    DecisionRow,
    FeedbackRow,
    ModelVersionRow,
    ObservationRow,
    VerdictRow,
)
from core.store.overview import observed_systems
from core.store.views import AlarmView, AliasView, Disposition, Judgement
from core.verdict import Quality


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said, with what it is about."""

    system: str
    element: str
    observation_id: int
    alarm_id: int | None
    judgement: Judgement
    cause: str | None
    comment: str
    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """When something was observed, and how it was judged."""

    observed_at: datetime
    quality: Quality


@dataclass(frozen=True, slots=True)
class Handover:
    """All that was found of one span; ``waiting``: observations that are neither good nor decided on, by system."""

    judged: Mapping[str, Sequence[Judged]]
    alarms: Sequence[AlarmView]
    answers: Sequence[Answer]
    decided: Mapping[str, Mapping[Disposition, int]]
    model_changes: Sequence[AliasView]
    waiting: Mapping[str, int]


def handover(database: Database, span: Span) -> Handover:
    """Return what a report of a span is made of, in one reading transaction."""
    with database.reading() as session:
        return Handover(
            judged(session, span),
            alarms(session, span),
            answers(session, span),
            decided(session, span),
            model_changes(session, span),
            {system: waiting(session, system, span) for system in _deciding_systems(session)},
        )


def judged(session: Session, span: Span) -> dict[str, list[Judged]]:
    """Return what was observed in a span, by system, in order of time; of drills that are over as it really was."""
    found: dict[str, list[Judged]] = {}
    query = (
        select(ObservationRow.system, ObservationRow.observed_at, func.coalesce(real_quality(), VerdictRow.quality))
        .join(VerdictRow, VerdictRow.observation_id == ObservationRow.id)
        .where(ObservationRow.observed_at >= span.begins, ObservationRow.observed_at < span.ends)
        .order_by(ObservationRow.system, ObservationRow.observed_at)
    )
    for system in observed_systems(session):
        rows = session.execute(query.where(ObservationRow.system == system)).tuples()
        found[system] = [Judged(at, quality) for _, at, quality in rows]
    return found


def alarms(session: Session, span: Span) -> list[AlarmView]:
    """Return the alarms that were open at some time within a span, oldest first; none of drills that are over."""
    query = (
        select(AlarmRow)
        .where(AlarmRow.raised_at < span.ends, AlarmRow.id.not_in(revealed_alarms()))
        .where(or_(AlarmRow.closed_at.is_(None), AlarmRow.closed_at >= span.begins))
        .order_by(AlarmRow.id)
    )
    return [alarm_view(row) for row in session.scalars(query)]


def answers(session: Session, span: Span) -> list[Answer]:
    """Return what people said within a span, oldest first; what belongs to a decision on the whole is left out."""
    query = (
        select(FeedbackRow, ObservationRow.system, ObservationRow.element)
        .join(ObservationRow, ObservationRow.id == FeedbackRow.observation_id)
        .where(FeedbackRow.at >= span.begins, FeedbackRow.at < span.ends, FeedbackRow.decision_id.is_(None))
        .order_by(FeedbackRow.id)
    )
    return [
        Answer(
            system, element, row.observation_id, row.alarm_id, row.judgement, row.cause, row.comment, row.author, row.at
        )
        for row, system, element in session.execute(query).tuples()
    ]


def decided(session: Session, span: Span) -> dict[str, dict[Disposition, int]]:
    """Return how many decisions on whole observations were made within a span, by system."""
    query = (
        select(ObservationRow.system, DecisionRow.disposition, func.count())
        .join(ObservationRow, ObservationRow.id == DecisionRow.observation_id)
        .where(DecisionRow.at >= span.begins, DecisionRow.at < span.ends)
        .group_by(ObservationRow.system, DecisionRow.disposition)
    )
    found: dict[str, dict[Disposition, int]] = {}
    for system, disposition, count in session.execute(query).tuples():
        found.setdefault(system, {})[disposition] = count
    return found


def model_changes(session: Session, span: Span) -> list[AliasView]:
    """Return the changes of which model judges within a span, oldest first."""
    query = (
        select(AliasChangeRow, ModelVersionRow.version)
        .outerjoin(ModelVersionRow, ModelVersionRow.id == AliasChangeRow.model_version_id)
        .where(AliasChangeRow.at >= span.begins, AliasChangeRow.at < span.ends)
        .order_by(AliasChangeRow.id)
    )
    return [
        AliasView(row.id, row.system, row.name, row.alias, version, row.author, row.reason, row.at)
        for row, version in session.execute(query).tuples()
    ]


def waiting(session: Session, system: str, span: Span) -> int:
    """Return how many of the observations of a span that are not good nobody has decided on."""
    undecided = ~exists().where(DecisionRow.observation_id == ObservationRow.id)
    query = (
        select(func.count())
        .select_from(ObservationRow)
        .join(VerdictRow, VerdictRow.observation_id == ObservationRow.id)
        .where(ObservationRow.system == system, undecided, VerdictRow.quality != Quality.GOOD)
        .where(ObservationRow.observed_at >= span.begins, ObservationRow.observed_at < span.ends)
    )
    return session.scalar(query) or 0


def _deciding_systems(session: Session) -> list[str]:
    """The systems whose observations people decide on one by one: where that was done before."""
    query = select(ObservationRow.system).join(DecisionRow, DecisionRow.observation_id == ObservationRow.id)
    return sorted(session.scalars(query.distinct()))
