"""Reading observations with what is known of them."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, Select, exists, select
from sqlalchemy.orm import Session, aliased

from core.store.models import (
    AlarmRow,
    DecisionRow,
    EvidenceRow,
    FeedbackRow,
    ObservationRow,
    RecordRow,
    TicketRow,
    VerdictRow,
)
from core.store.rows import ticket_digest
from core.store.views import (
    DecisionView,
    FeedbackView,
    ObservationDetail,
    ObservationView,
    RecordView,
    TicketView,
)
from core.verdict import Cause, Measurement, Model, Quality

LOOKED_THROUGH = 2000
"""What is sought among observations (undecided, of some qualities) is sought among the newest so many."""

_Thumbnail = aliased(EvidenceRow)


def observations(
    session: Session,
    system: str,
    limit: int,
    before: int | None,
    qualities: Collection[Quality] | None,
    *,
    undecided: bool,
) -> list[ObservationView]:
    """Return observations, last arrived first; of those ``undecided`` or of some qualities only recent ones.

    What a backfill judged did not arrive: it would push out what did. The ids are taken out of their index first: left
    to itself, PostgreSQL reads all systems backwards from the newest.
    """
    newest = select(ObservationRow.id).where(ObservationRow.system == system, ObservationRow.is_backfill.is_(False))
    if before is not None:
        newest = newest.where(ObservationRow.id < before)
    some = undecided or qualities is not None
    newest = newest.order_by(ObservationRow.id.desc()).limit(LOOKED_THROUGH if some else limit)
    query = views().where(ObservationRow.id.in_(newest)).order_by(ObservationRow.id.desc()).limit(limit)
    if qualities is not None:
        query = query.where(VerdictRow.quality.in_(list(qualities)))
    if undecided:
        query = query.where(~exists().where(DecisionRow.observation_id == ObservationRow.id))
    return [as_view(row) for row in session.execute(query)]


def history(session: Session, system: str, element: str, limit: int) -> list[ObservationView]:
    """Return the observations of one element, latest observed first."""
    query = views().where(ObservationRow.system == system, ObservationRow.element == element)
    query = query.order_by(ObservationRow.observed_at.desc(), ObservationRow.id.desc()).limit(limit)
    return [as_view(row) for row in session.execute(query)]


def find(session: Session, system: str, element: str, key: str) -> int | None:
    """Return the ``id`` of an observation by its unique name."""
    return session.scalar(
        select(ObservationRow.id).where(
            ObservationRow.system == system, ObservationRow.element == element, ObservationRow.key == key
        )
    )


def detail(session: Session, observation_id: int) -> ObservationDetail | None:
    """Return everything known of one observation."""
    row = session.execute(views().where(ObservationRow.id == observation_id)).one_or_none()
    if row is None:
        return None
    view, verdict = as_view(row), session.get_one(VerdictRow, observation_id)
    evidence = session.scalars(select(EvidenceRow).where(EvidenceRow.observation_id == observation_id))
    return ObservationDetail(
        view=view,
        regions=tuple(verdict.regions),
        measurements={name: Measurement(**value) for name, value in verdict.measurements.items()},
        evidence={item.name: item.digest for item in evidence},
        feedback=tuple(_feedback(item) for item in _of(session, FeedbackRow, observation_id)),
        decisions=tuple(_decision(item) for item in _of(session, DecisionRow, observation_id)),
        records=tuple(_record(item) for item in _of(session, RecordRow, observation_id)),
        alarm_id=view.alarm_id,
    )


def ticket(session: Session, system: str, source: str, text: str) -> TicketView | None:
    """Return what became of one arrival."""
    row = session.get(TicketRow, (system, source, ticket_digest(text)))
    if row is None:
        return None
    return TicketView(row.system, row.source, row.ticket, row.outcome, row.reason, row.observation_id, row.settled_at)


def views() -> Select[Any]:
    """Return the query whose rows ``as_view`` reads."""
    newest = (
        select(DecisionRow.disposition)
        .where(DecisionRow.observation_id == ObservationRow.id)
        .order_by(DecisionRow.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = [column for column in VerdictRow.__table__.columns if column.name not in _NOT_LISTED]
    return (
        select(
            ObservationRow,
            *columns,
            AlarmRow.id.label("alarm_id"),
            _Thumbnail.digest.label("thumbnail"),
            newest.label("disposition"),
        )
        .join(VerdictRow, VerdictRow.observation_id == ObservationRow.id)
        .outerjoin(AlarmRow, (AlarmRow.id == VerdictRow.alarm_id) & AlarmRow.raised_at.is_not(None))
        .outerjoin(_Thumbnail, (_Thumbnail.observation_id == ObservationRow.id) & (_Thumbnail.name == "thumbnail"))
    )


_NOT_LISTED = {"observation_id", "system", "regions", "measurements", "alarm_id"}


def as_view(row: Row[Any]) -> ObservationView:
    """Return a row of ``views`` as pages read it."""
    seen: ObservationRow = row.ObservationRow
    return ObservationView(
        id=seen.id,
        system=seen.system,
        element=seen.element,
        key=seen.key,
        observed_at=seen.observed_at,
        processed_at=row.processed_at,
        origin=seen.origin,
        sha256=seen.sha256,
        conditions=seen.conditions,
        quality=row.quality,
        score=row.score,
        threshold=row.threshold,
        p_value=row.p_value,
        cause=None if row.cause is None else Cause(row.cause, row.cause_probability),
        model=None if row.model_name is None else Model(row.model_name, row.model_version),
        reason=row.reason,
        region_count=row.region_count,
        thumbnail=row.thumbnail,
        alarm_id=row.alarm_id,
        disposition=row.disposition,
        is_backfill=seen.is_backfill,
    )


def _of(session: Session, kind: Any, observation_id: int) -> Sequence[Any]:
    return session.scalars(select(kind).where(kind.observation_id == observation_id).order_by(kind.id)).all()


def _feedback(row: FeedbackRow) -> FeedbackView:
    return FeedbackView(
        id=row.id,
        observation_id=row.observation_id,
        region_index=row.region_index,
        judgement=row.judgement,
        cause=row.cause,
        comment=row.comment,
        author=row.author,
        at=row.at,
        alarm_id=row.alarm_id,
        decision_id=row.decision_id,
    )


def _decision(row: DecisionRow) -> DecisionView:
    return DecisionView(row.id, row.observation_id, row.disposition, row.author, row.at)


def _record(row: RecordRow) -> RecordView:
    return RecordView(row.id, row.observation_id, row.kind, row.content, row.author, row.at)
