"""The lifecycle of one alarm: a pure function from state and event to state and changes.

Words and behaviour are those of EPICS/Phoebus (severity, latch, delay, count) and ISA-18.2 (acknowledge, shelve).
An alarm is raised once bad verdicts persisted, keeps its highest severity until what caused it is over (good verdicts
persisted) *and* a person acknowledged it, in either order, and re-opens when it gets worse than what was acknowledged.
"""

from dataclasses import replace
from datetime import timedelta

from core.alarms.events import (
    Acknowledge,
    Change,
    ChangeKind,
    Clear,
    Comment,
    Event,
    Judged,
    PersonEvent,
    Shelve,
    Tick,
    Unshelve,
)
from core.alarms.severity import Severity
from core.alarms.state import AlarmState, Shelf, Signature
from core.contracts import AlarmRule
from core.errors import AlarmError
from core.verdict import Quality

Step = tuple[AlarmState, tuple[Change, ...]]


def severity_of(quality: Quality, rule: AlarmRule) -> Severity:
    """Return what a verdict of ``quality`` counts as; what the rule does not list is no alarm."""
    return rule.severities.get(quality, Severity.OK)


def step(state: AlarmState, event: Event, rule: AlarmRule | None = None) -> Step:
    """Return the state after ``event`` and what changed, in order.

    Raises
    ------
    AlarmError
        If a person asks for what the state does not allow; the state is then as before.
    """
    rule = rule or AlarmRule()
    state, returned = _return_from_shelf(state, event)
    match event:
        case Judged() if event.severity is Severity.OK:
            after, changes = _good(state, event, rule)
        case Judged():
            after, changes = _bad(state, event, rule)
        case Tick():
            after, changes = _time_passed(state, event, rule)
        case _:
            after, changes = _person(state, event, rule)
    return after, returned + changes


def _return_from_shelf(state: AlarmState, event: Event) -> Step:
    if state.shelf is None or event.at < state.shelf.until:
        return state, ()
    after = replace(state, shelf=None)
    if not state.is_raised:
        return after, ()
    return after, (Change(ChangeKind.UNSHELVED, event.at, state.severity, note="the shelf expired"),)


def _good(state: AlarmState, event: Judged, rule: AlarmRule) -> Step:
    if state.observed_at is not None and event.observed_at < state.observed_at:
        return state, ()
    if not state.is_raised:
        return AlarmState(shelf=state.shelf), ()
    if state.current is Severity.OK and rule.latch:
        return state, ()
    if state.good_count + 1 < rule.clear_count:
        return replace(state, good_count=state.good_count + 1), ()
    return _recover(state, Change(ChangeKind.RECOVERED, event.at, state.severity, note=event.note), rule)


def _recover(state: AlarmState, change: Change, rule: AlarmRule) -> Step:
    after = replace(state, current=Severity.OK, recovered_at=change.at, good_count=0)
    return _close(after, change) if state.acknowledged or not rule.latch else (after, (change,))


def _close(state: AlarmState, last: Change) -> Step:
    return AlarmState(shelf=state.shelf), (last, Change(ChangeKind.CLEARED, last.at, state.severity))


def _bad(state: AlarmState, event: Judged, rule: AlarmRule) -> Step:
    began = event.since or event.observed_at
    counted = replace(
        state,
        current=event.severity,
        bad_count=state.bad_count + 1,
        good_count=0,
        bad_since=min(state.bad_since or began, began),
        observed_at=max(state.observed_at or event.observed_at, event.observed_at),
    )
    if not state.is_raised:
        return _raise_if_due(counted, event, rule)
    return _worse_or_better(state, counted, event, rule)


def _raise_if_due(state: AlarmState, event: Judged | Tick, rule: AlarmRule) -> Step:
    now = event.observed_at if isinstance(event, Judged) else event.at
    if not _is_due(state, now - (state.bad_since or now), rule):
        return state, ()
    after = replace(state, severity=state.current, raised_at=event.at)
    note = event.note if isinstance(event, Judged) else f"bad for more than {rule.delay_s:g} s"
    return after, (Change(ChangeKind.RAISED, event.at, after.severity, note=note),)


def _is_due(state: AlarmState, bad_for: timedelta, rule: AlarmRule) -> bool:
    if rule.delay_s > 0 and bad_for >= timedelta(seconds=rule.delay_s):
        return True
    count = rule.counts.get(state.current, rule.count)
    return state.bad_count >= count and (count > 1 or rule.delay_s <= 0)


def _worse_or_better(before: AlarmState, state: AlarmState, event: Judged, rule: AlarmRule) -> Step:
    changes: list[Change] = []
    if before.current is Severity.OK:
        state = replace(state, recovered_at=None)
        changes.append(Change(ChangeKind.RELAPSED, event.at, event.severity, note=event.note))
    if event.severity > before.severity:
        changes.append(Change(ChangeKind.ESCALATED, event.at, event.severity, note=event.note))
        if state.acknowledged:
            changes.append(Change(ChangeKind.REOPENED, event.at, event.severity))
        state = replace(state, severity=event.severity, acknowledged=None)
    elif event.severity < before.severity and not rule.latch:
        changes.append(Change(ChangeKind.LOWERED, event.at, event.severity, note=event.note))
        state = replace(state, severity=event.severity)
    return state, tuple(changes)


def _time_passed(state: AlarmState, event: Tick, rule: AlarmRule) -> Step:
    if state.is_raised or not state.bad_count:
        return state, ()
    return _raise_if_due(state, event, rule)


def _person(state: AlarmState, event: PersonEvent, rule: AlarmRule) -> Step:
    if not event.author.strip():
        raise AlarmError("an alarm only takes an action that carries its author's name")
    if isinstance(event, Comment):
        if not event.note.strip():
            raise AlarmError("an empty comment says nothing")
        return state, (_signed(ChangeKind.COMMENTED, state, event),)
    if not state.is_raised:
        raise AlarmError("the alarm is not open")
    match event:
        case Acknowledge():
            return _acknowledge(state, event)
        case Clear():
            return _clear(state, event, rule)
        case Shelve():
            return _shelve(state, event)
        case Unshelve():
            return _unshelve(state, event)


def _clear(state: AlarmState, event: Clear, rule: AlarmRule) -> Step:
    if state.current is Severity.OK:
        raise AlarmError("the alarm's cause is already over; it waits to be acknowledged")
    return _recover(state, _signed(ChangeKind.RECOVERED, state, event), rule)


def _unshelve(state: AlarmState, event: Unshelve) -> Step:
    if state.shelf is None:
        raise AlarmError("the alarm is not shelved")
    return replace(state, shelf=None), (_signed(ChangeKind.UNSHELVED, state, event),)


def _acknowledge(state: AlarmState, event: Acknowledge) -> Step:
    if state.acknowledged:
        raise AlarmError(f"the alarm was already acknowledged by {state.acknowledged.author}")
    change = _signed(ChangeKind.ACKNOWLEDGED, state, event)
    after = replace(state, acknowledged=Signature(event.author, event.at))
    return _close(after, change) if state.current is Severity.OK else (after, (change,))


def _shelve(state: AlarmState, event: Shelve) -> Step:
    if not event.note.strip():
        raise AlarmError("shelving an alarm needs a reason")
    if event.until <= event.at:
        raise AlarmError("a shelved alarm must return in the future")
    change = replace(_signed(ChangeKind.SHELVED, state, event), until=event.until)
    return replace(state, shelf=Shelf(event.author, event.note, event.until)), (change,)


def _signed(kind: ChangeKind, state: AlarmState, event: PersonEvent) -> Change:
    return Change(kind, event.at, state.severity, event.author, event.note)
