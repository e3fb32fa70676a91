"""What was added since one last looked: verdicts and lines of alarm history, system by system.

Writers of one system take turns, so its ids grow in the order in which they are committed: a number is all that has to
be remembered, and each look costs a stretch of an index, however much is stored.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from core.alarms.events import ChangeKind
from core.alarms.severity import Severity
from core.store.engine import Database
from core.store.models import AlarmEventRow, AlarmRow, ObservationRow, VerdictRow
from core.verdict import Quality

AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Added:
    """One verdict. ``stage``: what its observation's conditions call so (of production), empty where none."""

    observation_id: int
    stage: str
    quality: Quality
    observed_at: datetime
    processed_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the history of an alarm."""

    event_id: int
    kind: ChangeKind
    severity: Severity


def newest_observation(database: Database, system: str) -> int:
    """Return the number of the observation of a system that was stored last, 0 if there is none."""
    with database.reading() as session:
        return session.scalar(select(func.max(ObservationRow.id)).where(ObservationRow.system == system)) or 0


def newest_event(database: Database) -> int:
    """Return the number of the newest line of any alarm's history, 0 if there is none."""
    with database.reading() as session:
        return session.scalar(select(func.max(AlarmEventRow.id))) or 0


def verdicts(database: Database, system: str, after: int, limit: int = AT_ONCE) -> list[Added]:
    """Return the verdicts of a system on what was stored after observation ``after``, in that order."""
    query = (
        select(
            ObservationRow.id,
            ObservationRow.conditions["stage"].as_string(),
            VerdictRow.quality,
            ObservationRow.observed_at,
            VerdictRow.processed_at,
        )
        .join(VerdictRow, VerdictRow.observation_id == ObservationRow.id)
        .where(ObservationRow.system == system, ObservationRow.id > after)
        .where(ObservationRow.is_backfill.is_(False))  # its verdicts are of the past
        .where(VerdictRow.observation_id > after)  # or PostgreSQL's merge join reads all verdicts before
        .order_by(ObservationRow.id)
        .limit(limit)
    )
    with database.reading() as session:
        return [
            Added(number, stage or "", quality, observed_at, processed_at)
            for number, stage, quality, observed_at, processed_at in session.execute(query).tuples()
        ]


def events(database: Database, system: str, after: int, limit: int = AT_ONCE) -> list[Line]:
    """Return the lines of the histories of a system's alarms after line ``after``, in order."""
    query = (
        select(AlarmEventRow.id, AlarmEventRow.kind, AlarmEventRow.severity)
        .join(AlarmRow, AlarmRow.id == AlarmEventRow.alarm_id)
        .where(AlarmRow.system == system, AlarmEventRow.id > after)
        .order_by(AlarmEventRow.id)
        .limit(limit)
    )
    with database.reading() as session:
        return [Line(*row) for row in session.execute(query).tuples()]
