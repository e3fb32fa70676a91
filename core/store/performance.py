"""What a model gave of late: scores, p-values and measurements of its newest verdicts, and the alarms it raised."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, cast, func, select
from sqlalchemy.orm import Session

from core.store.drill_marks import altered, revealed_alarms
from core.store.engine import Database
from core.store.models import AlarmRow, FeedbackRow, VerdictRow
from core.store.views import Judgement
from core.verdict import Model, Quality

PERIOD_S = 600


@dataclass(frozen=True, slots=True)
class Given:
    """One verdict as the figures of a model need it."""

    observed_at: datetime
    quality: Quality
    score: float | None
    p_value: float | None
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Raised:
    """Alarms that a model raised, by what people said of them (None: nothing)."""

    counts: Mapping[Judgement | None, int]

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Last:
    """Which model gave the newest verdict, and when."""

    model: Model
    processed_at: datetime


def last(database: Database, system: str) -> Last | None:
    """Return which model judges a system by its newest verdict, None if no model ever did."""
    query = (
        select(VerdictRow.processed_at, VerdictRow.model_name, VerdictRow.model_version)
        .where(VerdictRow.system == system, VerdictRow.model_name.is_not(None))
        .order_by(VerdictRow.processed_at.desc())
        .limit(1)
    )
    with database.reading() as session:
        row = session.execute(query).tuples().one_or_none()
    return None if row is None else Last(Model(str(row[1]), str(row[2])), row[0])


def newest(database: Database, system: str, model: Model, limit: int) -> list[Given]:
    """Return the newest verdicts of a model, oldest first."""
    return _given(database, system, model, limit, None)


def earliest(database: Database, system: str, model: Model, limit: int, since: datetime) -> list[Given]:
    """Return the first verdicts of a model since an instant, oldest first."""
    return _given(database, system, model, limit, since)


def raised(database: Database, system: str, model: Model, since: datetime) -> Raised:
    """Return how many alarms a model raised since an instant, by the newest answer on each."""
    with database.reading() as session:
        return _raised(session, system, model, since)


def observed(database: Database, system: str, since: datetime) -> tuple[int, int]:
    """Return how many verdicts a system has since an instant, and in how many ten minutes there were some.

    Counted by the database in one index.
    """
    with database.reading() as session:
        period = _period(session)
        query = select(func.count(), func.count(period.distinct()))
        query = query.where(VerdictRow.system == system, VerdictRow.processed_at >= since)
        count, periods = session.execute(query).tuples().one()
    return int(count), int(periods)


def _period(session: Session) -> ColumnElement[int]:
    """The number of the ten minutes in which a verdict was given."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(func.floor(func.extract("epoch", VerdictRow.processed_at) / PERIOD_S), BigInteger)
    return cast(func.strftime("%s", VerdictRow.processed_at), BigInteger) // PERIOD_S


def _given(database: Database, system: str, model: Model, limit: int, since: datetime | None) -> list[Given]:
    order = VerdictRow.processed_at.desc() if since is None else VerdictRow.processed_at.asc()
    query = (
        select(
            VerdictRow.processed_at,
            VerdictRow.quality,
            VerdictRow.score,
            VerdictRow.p_value,
            VerdictRow.measurements,
        )
        .where(VerdictRow.system == system)
        .where(VerdictRow.model_name == model.name, VerdictRow.model_version == model.version)
        .where(VerdictRow.observation_id.not_in(altered()))
        .order_by(order)
        .limit(limit)
    )
    if since is not None:
        query = query.where(VerdictRow.processed_at >= since)
    with database.reading() as session:
        rows = session.execute(query).tuples().all()
    found = [Given(at, quality, score, p, _values(told)) for at, quality, score, p, told in rows]
    return found[::-1] if since is None else found


def _values(measurements: Mapping[str, Mapping[str, object]]) -> dict[str, float]:
    found = {}
    for name, one in measurements.items():
        value = one.get("value")
        if isinstance(value, int | float):
            found[name] = float(value)
    return found


def _raised(session: Session, system: str, model: Model, since: datetime) -> Raised:
    newest = (
        select(FeedbackRow.judgement)
        .where(FeedbackRow.alarm_id == AlarmRow.id, FeedbackRow.region_index.is_(None))
        .order_by(FeedbackRow.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(newest.label("said"), func.count())
        .select_from(AlarmRow)
        .join(VerdictRow, VerdictRow.observation_id == AlarmRow.observation_id)
        .where(AlarmRow.system == system, AlarmRow.raised_at >= since, AlarmRow.is_notice.is_(False))
        .where(VerdictRow.model_name == model.name, VerdictRow.model_version == model.version)
        .where(VerdictRow.quality != Quality.NULL, AlarmRow.id.not_in(revealed_alarms()))
        .group_by("said")
    )
    return Raised(dict(session.execute(query).tuples().all()))
