"""How things stand now, in numbers for a site's own monitoring: index lookups alone, however much is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, and_, case, func, select, text
from sqlalchemy.orm import Session

from core.alarms.severity import Severity
from core.store.console_models import NotificationRow
from core.store.engine import Database
from core.store.models import AlarmRow, ObservationRow, VerdictRow
from core.store.overview import newest_times, usual_gap_s


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest data of a system. ``lag_s``: how long after its observation the newest verdict was given."""

    observed_at: datetime
    processed_at: datetime
    lag_s: float
    usual_gap_s: float | None


@dataclass(frozen=True, slots=True)
class OpenAlarms:
    """How many open alarms of a severity ask for somebody, and how many are set apart (each alarm counts once)."""

    system: str
    severity: Severity
    asking: int
    unacknowledged: int
    overdue: int
    shelved: int
    held_back: int
    notices: int


@dataclass(frozen=True, slots=True)
class Outbox:
    """How many notifications of a channel wait, how many of these failed at least once, how many were given up."""

    waiting: int
    failing: int
    given_up: int
    last_sent_at: datetime | None


def newest(session: Session, system: str) -> Newest | None:
    """Return the newest data of a system, None if it never gave any."""
    times = newest_times(session, system)
    query = (
        select(ObservationRow.observed_at, VerdictRow.processed_at)
        .join(VerdictRow, VerdictRow.observation_id == ObservationRow.id)
        .where(VerdictRow.system == system)
        .order_by(VerdictRow.processed_at.desc())
        .limit(1)
    )
    row = session.execute(query).tuples().one_or_none()
    if row is None or not times:
        return None
    observed_at, processed_at = row
    return Newest(times[0], processed_at, (processed_at - observed_at).total_seconds(), usual_gap_s(times))


def open_alarms(session: Session, now: datetime) -> list[OpenAlarms]:
    """Return the open alarms of all systems, counted."""
    shelved = and_(AlarmRow.shelved_until.is_not(None), AlarmRow.shelved_until > now)
    held_back = and_(~shelved, AlarmRow.inhibited_by.is_not(None))
    notice = and_(~shelved, AlarmRow.inhibited_by.is_(None), AlarmRow.is_notice)
    asking = and_(~shelved, AlarmRow.inhibited_by.is_(None), ~AlarmRow.is_notice)
    unseen = and_(asking, AlarmRow.acknowledged_at.is_(None))
    chosen = (asking, unseen, and_(unseen, AlarmRow.overdue_at.is_not(None)), shelved, held_back, notice)
    query = (
        select(AlarmRow.system, AlarmRow.severity, *map(_count, chosen))
        .where(AlarmRow.closed_at.is_(None), AlarmRow.raised_at.is_not(None))
        .group_by(AlarmRow.system, AlarmRow.severity)
    )
    return [OpenAlarms(row[0], row[1], *map(int, row[2:])) for row in session.execute(query)]


def outbox(session: Session, channels: Sequence[str]) -> dict[str, Outbox]:
    """Return how the notifications of each channel go."""
    left = and_(NotificationRow.sent_at.is_(None), NotificationRow.given_up_at.is_(None))
    given_up = NotificationRow.given_up_at.is_not(None)
    chosen = (left, and_(left, NotificationRow.attempts > 0), given_up)
    found = {}
    for channel in channels:
        of_channel = NotificationRow.channel == channel
        query = select(*map(_count, chosen)).where(of_channel, NotificationRow.sent_at.is_(None))
        waiting, failing, lost = (int(number or 0) for number in session.execute(query).one())
        last = session.scalar(select(func.max(NotificationRow.sent_at)).where(of_channel))
        found[channel] = Outbox(waiting, failing, lost, last)
    return found


def size_bytes(database: Database) -> int:
    """Return how much disk the database takes: of SQLite its file and log, of PostgreSQL what the server says."""
    if database.engine.dialect.name == "postgresql":
        with database.reading() as session:
            return int(session.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    file = str(database.engine.url.database)
    parts = [Path(f"{file}{ending}") for ending in ("", "-wal", "-shm")]
    return sum(part.stat().st_size for part in parts if part.exists())


def _count(chosen: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((chosen, 1), else_=0))
