"""Reading alarms and their history."""

from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from core.alarms.events import ChangeKind
from core.alarms.health import Line
from core.store.alarm_rows import alarm_view, change_view
from core.store.drill_marks import revealed_alarms
from core.store.models import AlarmEventRow, AlarmRow
from core.store.views import AlarmChange, AlarmDetail, AlarmView


def alarms(
    session: Session,
    *,
    open_only: bool,
    system: str | None,
    limit: int,
    before_id: int | None,
    closed_only: bool = False,
) -> list[AlarmView]:
    """Return raised alarms, newest first."""
    query = select(AlarmRow).where(AlarmRow.raised_at.is_not(None)).order_by(AlarmRow.id.desc()).limit(limit)
    if open_only:
        query = query.where(AlarmRow.closed_at.is_(None))
    if closed_only:
        query = query.where(AlarmRow.closed_at.is_not(None))
    if system is not None:
        query = query.where(AlarmRow.system == system)
    if before_id is not None:
        query = query.where(AlarmRow.id < before_id)
    return [alarm_view(row) for row in session.scalars(query)]


def detail(session: Session, alarm_id: int) -> AlarmDetail | None:
    """Return one raised alarm with its history."""
    row = session.get(AlarmRow, alarm_id)
    if row is None or row.raised_at is None:
        return None
    lines = session.scalars(select(AlarmEventRow).where(AlarmEventRow.alarm_id == alarm_id).order_by(AlarmEventRow.id))
    return AlarmDetail(alarm_view(row), tuple(change_view(line, row.system, row.element) for line in lines))


def history(session: Session, since: datetime, until: datetime, system: str | None) -> list[AlarmChange]:
    """Return what happened from ``since`` to before ``until``, oldest first."""
    query = (
        select(AlarmEventRow, AlarmRow.system, AlarmRow.element)
        .join(AlarmRow, AlarmRow.id == AlarmEventRow.alarm_id)
        .where(AlarmEventRow.at >= since, AlarmEventRow.at < until)
        .order_by(AlarmEventRow.at, AlarmEventRow.id)
    )
    if system is not None:
        query = query.where(AlarmRow.system == system)
    return [change_view(line, name, element) for line, name, element in session.execute(query).tuples()]


def newest_change(session: Session) -> int:
    """Return the number of the newest line of all alarms' histories, 0 if there is none."""
    return session.scalar(select(func.max(AlarmEventRow.id))) or 0


def lines(session: Session, since: datetime, until: datetime) -> list[Line]:
    """Return the whole history of every alarm that was open at some time within a span, oldest first: one query.

    Notices need nobody and are none of them, nor are the alarms of drills once these are revealed.
    """
    was_open = or_(AlarmRow.closed_at.is_(None), AlarmRow.closed_at >= since)
    query = (
        select(
            AlarmEventRow.alarm_id,
            AlarmRow.system,
            AlarmRow.element,
            AlarmRow.kind,
            AlarmRow.severity,
            AlarmEventRow.kind,
            AlarmEventRow.at,
            AlarmEventRow.author,
        )
        .join(AlarmRow, AlarmRow.id == AlarmEventRow.alarm_id)
        .where(AlarmRow.raised_at < until, was_open, AlarmRow.is_notice.is_(False))
        .where(AlarmEventRow.kind != ChangeKind.COMMENTED, AlarmRow.id.not_in(revealed_alarms()))
        .order_by(AlarmEventRow.id)
    )
    return [Line(*row) for row in session.execute(query).tuples()]
