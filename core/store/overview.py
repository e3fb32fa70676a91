"""The state of every system at a glance, from a handful of index lookups each."""

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from core.alarms.severity import Severity
from core.signs import CONSOLE
from core.store.models import AlarmRow, HeartbeatRow, ObservationRow, VerdictRow
from core.store.views import Heartbeat, SystemState
from core.verdict import Quality

NEWEST = 21
FEWEST = 4
"""So many observations at least are needed to say how far apart they usually are."""


def overview(session: Session, now: datetime, window: timedelta, systems: Collection[str]) -> list[SystemState]:
    """Return the state of every known system, by name."""
    beats = heartbeats(session)
    alarmed = session.scalars(select(AlarmRow.system).where(AlarmRow.closed_at.is_(None)).distinct())
    names = {*systems, *observed_systems(session), *(beat.system for beat in beats), *alarmed}
    names.discard(CONSOLE)
    return [_state(session, name, now, window, [b for b in beats if b.system == name]) for name in sorted(names)]


def observed_systems(session: Session) -> list[str]:
    """Return the systems of all observations: one index lookup each, where DISTINCT would read every row."""
    first = select(func.min(ObservationRow.system).label("name")).cte("names", recursive=True)
    following = select(func.min(ObservationRow.system)).where(ObservationRow.system > first.c.name).scalar_subquery()
    names = first.union_all(select(following).where(first.c.name.is_not(None)))
    return [name for name in session.scalars(select(names.c.name)) if name is not None]


def _state(session: Session, system: str, now: datetime, window: timedelta, beats: list[Heartbeat]) -> SystemState:
    asking, set_apart = _alarm_counts(session, system, now)
    times = newest_times(session, system)
    return SystemState(
        system=system,
        last_observed_at=times[0] if times else None,
        last_processed_at=session.scalar(select(func.max(VerdictRow.processed_at)).where(VerdictRow.system == system)),
        counts=_quality_counts(session, system, now - window),
        open_alarms={severity: count for severity, (count, _) in asking.items() if count},
        unacknowledged=sum(unseen for _, unseen in asking.values()),
        shelved=set_apart[0],
        inhibited=set_apart[1],
        notices=set_apart[2],
        heartbeats=tuple(beats),
        usual_gap_s=usual_gap_s(times),
    )


def newest_times(session: Session, system: str) -> list[datetime]:
    """When the newest observations were made, newest first: a stretch of one index."""
    query = select(ObservationRow.observed_at).where(ObservationRow.system == system)
    return list(session.scalars(query.order_by(ObservationRow.observed_at.desc()).limit(NEWEST)))


def usual_gap_s(times: list[datetime]) -> float | None:
    """Return how far apart observations are as a rule; ``times``: newest first. What came at once counts once."""
    apart = list(dict.fromkeys(times))
    if len(apart) < FEWEST:
        return None
    return median((later - earlier).total_seconds() for later, earlier in pairwise(apart))


def _quality_counts(session: Session, system: str, since: datetime) -> dict[Quality, int]:
    query = (
        select(VerdictRow.quality, func.count())
        .where(VerdictRow.system == system, VerdictRow.processed_at > since)
        .group_by(VerdictRow.quality)
    )
    return dict.fromkeys(Quality, 0) | dict(session.execute(query).tuples().all())


def _alarm_counts(
    session: Session, system: str, now: datetime
) -> tuple[dict[Severity, tuple[int, int]], tuple[int, int, int]]:
    """Open alarms by severity, and how many of them nobody has seen; those shelved, inhibited, and notices."""
    shelved = and_(AlarmRow.shelved_until.is_not(None), AlarmRow.shelved_until > now)
    inhibited = ~shelved & AlarmRow.inhibited_by.is_not(None)
    notice = ~shelved & AlarmRow.inhibited_by.is_(None) & AlarmRow.is_notice
    asking = ~shelved & AlarmRow.inhibited_by.is_(None) & ~AlarmRow.is_notice
    unseen = asking & AlarmRow.acknowledged_at.is_(None)
    sums = [func.sum(case((chosen, 1), else_=0)) for chosen in (asking, unseen, shelved, inhibited, notice)]
    query = (
        select(AlarmRow.severity, *sums)
        .where(AlarmRow.system == system, AlarmRow.closed_at.is_(None), AlarmRow.raised_at.is_not(None))
        .group_by(AlarmRow.severity)
    )
    rows = session.execute(query).all()
    by_severity = {row[0]: (int(row[1]), int(row[2])) for row in rows}
    return by_severity, (sum(row[3] for row in rows), sum(row[4] for row in rows), sum(row[5] for row in rows))


def heartbeats(session: Session) -> list[Heartbeat]:
    """Return the last sign of life of every flow."""
    query = select(HeartbeatRow).order_by(HeartbeatRow.system, HeartbeatRow.flow)
    return [
        Heartbeat(row.system, row.flow, row.at, row.ok, row.detail, row.last_success_at, row.last_failure_at)
        for row in session.scalars(query)
    ]
