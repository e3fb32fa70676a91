"""Notifications on their way: queued once for each channel that wants them, tried until delivered or needless.

What was queued is remembered system by system, for writers of one system take turns and its history grows in order.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, distinct, func, select, update
from sqlalchemy.orm import Session

from core.alarms.events import ChangeKind
from core.alarms.notification import ASKS, GIVE_UP_AFTER, Line, Wish, retry_after
from core.store import operations
from core.store.console_models import NotificationRow
from core.store.engine import Database
from core.store.models import AlarmEventRow, AlarmRow
from core.store.views import ChannelState

MARK = "notifications"
LOOK_BACK = timedelta(days=1)
_AT_ONCE = 500
_TOLD = frozenset({*ASKS, ChangeKind.OVERDUE})


def begin(database: Database, systems: Sequence[str]) -> None:
    """Begin to tell of systems: what happened before is not told."""
    for system in systems:
        with database.writing(system) as session:
            if _mark(session, system) is None:
                newest = select(func.max(AlarmEventRow.id)).join(AlarmRow, AlarmRow.id == AlarmEventRow.alarm_id)
                last = session.scalar(newest.where(AlarmRow.system == system))
                operations.set_watermark(session, system, MARK, {"event": last or 0})


def enqueue(database: Database, wishes: Sequence[Wish], now: datetime) -> int:
    """Queue what happened since the last time in every system that was begun with."""
    with database.reading() as session:
        newest = select(AlarmRow.system, func.max(AlarmEventRow.id)).join(
            AlarmRow, AlarmRow.id == AlarmEventRow.alarm_id
        )
        newest = newest.where(AlarmEventRow.at >= now - LOOK_BACK).group_by(AlarmRow.system)
        last = session.execute(newest).tuples().all()
        behind = [name for name, number in last if (mark := _mark(session, name)) is not None and number > mark]
    queued = 0
    for system in behind:
        with database.writing(system) as session:
            queued += _enqueue(session, system, wishes, now)
    return queued


def _enqueue(session: Session, system: str, wishes: Sequence[Wish], now: datetime) -> int:
    mark = _mark(session, system) or 0
    query = select(AlarmEventRow, AlarmRow).join(AlarmRow, AlarmRow.id == AlarmEventRow.alarm_id)
    query = query.where(AlarmRow.system == system, AlarmEventRow.id > mark).order_by(AlarmEventRow.id).limit(_AT_ONCE)
    queued = 0
    for event, alarm in session.execute(query).tuples():
        mark = event.id
        if event.kind not in _TOLD or not _needs_somebody(alarm, now):
            continue
        for wish in wishes:
            if wish.wants(_line(event, alarm)):
                session.add(
                    NotificationRow(
                        channel=wish.channel, event_id=event.id, queued_at=now, next_at=now, attempts=0, error=""
                    )
                )
                queued += 1
    operations.set_watermark(session, system, MARK, {"event": mark})
    return queued


def waiting(session: Session, channel: str, now: datetime) -> list[Line]:
    """Return the lines that are due on a channel, oldest first."""
    query = _open(channel).where(NotificationRow.next_at <= now).order_by(NotificationRow.event_id).limit(_AT_ONCE)
    return [_line(event, alarm) for event, alarm in session.execute(query).tuples()]


def drop_needless(session: Session, channel: str, now: datetime) -> int:
    """Give up lines whose alarm needs nobody any more (acknowledged, closed, set aside) or that are too old."""
    query = _open(channel).with_only_columns(NotificationRow, AlarmRow)
    needless = 0
    for row, alarm in session.execute(query).tuples():
        if not _needs_somebody(alarm, now) or now - row.queued_at > GIVE_UP_AFTER:
            row.given_up_at, needless = now, needless + 1
    session.flush()
    return needless


def sent_within(session: Session, channel: str, since: datetime) -> int:
    """Return how many messages a channel got since an instant."""
    query = select(func.count(distinct(NotificationRow.message)))
    return session.scalar(query.where(NotificationRow.channel == channel, NotificationRow.sent_at > since)) or 0


def mark_sent(session: Session, channel: str, event_ids: Sequence[int], now: datetime) -> None:
    """Note that lines went out, in one message."""
    session.execute(
        update(NotificationRow)
        .where(NotificationRow.channel == channel, NotificationRow.event_id.in_(event_ids))
        .values(
            sent_at=now, message=f"{now.isoformat()}/{event_ids[0]}", attempts=NotificationRow.attempts + 1, error=""
        )
    )


def mark_failed(session: Session, channel: str, event_ids: Sequence[int], error: str, now: datetime) -> None:
    """Note that a delivery failed, and when to try again."""
    query = select(NotificationRow).where(NotificationRow.channel == channel, NotificationRow.event_id.in_(event_ids))
    for row in session.scalars(query):
        row.attempts += 1
        row.error, row.next_at = error, now + retry_after(row.attempts)
    session.flush()


def states(session: Session, channels: Sequence[str]) -> list[ChannelState]:
    """Return how the deliveries of each channel go."""
    return [_state(session, channel) for channel in channels]


def _state(session: Session, channel: str) -> ChannelState:
    of_channel = NotificationRow.channel == channel
    pending = select(NotificationRow).where(
        of_channel, NotificationRow.sent_at.is_(None), NotificationRow.given_up_at.is_(None)
    )
    rows = session.scalars(pending.order_by(NotificationRow.id).limit(_AT_ONCE)).all()
    failing = [row for row in rows if row.attempts]
    last = session.scalar(select(func.max(NotificationRow.sent_at)).where(of_channel))
    return ChannelState(
        channel,
        len(rows),
        last_sent_at=last,
        failing_since=min((row.queued_at for row in failing), default=None),
        error=failing[-1].error if failing else "",
    )


def _open(channel: str) -> Select[tuple[AlarmEventRow, AlarmRow]]:
    return (
        select(AlarmEventRow, AlarmRow)
        .select_from(NotificationRow)
        .join(AlarmEventRow, AlarmEventRow.id == NotificationRow.event_id)
        .join(AlarmRow, AlarmRow.id == AlarmEventRow.alarm_id)
        .where(
            NotificationRow.channel == channel,
            NotificationRow.sent_at.is_(None),
            NotificationRow.given_up_at.is_(None),
        )
    )


def _mark(session: Session, system: str) -> int | None:
    mark: Mapping[str, int] | None = operations.watermark(session, system, MARK)
    return None if mark is None else int(mark["event"])


def _needs_somebody(alarm: AlarmRow, now: datetime) -> bool:
    shelved = alarm.shelved_until is not None and now < alarm.shelved_until
    put_off = shelved or alarm.inhibited_by is not None or alarm.is_notice
    return alarm.closed_at is None and alarm.acknowledged_at is None and not put_off


def _line(event: AlarmEventRow, alarm: AlarmRow) -> Line:
    return Line(
        event_id=event.id,
        alarm_id=alarm.id,
        system=alarm.system,
        element=alarm.element,
        cause=alarm.cause,
        message=alarm.message,
        severity=event.severity,
        change=event.kind,
        at=event.at,
        note=event.note,
    )
