"""Between the lifecycle's state and its row."""

from collections.abc import Sequence
from datetime import datetime

from core.alarms.events import Change, ChangeKind
from core.alarms.severity import Severity
from core.alarms.state import AlarmState, Inhibition, Phase, Shelf, Signature
from core.store.models import AlarmEventRow, AlarmRow
from core.store.views import AlarmChange, AlarmView


def new_row(system: str, element: str, shelf: Shelf | None, *, kind: str = "", subject: str | None = None) -> AlarmRow:
    """Return the row of an alarm about to begin; an element that was shelved stays so."""
    row = AlarmRow(system=system, element=element, kind=kind, subject=subject, places=[], message="")
    apply(row, AlarmState(shelf=shelf), ())
    return row


def state_of(row: AlarmRow) -> AlarmState:
    """Return what the lifecycle remembers; of a closed alarm that is nothing."""
    if row.closed_at is not None:
        return AlarmState()
    acknowledged = None
    if row.acknowledged_by is not None and row.acknowledged_at is not None:
        acknowledged = Signature(row.acknowledged_by, row.acknowledged_at)
    return AlarmState(
        current=row.current,
        severity=row.severity,
        bad_since=row.bad_since,
        bad_count=row.bad_count,
        good_count=row.good_count,
        observed_at=row.observed_at,
        raised_at=row.raised_at,
        recovered_at=row.recovered_at,
        acknowledged=acknowledged,
        shelf=_shelf(row),
        inhibited=_inhibition(row),
        asked_at=row.asked_at,
        overdue_at=row.overdue_at,
    )


def is_of_watch(row: AlarmRow) -> bool:
    """Whether an alarm is about the watch itself: a source that is silent, a flow that fails."""
    return row.observation_id is None and not row.kind


def shelf_of(row: AlarmRow, at: datetime) -> Shelf | None:
    """Return the shelf that still holds at ``at``."""
    shelf = _shelf(row)
    return shelf if shelf is not None and at < shelf.until else None


def _shelf(row: AlarmRow) -> Shelf | None:
    if row.shelved_by is None or row.shelved_until is None:
        return None
    return Shelf(row.shelved_by, row.shelved_reason or "", row.shelved_until)


def _inhibition(row: AlarmRow) -> Inhibition | None:
    if row.inhibited_by is None or row.inhibited_at is None:
        return None
    return Inhibition(row.inhibited_by, row.inhibited_at)


def apply(row: AlarmRow, state: AlarmState, changes: Sequence[Change]) -> None:
    """Write the state into its row; a closed alarm keeps what it was."""
    closing = next((change for change in changes if change.kind is ChangeKind.CLEARED), None)
    if closing is not None:
        _close(row, closing.at, changes)
    elif row.closed_at is None:
        _write(row, state)


def _close(row: AlarmRow, at: datetime, changes: Sequence[Change]) -> None:
    row.current = Severity.OK
    row.recovered_at = row.recovered_at or at
    row.closed_at = at
    row.inhibited_by = row.inhibited_at = row.overdue_at = None
    for change in changes:
        if change.kind is ChangeKind.ACKNOWLEDGED:
            row.acknowledged_by, row.acknowledged_at = change.author, change.at
        if change.kind is ChangeKind.UNSHELVED:
            row.shelved_by = row.shelved_reason = row.shelved_until = None


def _write(row: AlarmRow, state: AlarmState) -> None:
    row.current, row.severity = state.current, state.severity
    row.bad_since, row.bad_count, row.good_count = state.bad_since, state.bad_count, state.good_count
    row.observed_at = state.observed_at
    row.raised_at, row.recovered_at = state.raised_at, state.recovered_at
    row.acknowledged_by = state.acknowledged.author if state.acknowledged else None
    row.acknowledged_at = state.acknowledged.at if state.acknowledged else None
    row.shelved_by = state.shelf.author if state.shelf else None
    row.shelved_reason = state.shelf.reason if state.shelf else None
    row.shelved_until = state.shelf.until if state.shelf else None
    row.inhibited_by = state.inhibited.reason if state.inhibited else None
    row.inhibited_at = state.inhibited.since if state.inhibited else None
    row.asked_at, row.overdue_at = state.asked_at, state.overdue_at


def alarm_view(row: AlarmRow) -> AlarmView:
    """Return a raised alarm as the store gives it out."""
    assert row.bad_since is not None
    assert row.raised_at is not None
    return AlarmView(
        id=row.id,
        system=row.system,
        element=row.element,
        severity=row.severity,
        current=row.current,
        phase=Phase.CLEARED if row.closed_at else state_of(row).phase,
        message=row.message,
        count=row.bad_count,
        bad_since=row.bad_since,
        raised_at=row.raised_at,
        recovered_at=row.recovered_at,
        closed_at=row.closed_at,
        acknowledged_by=row.acknowledged_by,
        acknowledged_at=row.acknowledged_at,
        shelved_by=row.shelved_by,
        shelved_until=row.shelved_until,
        shelved_reason=row.shelved_reason,
        observation_id=row.observation_id,
        kind=row.kind,
        places=tuple(row.places),
        cause=row.cause,
        asked_at=row.asked_at,
        overdue_at=row.overdue_at,
        inhibited_by=row.inhibited_by,
        inhibited_at=row.inhibited_at,
        is_notice=row.is_notice,
    )


def change_view(line: AlarmEventRow, system: str, element: str) -> AlarmChange:
    """Return a line of the history as the store gives it out."""
    return AlarmChange(
        id=line.id,
        alarm_id=line.alarm_id,
        system=system,
        element=element,
        kind=line.kind,
        at=line.at,
        severity=line.severity,
        author=line.author,
        note=line.note,
        until=line.until,
        observation_id=line.observation_id,
    )
