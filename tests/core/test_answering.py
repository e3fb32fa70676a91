"""An answer on an alarm: kept, and what it changes at once; who may."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.alarms.severity import Severity
from core.answering import Said, answer
from core.clock import ManualClock
from core.contracts import AlarmRule
from core.desk import Desk, Person, Way
from core.errors import AlarmError, NotAllowedError
from core.roles import Role
from core.store import Store
from core.store.answers import on_alarm
from core.store.views import AlarmView, Judgement
from core.verdict import Quality
from tests.core.store.conftest import NOW, an_arrival

UNTIL = NOW + timedelta(hours=4)
J = Judgement


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'shiftwatch.db'}", tmp_path / "artefacts") as opened:
        opened.upgrade()
        opened.record("flex", "inbox", [an_arrival(Quality.BAD)], AlarmRule())
        yield opened


def desk(store: Store, role: Role = Role.EXPERT) -> Desk:
    return Desk(store, Person("Anna", role, Way.PAGE), ManualClock(NOW + timedelta(minutes=1)))


def fresh(store: Store) -> AlarmView:
    return store.alarms(open_only=False)[0]


def test_what_is_right_is_kept_and_changes_nothing(store: Store) -> None:
    assert answer(desk(store), fresh(store), Said(J.RIGHT), UNTIL) == ("kept",)
    assert fresh(store).is_open
    assert on_alarm(store.database, fresh(store).id) is not None


def test_what_is_known_is_set_aside_for_the_shift(store: Store) -> None:
    assert answer(desk(store), fresh(store), Said(J.KNOWN, None, "since spring"), UNTIL) == ("kept", "set aside")
    alarm = fresh(store)
    assert (alarm.is_open, alarm.shelved_until, alarm.shelved_reason) == (True, UNTIL, "known: since spring")
    assert answer(desk(store), alarm, Said(J.KNOWN), UNTIL) == ("kept",)


def test_a_false_alarm_is_over_and_does_not_ask_again_before_the_shift_ends(store: Store) -> None:
    done = answer(desk(store), fresh(store), Said(J.FALSE_ALARM), UNTIL)
    assert done == ("kept", "set aside", "acknowledged", "cleared")
    assert not fresh(store).is_open
    again = an_arrival(Quality.BAD, key="k2", at=NOW + timedelta(minutes=10))
    store.record("flex", "inbox", [again], AlarmRule())
    [alarm] = store.alarms()
    assert alarm.is_shelved(NOW + timedelta(hours=3))
    assert not alarm.is_shelved(UNTIL)


def test_a_shifter_answers_but_sets_nothing_aside(store: Store) -> None:
    done = answer(desk(store, Role.SHIFTER), fresh(store), Said(J.FALSE_ALARM), UNTIL)
    assert done == ("kept", "acknowledged", "cleared")
    assert fresh(store).shelved_until is None


def test_a_viewer_changes_nothing(store: Store) -> None:
    with pytest.raises(NotAllowedError):
        answer(desk(store, Role.VIEWER), fresh(store), Said(J.FALSE_ALARM), UNTIL)
    assert on_alarm(store.database, fresh(store).id) is None
    assert fresh(store).acknowledged_at is None


def test_what_cannot_be_answered_is_told(store: Store) -> None:
    with pytest.raises(AlarmError, match="say what it was"):
        answer(desk(store), fresh(store), Said(J.WRONG_CAUSE), UNTIL)
    store.condition("flex", "watch", Severity.INVALID, NOW, "silent")
    watch = next(alarm for alarm in store.alarms() if alarm.element == "watch")
    with pytest.raises(AlarmError, match="about the watch itself"):
        answer(desk(store), watch, Said(J.RIGHT), UNTIL)


def test_answers_on_a_closed_alarm_only_count(store: Store) -> None:
    answer(desk(store), fresh(store), Said(J.FALSE_ALARM), UNTIL)
    assert answer(desk(store), fresh(store), Said(J.RIGHT), UNTIL) == ("kept",)
    assert on_alarm(store.database, fresh(store).id)[0] is J.RIGHT  # type: ignore[index]
