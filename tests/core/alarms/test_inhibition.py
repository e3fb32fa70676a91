"""What holds an alarm back, what does not, and what its history says of it."""

from datetime import UTC, datetime, timedelta

from core.alarms.events import Acknowledge, Change, ChangeKind, Event, Inhibit, Judged, Release, Shelve, Tick
from core.alarms.guidance import NOT_JUDGED, UNNAMED, WATCH, topic
from core.alarms.inhibition import Concerned, Standing, why_held
from core.alarms.lifecycle import step
from core.alarms.severity import Severity
from core.alarms.state import AlarmState
from core.contracts import AlarmRule

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
NO_BEAM = Standing("no beam", "ITS", "no beam (cosmics)", NOW, frozenset({"background", ""}))
ANY = Standing("ramp", "ITS", "the beams are ramped", NOW)
SILENT = Standing("source qcdb", "", "nothing came since 12:00", NOW)
RULE = AlarmRule(overdue_after_s=600)


def alarm(
    kind: str = "place", severity: Severity = Severity.MAJOR, raised_s: float | None = -60, **more: object
) -> Concerned:
    raised = None if raised_s is None else at(raised_s)
    values = {"subject": "ITS", "kind": kind, "current": severity, "raised_at": raised, "of_watch": False}
    return Concerned(**(values | more))  # type: ignore[arg-type]


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def bad(seconds: float, severity: Severity = Severity.MAJOR) -> Judged:
    return Judged(at(seconds), severity, at(seconds), "bad")


def run(*events: Event, rule: AlarmRule = RULE) -> tuple[AlarmState, list[Change]]:
    state, history = AlarmState(), list[Change]()
    for event in events:
        state, changes = step(state, event, rule)
        history += changes
    return state, history


def test_a_circumstance_holds_back_its_kinds_of_its_element() -> None:
    assert why_held(alarm("background"), [NO_BEAM]) == "no beam (cosmics)"
    assert why_held(alarm("", Severity.INVALID), [NO_BEAM]) == "no beam (cosmics)"
    assert why_held(alarm("place"), [NO_BEAM]) == ""
    assert why_held(alarm("background", subject="chip 4"), [NO_BEAM]) == ""
    assert why_held(alarm("place"), [ANY]) == "the beams are ramped"
    assert why_held(alarm("background"), [NO_BEAM, ANY]) == "no beam (cosmics); the beams are ramped"


def test_a_silent_source_holds_back_what_rests_on_knowing_nothing_and_no_real_alarm() -> None:
    assert why_held(alarm(severity=Severity.MAJOR), [SILENT]) == ""
    assert why_held(alarm(severity=Severity.INVALID), [SILENT])
    assert why_held(alarm(raised_s=5), [SILENT])
    assert why_held(alarm(raised_s=None), [SILENT])


def test_nothing_holds_back_an_alarm_about_the_watch() -> None:
    assert why_held(alarm("", Severity.INVALID, of_watch=True), [SILENT, ANY, NO_BEAM]) == ""


def test_what_is_held_back_is_stepped_underneath_asks_nobody_and_asks_anew() -> None:
    state, history = run(bad(0), Inhibit(at(10), "no beam"), bad(20), Tick(at(2000)))
    assert state.inhibited is not None
    assert (state.bad_count, state.is_asking, state.overdue_at) == (2, False, None)
    state, changes = step(state, Release(at(2001)), RULE)
    assert [change.kind for change in changes] == [ChangeKind.RELEASED]
    assert (state.is_asking, state.asked_at) == (True, at(2001))
    assert not step(state, Tick(at(2300)), RULE)[1]
    assert [change.kind for change in step(state, Tick(at(2601)), RULE)[1]] == [ChangeKind.OVERDUE]
    assert [change.kind for change in history] == [ChangeKind.RAISED, ChangeKind.INHIBITED]


def test_what_is_raised_while_held_back_says_so_first() -> None:
    _, history = run(Inhibit(at(0), "no beam"), bad(0))
    assert [change.kind for change in history] == [ChangeKind.INHIBITED, ChangeKind.RAISED]
    rule = AlarmRule(count=2)
    _, history = run(bad(0), Inhibit(at(1), "no beam"), bad(2), rule=rule)
    assert [(change.kind, change.note) for change in history] == [
        (ChangeKind.INHIBITED, "no beam"),
        (ChangeKind.RAISED, "bad"),
    ]


def test_the_same_reason_again_says_nothing_another_one_does() -> None:
    _, history = run(
        bad(0), Inhibit(at(1), "a"), Inhibit(at(2), "a"), Inhibit(at(3), "b"), Release(at(4)), Release(at(5))
    )
    assert [change.kind for change in history][1:] == [ChangeKind.INHIBITED, ChangeKind.INHIBITED, ChangeKind.RELEASED]


def test_nobody_in_time_is_told_once_until_somebody_comes_or_it_gets_worse() -> None:
    state, history = run(bad(0, Severity.MINOR), Tick(at(599)), Tick(at(600)), Tick(at(5000)))
    assert [change.kind for change in history] == [ChangeKind.RAISED, ChangeKind.OVERDUE]
    assert history[-1].note == "nobody acknowledged it within 10 min"
    state, _ = step(state, Acknowledge(at(5001), "Ana"), RULE)
    assert state.overdue_at is None
    state, _ = step(state, bad(5002), RULE)
    assert (state.is_asking, state.asked_at) == (True, at(5002))
    assert [change.kind for change in step(state, Tick(at(5602)), RULE)[1]] == [ChangeKind.OVERDUE]


def test_what_is_over_shelved_or_acknowledged_is_never_overdue() -> None:
    over = run(bad(0), Judged(at(1), Severity.OK, at(1)), Tick(at(5000)))
    seen = run(bad(0), Acknowledge(at(1), "Ana"), Tick(at(5000)))
    shelved = run(bad(0), Shelve(at(1), "Ana", "noisy", at(9000)), Tick(at(5000)))
    for _, history in (over, seen, shelved):
        assert ChangeKind.OVERDUE not in [change.kind for change in history]
    never = run(bad(0), Tick(at(1e6)), rule=AlarmRule(overdue_after_s=None))
    assert len(never[1]) == 1


def test_what_comes_back_from_its_shelf_asks_from_then_on() -> None:
    _, history = run(bad(0), Shelve(at(1), "Ana", "noisy", at(3000)), Tick(at(3000)), Tick(at(3599)), Tick(at(3600)))
    assert [change.kind for change in history] == [
        ChangeKind.RAISED, ChangeKind.SHELVED, ChangeKind.UNSHELVED, ChangeKind.OVERDUE,
    ]  # fmt: skip


def test_guidance_is_filed_under_cause_or_why_there_is_none() -> None:
    assert topic("dead lane", Severity.MAJOR, of_watch=False) == "dead lane"
    assert topic("dead lane", Severity.INVALID, of_watch=False) == NOT_JUDGED
    assert topic(None, Severity.MAJOR, of_watch=False) == UNNAMED
    assert topic(None, Severity.INVALID, of_watch=True) == WATCH
