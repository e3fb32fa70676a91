"""The lifecycle, case by case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.alarms.events import (
    Acknowledge,
    AlarmAction,
    ChangeKind,
    Clear,
    Comment,
    Event,
    Judged,
    Shelve,
    Tick,
    Unshelve,
    person_event,
)
from core.alarms.lifecycle import severity_of, step
from core.alarms.severity import Severity
from core.alarms.state import AlarmState, Phase
from core.contracts import AlarmRule
from core.errors import AlarmError
from core.verdict import Quality

START = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
K = ChangeKind


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def bad(seconds: float, severity: Severity = Severity.MAJOR) -> Judged:
    return Judged(at(seconds), severity, at(seconds), "bad")


def good(seconds: float) -> Judged:
    return Judged(at(seconds), Severity.OK, at(seconds))


def run(*events: Event, rule: AlarmRule | None = None) -> tuple[AlarmState, list[ChangeKind]]:
    state, kinds = AlarmState(), []
    for event in events:
        state, changes = step(state, event, rule)
        kinds += [change.kind for change in changes]
    return state, kinds


def test_good_verdicts_leave_no_trace() -> None:
    assert run(good(0), good(1), Tick(at(2))) == (AlarmState(), [])


def test_a_bad_verdict_raises_at_once_by_default() -> None:
    state, kinds = run(bad(0))
    assert (state.phase, state.severity, state.raised_at, kinds) == (
        Phase.UNACKNOWLEDGED,
        Severity.MAJOR,
        at(0),
        [K.RAISED],
    )


def test_it_takes_some_good_verdicts_in_a_row_to_recover() -> None:
    rule = AlarmRule(clear_count=3)
    state, kinds = run(bad(0), good(1), good(2), bad(3), good(4), good(5), rule=rule)
    assert (state.phase, state.good_count, kinds) == (Phase.UNACKNOWLEDGED, 2, [K.RAISED])
    state, changes = step(state, good(6), rule)
    assert (state.phase, state.good_count, state.recovered_at) == (Phase.RECOVERED, 0, at(6))
    assert [change.kind for change in changes] == [K.RECOVERED]
    assert step(state, bad(7), rule)[1][0].kind is K.RELAPSED


def test_an_old_good_verdict_does_not_count_towards_recovery() -> None:
    rule = AlarmRule(clear_count=2)
    state, _ = run(bad(10), replace(good(11), observed_at=at(5)), replace(good(12), observed_at=at(6)), rule=rule)
    assert (state.current, state.good_count) == (Severity.MAJOR, 0)


def test_a_person_clears_at_once_whatever_the_count() -> None:
    state, kinds = run(bad(0), good(1), Clear(at(2), "ana"), rule=AlarmRule(clear_count=3))
    assert (state.phase, state.good_count, kinds[-1]) == (Phase.RECOVERED, 0, K.RECOVERED)


def test_what_came_to_nothing_before_it_was_raised_needs_one_good_verdict() -> None:
    assert run(bad(0), good(1), rule=AlarmRule(count=2, clear_count=3)) == (AlarmState(), [])


def test_a_severity_may_have_a_count_of_its_own() -> None:
    rule = AlarmRule(counts={Severity.INVALID: 3})
    invalid = [bad(seconds, Severity.INVALID) for seconds in range(3)]
    assert run(*invalid[:2], rule=rule)[1] == []
    assert run(*invalid, rule=rule)[1] == [K.RAISED]
    assert run(*invalid[:1], good(1), *invalid[1:], rule=rule)[1] == []
    assert run(*invalid[:1], bad(1), rule=rule)[1] == [K.RAISED]


def test_it_began_when_the_verdict_says_not_when_it_was_seen() -> None:
    state, _ = run(replace(bad(60), since=at(10)), replace(bad(120), since=at(40)))
    assert (state.bad_since, state.observed_at) == (at(10), at(120))


@pytest.mark.parametrize("events", [(good(1), Acknowledge(at(2), "ana")), (Acknowledge(at(1), "ana"), good(2))])
def test_a_latched_alarm_closes_when_recovered_and_acknowledged_in_either_order(events: tuple[Event, ...]) -> None:
    state, kinds = run(bad(0), events[0])
    assert state.is_raised
    state, kinds = run(bad(0), *events)
    assert state == AlarmState()
    assert sorted(kinds) == sorted([K.RAISED, K.RECOVERED, K.ACKNOWLEDGED, K.CLEARED])
    assert kinds[-1] is K.CLEARED


def test_an_unlatched_alarm_closes_by_itself_and_follows_its_severity_down() -> None:
    rule = AlarmRule(latch=False)
    state, kinds = run(bad(0, Severity.INVALID), bad(1, Severity.MINOR), rule=rule)
    assert (state.severity, kinds) == (Severity.MINOR, [K.RAISED, K.LOWERED])
    assert step(run(bad(0), Clear(at(1), "ana"))[0], good(2), rule)[0] == AlarmState()
    state, kinds = run(bad(0), good(1), rule=rule)
    assert (state, kinds) == (AlarmState(), [K.RAISED, K.RECOVERED, K.CLEARED])


def test_a_latched_alarm_keeps_its_highest_severity() -> None:
    state, kinds = run(bad(0, Severity.INVALID), bad(1, Severity.MINOR))
    assert (state.severity, state.current, kinds) == (Severity.INVALID, Severity.MINOR, [K.RAISED])


def test_worse_than_acknowledged_reopens() -> None:
    state, kinds = run(bad(0), Acknowledge(at(1), "ana"), bad(2), bad(3, Severity.INVALID))
    assert kinds == [K.RAISED, K.ACKNOWLEDGED, K.ESCALATED, K.REOPENED]
    assert (state.phase, state.severity, state.acknowledged) == (Phase.UNACKNOWLEDGED, Severity.INVALID, None)


def test_bad_again_before_it_was_acknowledged() -> None:
    state, kinds = run(bad(0), good(1), bad(2, Severity.MINOR))
    assert kinds == [K.RAISED, K.RECOVERED, K.RELAPSED]
    assert (state.phase, state.severity, state.recovered_at) == (Phase.UNACKNOWLEDGED, Severity.MAJOR, None)


def test_count() -> None:
    rule = AlarmRule(count=3)
    assert run(bad(0), bad(1), good(2), bad(3), bad(4), rule=rule)[1] == []
    state, kinds = run(bad(0), bad(1), bad(2), rule=rule)
    assert (kinds, state.raised_at, state.bad_since) == ([K.RAISED], at(2), at(0))


def test_delay_by_verdict_and_by_time_alone() -> None:
    rule = AlarmRule(delay_s=60)
    assert run(bad(0), bad(59.9), Tick(at(59.9)), rule=rule)[1] == []
    assert run(bad(0), bad(60), rule=rule)[1] == [K.RAISED]
    state, kinds = run(bad(0), Tick(at(60)), rule=rule)
    assert (kinds, state.severity) == ([K.RAISED], Severity.MAJOR)
    assert run(bad(0), good(30), bad(60), Tick(at(119)), rule=rule)[1] == []


def test_delay_and_count_together_whichever_is_first() -> None:
    rule = AlarmRule(delay_s=60, count=3)
    assert run(bad(0), bad(1), bad(2), rule=rule)[1] == [K.RAISED]
    assert run(bad(0), bad(60), rule=rule)[1] == [K.RAISED]
    assert run(bad(0), bad(59), rule=rule)[1] == []


def test_delay_counts_observed_time_so_that_a_replay_raises_what_the_shift_saw() -> None:
    rule = AlarmRule(delay_s=60)
    late = [Judged(at(1e6), Severity.MAJOR, at(seconds)) for seconds in (0, 61)]
    state, kinds = run(*late, rule=rule)
    assert (kinds, state.raised_at, state.bad_since) == ([K.RAISED], at(1e6), at(0))


def test_an_older_good_observation_that_comes_late_does_not_recover() -> None:
    state, kinds = run(bad(10), Judged(at(11), Severity.OK, at(5)))
    assert (state.phase, kinds) == (Phase.UNACKNOWLEDGED, [K.RAISED])


def test_a_person_clears_and_acknowledges() -> None:
    state, kinds = run(bad(0), Clear(at(1), "ana", "cleaned"), Acknowledge(at(2), "ana"))
    assert (state, kinds) == (AlarmState(), [K.RAISED, K.RECOVERED, K.ACKNOWLEDGED, K.CLEARED])


def test_shelving_hides_but_does_not_stop_the_lifecycle_and_ends() -> None:
    shelve = Shelve(at(1), "ana", "noisy until Monday", at(100))
    state, kinds = run(bad(0), shelve, bad(2, Severity.INVALID), Tick(at(99.9)))
    assert kinds == [K.RAISED, K.SHELVED, K.ESCALATED]
    assert state.shelf is not None
    state, kinds = run(bad(0), shelve, Tick(at(100)))
    assert (kinds, state.shelf) == ([K.RAISED, K.SHELVED, K.UNSHELVED], None)
    state, kinds = run(bad(0), shelve, bad(101))
    assert (kinds, state.shelf) == ([K.RAISED, K.SHELVED, K.UNSHELVED], None)
    assert run(bad(0), shelve, Unshelve(at(2), "eva"))[0].shelf is None


def test_a_shelf_outlives_the_alarm_until_it_expires() -> None:
    shelve = Shelve(at(1), "ana", "noisy", at(100))
    state, _ = run(bad(0), shelve, good(2), Acknowledge(at(3), "ana"))
    assert state.phase is Phase.NORMAL
    assert state.shelf is not None
    assert step(state, good(100)) == (AlarmState(), ())


def test_a_shelf_can_be_prolonged() -> None:
    state, kinds = run(bad(0), Shelve(at(1), "ana", "a", at(5)), Shelve(at(2), "eva", "b", at(50)))
    assert state.shelf is not None
    assert (state.shelf.author, state.shelf.until, kinds.count(K.SHELVED)) == ("eva", at(50), 2)


def test_a_remark_changes_nothing_but_the_history() -> None:
    before, _ = run(bad(0))
    state, changes = step(before, Comment(at(1), "ana", "looking"))
    assert state == before
    assert [(change.kind, change.author, change.note) for change in changes] == [(K.COMMENTED, "ana", "looking")]


@pytest.mark.parametrize(
    ("events", "refused", "reason"),
    [
        ((), Acknowledge(at(1), "ana"), "not open"),
        ((), Clear(at(1), "ana"), "not open"),
        ((), Shelve(at(1), "ana", "why", at(2)), "not open"),
        ((bad(0), Acknowledge(at(1), "ana")), Acknowledge(at(2), "eva"), "already acknowledged by ana"),
        ((bad(0), good(1)), Clear(at(2), "ana"), "already over"),
        ((bad(0),), Unshelve(at(1), "ana"), "not shelved"),
        ((bad(0),), Shelve(at(1), "ana", " ", at(2)), "needs a reason"),
        ((bad(0),), Shelve(at(1), "ana", "why", at(1)), "in the future"),
        ((bad(0),), Acknowledge(at(1), "  "), "author"),
        ((bad(0),), Comment(at(1), "ana", " "), "empty comment"),
    ],
)
def test_what_the_state_does_not_allow(events: tuple[Event, ...], refused: Event, reason: str) -> None:
    state, _ = run(*events)
    with pytest.raises(AlarmError, match=reason):
        step(state, refused)


def test_actions_by_name() -> None:
    assert person_event(AlarmAction.CLEAR, "ana", "", at(0)) == Clear(at(0), "ana")
    assert person_event(AlarmAction.SHELVE, "ana", "why", at(0), at(1)) == Shelve(at(0), "ana", "why", at(1))
    with pytest.raises(AlarmError, match="'delete' is none of acknowledge, clear"):
        person_event("delete", "ana", "why", at(0))  # type: ignore[arg-type]
    with pytest.raises(AlarmError, match="returns"):
        person_event(AlarmAction.SHELVE, "ana", "why", at(0))


def test_rules_say_what_a_quality_counts_as() -> None:
    rule = AlarmRule()
    assert [severity_of(quality, rule) for quality in Quality] == [
        Severity.OK,
        Severity.OK,
        Severity.MAJOR,
        Severity.INVALID,
    ]
    medium = replace(rule, severities={Quality.MEDIUM: Severity.MINOR})
    assert severity_of(Quality.MEDIUM, medium) is Severity.MINOR
    assert severity_of(Quality.BAD, medium) is Severity.OK
