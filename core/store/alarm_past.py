"""Past alarms that were like one, and what they turned out to be."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.alarms.events import ChangeKind
from core.store.alarm_rows import alarm_view
from core.store.drill_marks import revealed_alarms
from core.store.models import AlarmEventRow, AlarmRow, FeedbackRow, VerdictRow
from core.store.views import PastAlarm

LOOKED_AT = 200
"""Of each of the two lists (the same element, the same cause) the newest so many are compared."""


def similar(session: Session, alarm_id: int, limit: int) -> list[PastAlarm]:
    """Return closed alarms of the same system that were most like an alarm, newest first among equals."""
    row = session.get(AlarmRow, alarm_id)
    if row is None:
        return []
    alike = sorted(_candidates(session, row).values(), key=lambda other: (_likeness(row, other), other.id))[::-1]
    return [_past(session, other) for other in alike[:limit]]


def _candidates(session: Session, row: AlarmRow) -> dict[int, AlarmRow]:
    of_system = select(AlarmRow).where(
        AlarmRow.system == row.system,
        AlarmRow.id < row.id,
        AlarmRow.closed_at.is_not(None),
        AlarmRow.id.not_in(revealed_alarms()),
    )
    of_system = of_system.order_by(AlarmRow.id.desc()).limit(LOOKED_AT)
    found = {one.id: one for one in session.scalars(of_system.where(AlarmRow.element == row.element))}
    if row.cause is not None:
        found |= {one.id: one for one in session.scalars(of_system.where(AlarmRow.cause == row.cause))}
    return {number: one for number, one in found.items() if one.raised_at is not None and one.kind == row.kind}


def _likeness(row: AlarmRow, other: AlarmRow) -> float:
    """The same cause counts as much as the same element, the share of places in common as half of that."""
    here, there = set(row.places), set(other.places)
    shared = len(here & there) / len(here | there) if here or there else 0.0
    return (row.cause == other.cause) + (row.element == other.element) + 0.5 * shared


def _past(session: Session, row: AlarmRow) -> PastAlarm:
    words = _feedback(session, row.id)
    last = words[-1] if words else None
    return PastAlarm(
        view=alarm_view(row),
        said=Counter(word.judgement for word in words),
        cause=None if last is None else last.cause,
        note=(last.comment if last is not None else "") or _last_note(session, row.id),
    )


def _feedback(session: Session, alarm_id: int) -> Sequence[FeedbackRow]:
    seen = select(VerdictRow.observation_id).where(VerdictRow.alarm_id == alarm_id)
    query = select(FeedbackRow).where(or_(FeedbackRow.alarm_id == alarm_id, FeedbackRow.observation_id.in_(seen)))
    return session.scalars(query.order_by(FeedbackRow.id)).all()


def _last_note(session: Session, alarm_id: int) -> str:
    """What a person last wrote in its history."""
    by_person = (AlarmEventRow.author != "") & (AlarmEventRow.note != "") & (AlarmEventRow.kind != ChangeKind.SHELVED)
    query = select(AlarmEventRow.note).where(AlarmEventRow.alarm_id == alarm_id, by_person)
    return session.scalar(query.order_by(AlarmEventRow.id.desc()).limit(1)) or ""
