"""Stepping an alarm of the store: the pure lifecycle on its row, its changes appended to the history.

Before an alarm is stepped it is looked up what guidance says of its cause (notices ask nobody) and what holds it back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.alarms.events import Change, Event, Inhibit, Judged, Release
from core.alarms.guidance import topic
from core.alarms.inhibition import Concerned, Standing, why_held
from core.alarms.lifecycle import step
from core.alarms.severity import Severity
from core.alarms.state import AlarmState, Phase
from core.contracts import AlarmRule
from core.store import guidance_log
from core.store.alarm_rows import apply, change_view, is_of_watch, state_of
from core.store.console_models import CircumstanceRow
from core.store.models import AlarmEventRow, AlarmRow, VerdictRow
from core.store.views import AlarmChange


@dataclass(slots=True)
class Turn:
    """One system's turn at writing: steps its alarms within a transaction.

    ``dropped`` holds those that began and came to nothing meanwhile.
    """

    session: Session
    system: str
    rule: AlarmRule
    standing: list[Standing]
    dropped: set[int] = field(default_factory=set)

    @classmethod
    def begin(cls, session: Session, system: str, rule: AlarmRule) -> "Turn":
        """Begin with what holds alarms of the system back now."""
        return cls(session, system, rule, standing(session, system))

    def step(self, row: AlarmRow, event: Event, observation_id: int | None = None) -> list[AlarmChange]:
        """Step an alarm, after it was inhibited or released if that is due."""
        if isinstance(event, Judged) and event.severity is not Severity.OK:
            tag(self.session, row, max(event.severity, row.severity))
        due = self._due(row, event)
        changes = step_row(self.session, row, [*due, event], self.rule, observation_id)
        if row not in self.session:
            self.dropped.add(row.id)
        return changes

    def is_open(self, row: AlarmRow) -> bool:
        """Whether an alarm that was stepped still is."""
        return row in self.session and row.closed_at is None

    def _due(self, row: AlarmRow, event: Event) -> list[Event]:
        current = event.severity if isinstance(event, Judged) else row.current
        why = why_held(concerned(row, current), self.standing)
        if why == (row.inhibited_by or ""):
            return []
        return [Inhibit(event.at, why) if why else Release(event.at)]


def standing(session: Session, system: str) -> list[Standing]:
    """Return what holds alarms of a system back now."""
    rows = session.scalars(select(CircumstanceRow).where(CircumstanceRow.system == system))
    return [
        Standing(row.name, row.subject, row.reason, row.since, None if row.kinds is None else frozenset(row.kinds))
        for row in rows
    ]


def concerned(row: AlarmRow, current: Severity) -> Concerned:
    """Return what matters of an alarm for what may hold it back."""
    return Concerned(row.subject or row.element, row.kind, current, row.raised_at, is_of_watch(row))


def tag(session: Session, row: AlarmRow, severity: Severity) -> None:
    """Note what guidance says of the cause of an alarm: whether it needs anybody, and how soon."""
    found = guidance_log.newest(session, row.system, topic(row.cause, severity, of_watch=is_of_watch(row)))
    row.is_notice = found is not None and not found.needs_action
    row.respond_s = None if found is None or found.respond_min is None else found.respond_min * 60


def step_row(
    session: Session, row: AlarmRow, events: Sequence[Event], rule: AlarmRule, observation_id: int | None = None
) -> list[AlarmChange]:
    """Step one alarm and append its changes; an alarm that was never raised and is over leaves nothing behind."""
    state, changes = state_of(row), list[Change]()
    rule = _own_rule(row, rule)
    for event in events:
        state, more = step(state, event, rule)
        changes += more
    apply(row, state, changes)
    session.flush()
    if _came_to_nothing(row, state):
        session.execute(update(VerdictRow).where(VerdictRow.alarm_id == row.id).values(alarm_id=None))
        session.delete(row)
        session.flush()
        return []
    return [_append(session, row, change, observation_id) for change in changes]


def _own_rule(row: AlarmRow, rule: AlarmRule) -> AlarmRule:
    """A notice ends by itself and is never overdue; an expert may have said how soon an alarm needs somebody."""
    if row.is_notice:
        return replace(rule, latch=False, overdue_after_s=None)
    return rule if row.respond_s is None else replace(rule, overdue_after_s=row.respond_s)


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
