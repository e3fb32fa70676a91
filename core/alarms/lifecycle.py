"""The lifecycle of one alarm: a pure function from state and event to state and changes.

Words and behaviour are those of EPICS/Phoebus (severity, latch, delay, count) and ISA-18.2 (acknowledge, shelve).
An alarm is raised once bad verdicts persisted, keeps its highest severity until what caused it is over (good verdicts
persisted) *and* a person acknowledged it, in either order, and re-opens when it gets worse than what was acknowledged.
Nobody is asked while it is shelved or inhibited; who is asked and does not answer in time is told so (overdue).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from core.alarms.events import (
    Acknowledge,
    Change,
    ChangeKind,
    Clear,
    Comment,
    Event,
    Inhibit,
    Judged,
    PersonEvent,
    Release,
    Shelve,
    Tick,
    Unshelve,
)
from core.alarms.severity import Severity
from core.alarms.state import AlarmState, Inhibition, Shelf, Signature
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
        case Inhibit():
            after, changes = _inhibit(state, event)
        case Release():
            after, changes = _release(state, event)
        case _:
            after, changes = _person(state, event, rule)
    return after, returned + changes


def _return_from_shelf(state: AlarmState, event: Event) -> Step:
    if state.shelf is None or event.at < state.shelf.until:
        return state, ()
    after = replace(state, shelf=None)
    if not state.is_raised:
        return after, ()
    return _asking_anew(after, event.at), (
        Change(ChangeKind.UNSHELVED, event.at, state.severity, note="the shelf expired"),
    )


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
    after = replace(state, severity=state.current, raised_at=event.at, asked_at=event.at)
    note = event.note if isinstance(event, Judged) else f"bad for more than {rule.delay_s:g} s"
    raised = Change(ChangeKind.RAISED, event.at, after.severity, note=note)
    return after, (*_put_off_already(after, event.at), raised)


def _put_off_already(state: AlarmState, at: datetime) -> tuple[Change, ...]:
    """What the history says before an alarm that is raised while nobody is asked."""
    changes: list[Change] = []
    if (shelf := state.shelf) is not None:
        note = f"still set aside: {shelf.reason}"
        changes.append(Change(ChangeKind.SHELVED, at, state.severity, shelf.author, note, shelf.until))
    if state.inhibited is not None:
        changes.append(Change(ChangeKind.INHIBITED, at, state.severity, note=state.inhibited.reason))
    return tuple(changes)


def _is_due(state: AlarmState, bad_for: timedelta, rule: AlarmRule) -> bool:
    if rule.delay_s > 0 and bad_for >= timedelta(seconds=rule.delay_s):
        return True
    count = rule.counts.get(state.current, rule.count)
    return state.bad_count >= count and (count > 1 or rule.delay_s <= 0)


def _worse_or_better(before: AlarmState, state: AlarmState, event: Judged, rule: AlarmRule) -> Step:
    changes: list[Change] = []
    if before.current is Severity.OK:
        state = replace(state, recovered_at=None, asked_at=event.at)
        changes.append(Change(ChangeKind.RELAPSED, event.at, event.severity, note=event.note))
    if event.severity > before.severity:
        changes.append(Change(ChangeKind.ESCALATED, event.at, event.severity, note=event.note))
        if state.acknowledged:
            changes.append(Change(ChangeKind.REOPENED, event.at, event.severity))
            state = _asking_anew(state, event.at)
        state = replace(state, severity=event.severity, acknowledged=None)
    elif event.severity < before.severity and not rule.latch:
        changes.append(Change(ChangeKind.LOWERED, event.at, event.severity, note=event.note))
        state = replace(state, severity=event.severity)
    return state, tuple(changes)


def _time_passed(state: AlarmState, event: Tick, rule: AlarmRule) -> Step:
    if not state.is_raised:
        return _raise_if_due(state, event, rule) if state.bad_count else (state, ())
    if state.current is Severity.OK and not rule.latch:
        return AlarmState(shelf=state.shelf), (Change(ChangeKind.CLEARED, event.at, state.severity),)
    return _overdue(state, event, rule)


def _overdue(state: AlarmState, event: Tick, rule: AlarmRule) -> Step:
    if rule.overdue_after_s is None or not state.is_asking or state.overdue_at is not None:
        return state, ()
    asked_at = state.asked_at or state.raised_at or event.at
    if event.at - asked_at < timedelta(seconds=rule.overdue_after_s):
        return state, ()
    note = f"nobody acknowledged it within {rule.overdue_after_s / 60:.0f} min"
    return replace(state, overdue_at=event.at), (Change(ChangeKind.OVERDUE, event.at, state.severity, note=note),)


def _asking_anew(state: AlarmState, at: datetime) -> AlarmState:
    return replace(state, asked_at=at, overdue_at=None)


def _inhibit(state: AlarmState, event: Inhibit) -> Step:
    if state.inhibited is not None and state.inhibited.reason == event.reason:
        return state, ()
    since = state.inhibited.since if state.inhibited is not None else event.at
    after = replace(state, inhibited=Inhibition(event.reason, since))
    if not state.is_raised:
        return after, ()
    return after, (Change(ChangeKind.INHIBITED, event.at, state.severity, note=event.reason),)


def _release(state: AlarmState, event: Release) -> Step:
    if state.inhibited is None:
        return state, ()
    after = replace(state, inhibited=None)
    if not state.is_raised:
        return after, ()
    return _asking_anew(after, event.at), (Change(ChangeKind.RELEASED, event.at, state.severity),)


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
    after = _asking_anew(replace(state, shelf=None), event.at)
    return after, (_signed(ChangeKind.UNSHELVED, state, event),)


def _acknowledge(state: AlarmState, event: Acknowledge) -> Step:
    if state.acknowledged:
        raise AlarmError(f"the alarm was already acknowledged by {state.acknowledged.author}")
    change = _signed(ChangeKind.ACKNOWLEDGED, state, event)
    after = replace(state, acknowledged=Signature(event.author, event.at), overdue_at=None)
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
