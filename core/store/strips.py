"""What the strips of the overview are drawn from: verdicts counted by short periods, and the spans of alarms."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import BigInteger, ColumnElement, cast, func, or_, select
from sqlalchemy.orm import Session

from core.alarms.inhibition import SOURCE
from core.alarms.severity import Severity
from core.store.alarm_rows import is_of_watch
from core.store.drill_marks import real_quality, revealed_alarms
from core.store.engine import Database
from core.store.models import AlarmRow, ObservationRow, VerdictRow
from core.verdict import Quality

PERIOD_S = 300


@dataclass(frozen=True, slots=True)
class Period:
    """How many observations of a short time were judged how."""

    begins: datetime
    counts: Mapping[Quality, int]


@dataclass(frozen=True, slots=True)
class AlarmSpan:
    """For how long an alarm asked or lasted (``ends`` None: still). ``unknown``: nothing was known meanwhile."""

    begins: datetime
    ends: datetime | None
    severity: Severity
    unknown: bool


def periods(database: Database, system: str, begins: datetime, ends: datetime) -> list[Period]:
    """Return the periods of a span of time in which anything was observed, in order; of drills that are over as it was.

    The database counts: a stretch of the index by system and time, and one row of each observation in it.
    """
    with database.reading() as session:
        number, quality = _number(session), func.coalesce(real_quality(), VerdictRow.quality)
        query = (
            select(number, quality, func.count())
            .join(VerdictRow, VerdictRow.observation_id == ObservationRow.id)
            .where(ObservationRow.system == system)
            .where(ObservationRow.observed_at >= begins, ObservationRow.observed_at < ends)
            .group_by(number, quality)
        )
        found: dict[int, dict[Quality, int]] = {}
        for at, told, count in session.execute(query).tuples():
            found.setdefault(int(at), {})[told] = count
    return [Period(datetime.fromtimestamp(at * PERIOD_S, UTC), found[at]) for at in sorted(found)]


def alarm_spans(database: Database, begins: datetime) -> dict[str, list[AlarmSpan]]:
    """Return the alarms that lasted at some time since an instant, by system; none that needed nobody, none of drills
    that are over."""
    query = (
        select(AlarmRow)
        .where(AlarmRow.raised_at.is_not(None), AlarmRow.is_notice.is_(False), AlarmRow.inhibited_by.is_(None))
        .where(or_(AlarmRow.closed_at.is_(None), AlarmRow.closed_at >= begins))
        .where(AlarmRow.id.not_in(revealed_alarms()))
        .order_by(AlarmRow.id)
    )
    found: dict[str, list[AlarmSpan]] = {}
    with database.reading() as session:
        for row in session.scalars(query):
            span = _span(row)
            if span.ends is None or span.ends >= begins:
                found.setdefault(row.system, []).append(span)
    return found


def _span(row: AlarmRow) -> AlarmSpan:
    began = row.bad_since if row.bad_since is not None else row.raised_at
    if began is None:
        raise ValueError(f"alarm {row.id} was never raised")
    unknown = row.severity >= Severity.INVALID or row.element.startswith(SOURCE) or is_of_watch(row)
    return AlarmSpan(began, row.recovered_at or row.closed_at, row.severity, unknown)


def _number(session: Session) -> ColumnElement[int]:
    """The number of the period in which an observation was made."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(func.floor(func.extract("epoch", ObservationRow.observed_at) / PERIOD_S), BigInteger)
    return cast(func.strftime("%s", ObservationRow.observed_at), BigInteger) // PERIOD_S
