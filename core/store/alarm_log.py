"""Alarms in the store: the lifecycle's state in a row per occurrence, its changes in an append-only history."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from core.alarms.events import Acknowledge, Change, Clear, Event, Judged, PersonEvent, Tick
from core.alarms.lifecycle import step
from core.alarms.severity import Severity
from core.alarms.state import AlarmState, Phase, Shelf
from core.contracts import AlarmRule
from core.errors import AlarmError
from core.store.alarm_rows import alarm_view, apply, change_view, new_row, shelf_of, state_of
from core.store.engine import Database
from core.store.models import AlarmEventRow, AlarmRow, VerdictRow
from core.store.types import plain_name
from core.store.views import AlarmChange, AlarmView


@dataclass(slots=True)
class Ledger:
    """The open alarms of one system's elements within a writing transaction (those of incidents: ``incident_log``).

    ``dropped`` holds those that began and came to nothing meanwhile.
    """

    session: Session
    system: str
    rule: AlarmRule
    open_rows: dict[str, AlarmRow] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)

    @classmethod
    def load(cls, session: Session, system: str, elements: Collection[str], rule: AlarmRule) -> "Ledger":
        """Load the open alarms of ``elements``."""
        names = sorted({plain_name(element) for element in elements})
        rows: dict[str, AlarmRow] = {}
        for start in range(0, len(names), 500):
            chosen = AlarmRow.element.in_(names[start : start + 500]) & (AlarmRow.kind == "")
            query = select(AlarmRow).where(AlarmRow.system == system, AlarmRow.closed_at.is_(None), chosen)
            rows |= {row.element: row for row in session.scalars(query)}
        return cls(session, system, rule, rows)

    def judge(
        self, element: str, event: Judged, observation_id: int | None = None
    ) -> tuple[int | None, list[AlarmChange]]:
        """Step the alarm of ``element``; return the alarm that the verdict belongs to, if any, and what changed."""
        element = plain_name(element)
        row = self.open_rows.get(element)
        if event.severity is Severity.OK:
            return None, self._step(row, event, observation_id) if row else []
        if row is None:
            row = new_row(self.system, element, latest_shelf(self.session, self.system, element, event.at))
            self.session.add(row)
            self.open_rows[element] = row
        row.message = event.note
        row.observation_id = observation_id if observation_id is not None else row.observation_id
        changes = self._step(row, event, observation_id)
        return row.id, changes

    def _step(self, row: AlarmRow, event: Event, observation_id: int | None) -> list[AlarmChange]:
        changes = step_row(self.session, row, event, self.rule, observation_id)
        if row not in self.session:
            self.dropped.add(row.id)
        if row.closed_at is not None or row not in self.session:
            del self.open_rows[row.element]
        return changes


def latest_shelf(session: Session, system: str, element: str, at: datetime, kind: str = "") -> Shelf | None:
    """Return the shelf that the last alarm of ``element`` was put on, if it still holds."""
    query = select(AlarmRow).where(AlarmRow.system == system, AlarmRow.element == element, AlarmRow.kind == kind)
    row = session.scalar(query.order_by(AlarmRow.id.desc()).limit(1))
    return shelf_of(row, at) if row else None


def step_row(
    session: Session, row: AlarmRow, event: Event, rule: AlarmRule, observation_id: int | None = None
) -> list[AlarmChange]:
    """Step one alarm and append its changes; an alarm that was never raised and is over leaves nothing behind."""
    state, changes = step(state_of(row), event, rule)
    apply(row, state, changes)
    session.flush()
    if _came_to_nothing(row, state):
        session.execute(update(VerdictRow).where(VerdictRow.alarm_id == row.id).values(alarm_id=None))
        session.delete(row)
        session.flush()
        return []
    return [_append(session, row, change, observation_id) for change in changes]


def _came_to_nothing(row: AlarmRow, state: AlarmState) -> bool:
    return row.raised_at is None and state.phase is Phase.NORMAL


def _append(session: Session, row: AlarmRow, change: Change, observation_id: int | None) -> AlarmChange:
    line = AlarmEventRow(
        alarm_id=row.id,
        kind=change.kind,
        at=change.at,
        severity=change.severity,
        author=change.author,
        note=change.note,
        until=change.until,
        observation_id=observation_id,
    )
    session.add(line)
    session.flush()
    return change_view(line, row.system, row.element)


def tick(database: Database, now: datetime, rules: Mapping[str, AlarmRule]) -> list[AlarmChange]:
    """Let time pass for every alarm that waits for it, system by system."""
    waits = or_(AlarmRow.raised_at.is_(None), AlarmRow.shelved_until <= now)
    query = select(AlarmRow).where(AlarmRow.closed_at.is_(None), waits)
    with database.reading() as session:
        systems = sorted({row.system for row in session.scalars(query)})
    changes: list[AlarmChange] = []
    for system in systems:
        with database.writing(system) as session:
            for row in session.scalars(query.where(AlarmRow.system == system)).all():
                changes += step_row(session, row, Tick(now), rules.get(system, AlarmRule()))
    return changes


def act(database: Database, alarm_id: int, event: PersonEvent) -> AlarmView:
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
            step_row(session, row, event, AlarmRule())
        except AlarmError as error:
            raise AlarmError(f"alarm {alarm_id} ({row.system} {row.element}): {error}") from None
        return alarm_view(row)


def close_by_decision(session: Session, row: AlarmRow, author: str, note: str, at: datetime) -> list[AlarmChange]:
    """Clear and acknowledge an alarm in the name of the person who decided on what it was raised for."""
    rule, state = AlarmRule(), state_of(row)
    changes: list[AlarmChange] = []
    if state.current is not Severity.OK:
        changes += step_row(session, row, Clear(at, author, note), rule)
    if not state.acknowledged:
        changes += step_row(session, row, Acknowledge(at, author, note), rule)
    return changes
