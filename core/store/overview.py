"""The state of every system at a glance, from a handful of index lookups each."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from core.alarms.severity import Severity
from core.store.models import AlarmRow, HeartbeatRow, ObservationRow, VerdictRow
from core.store.views import Heartbeat, SystemState
from core.verdict import Quality


def overview(session: Session, now: datetime, window: timedelta, systems: Collection[str]) -> list[SystemState]:
    """Return the state of every known system, by name."""
    beats = _heartbeats(session)
    alarmed = session.scalars(select(AlarmRow.system).where(AlarmRow.closed_at.is_(None)).distinct())
    names = {*systems, *_observed_systems(session), *(beat.system for beat in beats), *alarmed}
    return [_state(session, name, now, window, [b for b in beats if b.system == name]) for name in sorted(names)]


def _observed_systems(session: Session) -> list[str]:
    """Return the systems of all observations: one index lookup each, where DISTINCT would read every row."""
    first = select(func.min(ObservationRow.system).label("name")).cte("names", recursive=True)
    following = select(func.min(ObservationRow.system)).where(ObservationRow.system > first.c.name).scalar_subquery()
    names = first.union_all(select(following).where(first.c.name.is_not(None)))
    return [name for name in session.scalars(select(names.c.name)) if name is not None]


def _state(session: Session, system: str, now: datetime, window: timedelta, beats: list[Heartbeat]) -> SystemState:
    open_alarms, unacknowledged, shelved = _alarm_counts(session, system, now)
    return SystemState(
        system=system,
        last_observed_at=session.scalar(
            select(func.max(ObservationRow.observed_at)).where(ObservationRow.system == system)
        ),
        last_processed_at=session.scalar(select(func.max(VerdictRow.processed_at)).where(VerdictRow.system == system)),
        counts=_quality_counts(session, system, now - window),
        open_alarms=open_alarms,
        unacknowledged=unacknowledged,
        shelved=shelved,
        heartbeats=tuple(beats),
    )


def _quality_counts(session: Session, system: str, since: datetime) -> dict[Quality, int]:
    query = (
        select(VerdictRow.quality, func.count())
        .where(VerdictRow.system == system, VerdictRow.processed_at > since)
        .group_by(VerdictRow.quality)
    )
    return dict.fromkeys(Quality, 0) | dict(session.execute(query).tuples().all())


def _alarm_counts(session: Session, system: str, now: datetime) -> tuple[dict[Severity, int], int, int]:
    on_shelf = and_(AlarmRow.shelved_until.is_not(None), AlarmRow.shelved_until > now)
    in_view = or_(AlarmRow.shelved_until.is_(None), AlarmRow.shelved_until <= now)
    query = (
        select(
            AlarmRow.severity,
            func.sum(case((in_view, 1), else_=0)),
            func.sum(case((in_view & AlarmRow.acknowledged_at.is_(None), 1), else_=0)),
            func.sum(case((on_shelf, 1), else_=0)),
        )
        .where(AlarmRow.system == system, AlarmRow.closed_at.is_(None), AlarmRow.raised_at.is_not(None))
        .group_by(AlarmRow.severity)
    )
    rows = session.execute(query).tuples().all()
    by_severity = {severity: count for severity, count, _, _ in rows if count}
    return by_severity, sum(row[2] for row in rows), sum(row[3] for row in rows)


def _heartbeats(session: Session) -> list[Heartbeat]:
    query = select(HeartbeatRow).order_by(HeartbeatRow.system, HeartbeatRow.flow)
    return [
        Heartbeat(row.system, row.flow, row.at, row.ok, row.detail, row.last_success_at, row.last_failure_at)
        for row in session.scalars(query)
    ]
