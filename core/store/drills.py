"""Drills in the store: asked for, marked with every altered observation, revealed with what came of them.

Until ``revealed_at`` nothing outside this module tells of a drill; what others leave out, and from when on, is in
``core.store.drill_marks``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.alarms.events import ChangeKind, Comment
from core.contracts import AlarmRule, Settled
from core.errors import DrillError, StoreError
from core.shifts import Span
from core.store import audit
from core.store.alarm_log import close_by_decision
from core.store.audit import Deed
from core.store.drill_marks import SUBJECT
from core.store.drill_models import DrillAlarmRow, DrillObservationRow, DrillRow
from core.store.drill_scores import DrillResult, Sighted, scored
from core.store.engine import Database
from core.store.models import AlarmEventRow, AlarmRow, FeedbackRow
from core.store.stepping import step_row


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for; ``causes`` are the names that are right."""

    system: str
    fault: str
    title: str
    causes: tuple[str, ...]
    seed: int
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class DrillView:
    """One drill; ``place`` is known once it has begun, ``result`` once it is revealed."""

    id: int
    asked: Asked
    author: str
    asked_at: datetime
    ends_by: datetime
    place: str
    started_at: datetime | None
    revealed_at: datetime | None
    ending: str
    result: DrillResult | None


def ask(database: Database, asked: Asked, author: str, at: datetime, deed: Deed) -> int:
    """Enter a drill; DrillError if one of this system goes on."""
    with database.writing(asked.system) as session:
        if _running(session, asked.system) is not None:
            raise DrillError(f"a drill of {asked.system} goes on; end it first: shiftwatch drill --end")
        row = DrillRow(
            system=asked.system, fault=asked.fault, title=asked.title, causes=list(asked.causes), seed=asked.seed,
            author=author, asked_at=at, ends_by=at + asked.lasts, place="", started_at=None, revealed_at=None,
            ending="", result={},
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.write(session, _named(deed, row), asked.system)
        return row.id


def running(database: Database, system: str) -> DrillView | None:
    """Return the drill of a system that is not revealed yet."""
    with database.reading() as session:
        row = _running(session, system)
        return None if row is None else _view(row)


def all_running(database: Database) -> list[DrillView]:
    """Return every drill that is not revealed yet: for those who end them, never for a page."""
    query = select(DrillRow).where(DrillRow.revealed_at.is_(None)).order_by(DrillRow.id)
    with database.reading() as session:
        return [_view(row) for row in session.scalars(query)]


def begun(database: Database, number: int, place: str, at: datetime) -> None:
    """Note that the first observation was altered, and where."""
    with database.writing(f"drill {number}") as session:
        row = session.get(DrillRow, number)
        if row is not None and row.started_at is None:
            row.place, row.started_at = place, at


def revealed(database: Database, limit: int = 20, within: Span | None = None) -> list[DrillView]:
    """Return drills that are over, newest first; ``within``: those that were asked for in a span."""
    query = select(DrillRow).where(DrillRow.revealed_at.is_not(None)).order_by(DrillRow.id.desc()).limit(limit)
    if within is not None:
        query = query.where(DrillRow.asked_at >= within.begins, DrillRow.asked_at < within.ends)
    with database.reading() as session:
        return [_view(row) for row in session.scalars(query)]


def reveal(database: Database, number: int, at: datetime, ending: str, deed: Deed | None = None) -> DrillView:
    """End a drill and tell: mark its alarms, keep what came of it, close what is still open; once only."""
    with database.reading() as session:
        system = session.scalar(select(DrillRow.system).where(DrillRow.id == number))
    if system is None:
        raise DrillError(f"there is no drill {number}")
    with database.writing(system) as session:
        row = session.get(DrillRow, number)
        if row is None or row.revealed_at is not None:
            raise DrillError(f"drill {number} is over already")
        alarms = _alarms(session, row)
        row.result = scored(row.causes, row.started_at, [_sighted(session, one) for one in alarms]).to_json()
        row.revealed_at, row.ending = at, ending
        session.add_all(DrillAlarmRow(alarm_id=one.id, drill_id=number) for one in alarms)
        session.flush()
        for one in alarms:
            _close(session, one, row, at)
        audit.write(session, None if deed is None else _named(deed, row), system)
        return _view(row)


def reveal_due(database: Database, now: datetime) -> list[DrillView]:
    """Reveal what has lasted as long as it was to."""
    due = [one for one in all_running(database) if one.ends_by <= now]
    return [reveal(database, one.id, now, "its time was over") for one in due]


def goes_on(session: Session, item: Settled) -> bool:
    """Whether the drill that altered it, if any did, is not revealed, in the transaction that asks."""
    if item.altered is None:
        return True
    row = session.get(DrillRow, item.altered.drill)
    return row is not None and row.revealed_at is None


def mark(session: Session, settled: Mapping[int, Settled]) -> None:
    """Mark the observations that a drill altered, with the verdict on each as it came.

    Raises
    ------
    StoreError
        It was revealed since the batch was looked through: to be tried again.
    """
    for number, item in settled.items():
        if item.altered is None:
            continue
        if not goes_on(session, item):
            raise StoreError(f"observation {number}: its drill was revealed meanwhile")
        real = item.altered.untouched.verdict
        row = DrillObservationRow(
            observation_id=number, drill_id=item.altered.drill, quality=real.quality, verdict=real.to_json()
        )
        session.add(row)
    session.flush()


def _named(deed: Deed, row: DrillRow) -> Deed:
    return replace(deed, subject=f"{SUBJECT}{row.id}")


def _running(session: Session, system: str) -> DrillRow | None:
    query = select(DrillRow).where(DrillRow.system == system, DrillRow.revealed_at.is_(None))
    return session.scalar(query.order_by(DrillRow.id.desc()).limit(1))


def _alarms(session: Session, row: DrillRow) -> Sequence[AlarmRow]:
    """Return the alarms that an altered observation raised."""
    mine = select(DrillObservationRow.observation_id).where(DrillObservationRow.drill_id == row.id)
    raised = (
        select(AlarmEventRow.alarm_id)
        .where(AlarmEventRow.kind == ChangeKind.RAISED)
        .where(AlarmEventRow.observation_id.in_(mine))
    )
    return session.scalars(select(AlarmRow).where(AlarmRow.id.in_(raised)).order_by(AlarmRow.id)).all()


def _sighted(session: Session, row: AlarmRow) -> Sighted:
    """Return what is known of one of its alarms, with the last answer on it."""
    said = session.scalar(
        select(FeedbackRow)
        .where(FeedbackRow.alarm_id == row.id, FeedbackRow.region_index.is_(None))
        .order_by(FeedbackRow.id.desc())
        .limit(1)
    )
    return Sighted(
        row.id,
        row.raised_at,
        row.cause,
        row.acknowledged_at,
        row.acknowledged_by,
        None if said is None else said.judgement,
        None if said is None else said.cause,
    )


def _close(session: Session, alarm: AlarmRow, row: DrillRow, at: datetime) -> None:
    """Say in its history that it was a drill, and leave nobody anything to do."""
    author, note = f"drill of {row.author}", f"this was a drill: {row.title}"
    step_row(session, alarm, [Comment(at, author, note)], AlarmRule())
    if alarm.closed_at is None:
        close_by_decision(session, alarm, author, "the drill is over", at)


def _view(row: DrillRow) -> DrillView:
    asked = Asked(row.system, row.fault, row.title, tuple(row.causes), row.seed, row.ends_by - row.asked_at)
    result = None if row.revealed_at is None else DrillResult.from_json(row.result)
    return DrillView(
        row.id, asked, row.author, row.asked_at, row.ends_by, row.place, row.started_at, row.revealed_at, row.ending,
        result,
    )  # fmt: skip
