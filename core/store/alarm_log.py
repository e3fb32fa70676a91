"""Alarms in the store: the lifecycle's state in a row per occurrence, its changes in an append-only history."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from core.alarms.events import Acknowledge, Clear, Judged, PersonEvent, Tick
from core.alarms.guidance import topic
from core.alarms.severity import Severity
from core.alarms.state import Shelf
from core.contracts import AlarmRule
from core.errors import AlarmError
from core.store import audit
from core.store.alarm_rows import alarm_view, is_of_watch, new_row, shelf_of, state_of
from core.store.audit import Deed
from core.store.engine import Database
from core.store.models import AlarmRow
from core.store.stepping import Turn, step_row, tag
from core.store.types import plain_name
from core.store.views import AlarmChange, AlarmView


@dataclass(slots=True)
class Ledger:
    """The open alarms of one system's elements (those of incidents: ``incident_log``)."""

    turn: Turn
    open_rows: dict[str, AlarmRow] = field(default_factory=dict)

    @classmethod
    def load(cls, turn: Turn, elements: Collection[str]) -> "Ledger":
        """Load the open alarms of ``elements``."""
        names = sorted({plain_name(element) for element in elements})
        rows: dict[str, AlarmRow] = {}
        for start in range(0, len(names), 500):
            chosen = AlarmRow.element.in_(names[start : start + 500]) & (AlarmRow.kind == "")
            query = select(AlarmRow).where(AlarmRow.system == turn.system, AlarmRow.closed_at.is_(None), chosen)
            rows |= {row.element: row for row in turn.session.scalars(query)}
        return cls(turn, rows)

    def judge(
        self, element: str, event: Judged, observation_id: int | None = None
    ) -> tuple[int | None, list[AlarmChange]]:
        """Step the alarm of ``element``; return the alarm that the verdict belongs to, if any, and what changed."""
        element = plain_name(element)
        row = self.open_rows.get(element)
        if row is None and event.severity is Severity.OK:
            return None, []
        if row is None:
            shelf = latest_shelf(self.turn.session, self.turn.system, element, event.at)
            row = self.open_rows[element] = new_row(self.turn.system, element, shelf)
            self.turn.session.add(row)
        if event.severity is not Severity.OK:
            row.message = event.note
            row.observation_id = observation_id if observation_id is not None else row.observation_id
        changes = self.turn.step(row, event, observation_id)
        if not self.turn.is_open(row):
            del self.open_rows[element]
        return (None if event.severity is Severity.OK else row.id), changes


def latest_shelf(session: Session, system: str, element: str, at: datetime, kind: str = "") -> Shelf | None:
    """Return the shelf that the last alarm of ``element`` was put on, if it still holds."""
    query = select(AlarmRow).where(AlarmRow.system == system, AlarmRow.element == element, AlarmRow.kind == kind)
    row = session.scalar(query.order_by(AlarmRow.id.desc()).limit(1))
    return shelf_of(row, at) if row else None


def tick(database: Database, now: datetime, rules: Mapping[str, AlarmRule]) -> list[AlarmChange]:
    """Let time pass for every alarm that waits for it, system by system.

    Where rules are told, only for their systems: what is pending in another one waits for more than any rule knows.
    """
    query = select(AlarmRow).where(
        AlarmRow.closed_at.is_(None),
        or_(AlarmRow.raised_at.is_(None), AlarmRow.shelved_until <= now, _may_be_overdue(now, rules)),
    )
    with database.reading() as session:
        systems = sorted({row.system for row in session.scalars(query) if not rules or row.system in rules})
    changes: list[AlarmChange] = []
    for system in systems:
        with database.writing(system) as session:
            turn = Turn.begin(session, system, rules.get(system, AlarmRule()))
            for row in session.scalars(query.where(AlarmRow.system == system)).all():
                changes += turn.step(row, Tick(now))
    return changes


def _may_be_overdue(now: datetime, rules: Mapping[str, AlarmRule]) -> ColumnElement[bool]:
    """What asks for somebody since long enough for the strictest rule, or has a time of its own by its guidance."""
    waits = [rule.overdue_after_s for rule in (AlarmRule(), *rules.values()) if rule.overdue_after_s is not None]
    long = AlarmRow.asked_at <= now - timedelta(seconds=min(waits))
    asking = (AlarmRow.current != Severity.OK) & AlarmRow.acknowledged_at.is_(None) & AlarmRow.inhibited_by.is_(None)
    return and_(asking, AlarmRow.overdue_at.is_(None), or_(long, AlarmRow.respond_s.is_not(None)))


def follow_guidance(session: Session, system: str, name: str, at: datetime) -> None:
    """Let open alarms of a cause follow what was just written about it: a notice whose cause is over ends."""
    turn = Turn.begin(session, system, AlarmRule(overdue_after_s=None))
    query = select(AlarmRow).where(AlarmRow.system == system, AlarmRow.closed_at.is_(None))
    for row in session.scalars(query).all():
        if topic(row.cause, row.severity, of_watch=is_of_watch(row)) == name:
            tag(session, row, row.severity)
            turn.step(row, Tick(at))


def act(database: Database, alarm_id: int, event: PersonEvent, deed: Deed | None = None) -> AlarmView:
    """Do what a person asked with an alarm."""
    with database.reading() as session:
        system = session.scalar(select(AlarmRow.system).where(AlarmRow.id == alarm_id))
    if system is None:
        raise AlarmError(f"there is no alarm {alarm_id}")
    with database.writing(system) as session:
        row = session.get(AlarmRow, alarm_id)
        if row is None or row.raised_at is None:
            raise AlarmError(f"there is no alarm {alarm_id}")
        try:
            step_row(session, row, [event], AlarmRule())
        except AlarmError as error:
            raise AlarmError(f"alarm {alarm_id} ({row.system} {row.element}): {error}") from None
        audit.write(session, deed, system)
        return alarm_view(row)


def close_by_decision(session: Session, row: AlarmRow, author: str, note: str, at: datetime) -> list[AlarmChange]:
    """Clear and acknowledge an alarm in the name of the person who decided on what it was raised for."""
    rule, state = AlarmRule(), state_of(row)
    changes: list[AlarmChange] = []
    if state.current is not Severity.OK:
        changes += step_row(session, row, [Clear(at, author, note)], rule)
    if not state.acknowledged and row.closed_at is None:
        changes += step_row(session, row, [Acknowledge(at, author, note)], rule)
    return changes
