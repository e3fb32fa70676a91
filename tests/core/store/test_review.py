"""What people say of verdicts."""

from datetime import timedelta

import pytest

from core.alarms.events import ChangeKind
from core.alarms.state import Phase
from core.errors import StoreError
from core.store import Store
from core.store.review import Decision
from core.store.views import Disposition, Judgement, RegionDecision
from core.verdict import Quality

from .conftest import NOW, RULE, an_arrival

ACCEPT = RegionDecision(0, Judgement.RIGHT, "scratch", "deep")
REJECT = RegionDecision(1, Judgement.FALSE_ALARM)


@pytest.fixture
def number(store: Store) -> int:
    """A bad board with two regions and its alarm."""
    store.record("flex", "inbox", [an_arrival(Quality.BAD)], RULE)
    return store.observations("flex")[0].id


def test_a_decision_is_kept_whole_and_closes_the_alarm(store: Store, number: int) -> None:
    alarm = store.alarms()[0]
    decision = store.decide(number, "ana", NOW, [ACCEPT, REJECT], {"testType": "VISUAL_INSPECTION", "passed": False})
    detail = store.observation(number)
    assert detail is not None
    assert [(f.region_index, f.judgement, f.cause, f.comment) for f in detail.feedback] == [
        (0, Judgement.RIGHT, "scratch", "deep"),
        (1, Judgement.FALSE_ALARM, None, ""),
    ]
    assert {(f.author, f.at, f.alarm_id, f.decision_id) for f in detail.feedback} == {("ana", NOW, alarm.id, decision)}
    assert detail.view.disposition is Disposition.FAILED
    assert [(r.kind, r.content["passed"]) for r in detail.records] == [("VISUAL_INSPECTION", False)]
    closed = store.alarm(alarm.id)
    assert closed is not None
    assert (closed.view.phase, closed.view.acknowledged_by) == (Phase.CLEARED, "ana")
    assert [event.kind for event in closed.events] == [
        ChangeKind.RAISED,
        ChangeKind.RECOVERED,
        ChangeKind.ACKNOWLEDGED,
        ChangeKind.CLEARED,
    ]
    assert store.alarms() == []


def test_submitting_again_appends_and_the_newest_counts(store: Store, number: int) -> None:
    store.decide(number, "ana", NOW, [ACCEPT], {"passed": False})
    store.decide(number, "eva", NOW + timedelta(minutes=1), [], {"passed": True})
    detail = store.observation(number)
    assert detail is not None
    assert [d.disposition for d in detail.decisions] == [Disposition.FAILED, Disposition.PASSED]
    assert detail.view.disposition is Disposition.PASSED
    assert [record.content["passed"] for record in detail.records] == [False, True]
    assert len(detail.feedback) == 1


@pytest.mark.parametrize(
    ("regions", "record", "given", "expected"),
    [
        ([], None, None, Disposition.PASSED),
        ([REJECT], None, None, Disposition.PASSED),
        ([ACCEPT, REJECT], None, None, Disposition.FAILED),
        ([ACCEPT], {"passed": True}, None, Disposition.PASSED),
        ([REJECT], {"passed": False}, None, Disposition.FAILED),
        ([], {"passed": True}, Disposition.FAILED, Disposition.FAILED),
        ([], None, Disposition.SET_ASIDE, Disposition.SET_ASIDE),
    ],
)
def test_disposition(
    regions: list[RegionDecision], record: dict | None, given: Disposition | None, expected: Disposition
) -> None:
    decision = Decision(1, "ana", NOW, tuple(regions), record, "VISUAL_INSPECTION", given)
    assert decision.outcome is expected


def test_an_alarm_of_two_boards_waits_for_both_decisions(store: Store, number: int) -> None:
    store.record("flex", "inbox", [an_arrival(Quality.BAD, key="k2")], RULE)
    second = store.observations("flex")[0].id
    [alarm] = store.alarms()
    store.decide(number, "ana", NOW, [ACCEPT], None)
    assert store.alarms()[0].phase is Phase.UNACKNOWLEDGED
    waiting = store.alarm(alarm.id)
    assert waiting is not None
    assert "others of this alarm wait" in waiting.events[-1].note
    store.decide(second, "ana", NOW, [REJECT], None)
    assert store.alarms() == []


def test_a_decision_on_a_recovered_or_acknowledged_alarm_closes_it_too(store: Store, number: int) -> None:
    store.act(store.alarms()[0].id, "acknowledge", "eva", "", NOW)  # type: ignore[arg-type]
    store.decide(number, "ana", NOW, [ACCEPT], None)
    assert store.alarms() == []
    [alarm] = store.alarms(open_only=False)
    assert alarm.acknowledged_by == "eva"


def test_a_good_board_can_be_decided_on(store: Store) -> None:
    store.record("flex", "inbox", [an_arrival()], RULE)
    [view] = store.observations("flex", undecided=True)
    store.decide(view.id, "ana", NOW, [], {"passed": True})
    assert store.observations("flex", undecided=True) == []


def test_feedback_on_the_whole_and_on_a_region(store: Store, number: int) -> None:
    alarm = store.alarms()[0].id
    store.add_feedback(number, "ana", NOW, Judgement.KNOWN, comment="like last week", alarm_id=alarm)
    store.add_feedback(number, "eva", NOW, Judgement.WRONG_CAUSE, region_index=1, cause="dust")
    detail = store.observation(number)
    assert detail is not None
    assert [(f.judgement, f.region_index, f.cause, f.alarm_id) for f in detail.feedback] == [
        (Judgement.KNOWN, None, None, alarm),
        (Judgement.WRONG_CAUSE, 1, "dust", None),
    ]


def test_what_cannot_be_said(store: Store, number: int) -> None:
    refused = [
        (lambda: store.add_feedback(number, " ", NOW, Judgement.RIGHT), "author"),
        (lambda: store.add_feedback(number, "ana", NOW, Judgement.RIGHT, region_index=2), "has 2 regions"),
        (lambda: store.add_feedback(number, "ana", NOW, Judgement.RIGHT, region_index=-1), "has 2 regions"),
        (lambda: store.add_feedback(number, "ana", NOW, Judgement.RIGHT, alarm_id=99), "no alarm 99"),
        (lambda: store.add_feedback(999, "ana", NOW, Judgement.RIGHT), "no observation 999"),
        (lambda: store.add_feedback(number, "ana", NOW, "perhaps"), "perhaps"),  # type: ignore[arg-type]
        (lambda: store.decide(number, "ana", NOW, [ACCEPT, ACCEPT], None), "twice"),
        (lambda: store.decide(number, "", NOW, [ACCEPT], None), "author"),
        (lambda: store.decide(999, "ana", NOW, [], None), "no observation 999"),
    ]
    for act, reason in refused:
        with pytest.raises(StoreError, match=reason):
            act()
    detail = store.observation(number)
    assert detail is not None
    assert (detail.feedback, detail.decisions, detail.records) == ((), (), ())


def test_a_decision_that_fails_half_way_leaves_nothing(store: Store, number: int) -> None:
    with pytest.raises(StoreError, match="bytes is no JSON"):
        store.decide(number, "ana", NOW, [ACCEPT], {"passed": b"no"})
    detail = store.observation(number)
    assert detail is not None
    assert (detail.feedback, detail.decisions) == ((), ())
    assert len(store.alarms()) == 1
