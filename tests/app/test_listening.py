"""Pages that list alarms hear of every change, and of parts that fall silent."""

from datetime import UTC, datetime, timedelta

from app.dashboard.parts import missing
from core.alarms.events import AlarmAction
from core.desk import Desk, Person, Way
from core.roles import Role
from core.signs import CONSOLE, GUARD, GUARD_LATE, LATE, LATE_HANDED_OVER, MODEL, SCHEDULE, WATCH
from core.store import Store
from tests.app.conftest import PageRun
from tests.app.test_alarm_pages import cycle, incident
from tests.app.test_pages import text


def test_every_change_of_an_alarm_is_heard(shelf: Store) -> None:
    assert shelf.newest_alarm_change() == 0
    for minutes_ago in (3, 2, 1):
        cycle(shelf, minutes_ago, incident())
    raised = shelf.newest_alarm_change()
    assert raised > 0
    (alarm,) = shelf.alarms()
    shelf.act(alarm.id, AlarmAction.ACKNOWLEDGE, "Anna", "seen", datetime.now(UTC))
    assert shelf.newest_alarm_change() > raised


def test_a_page_that_was_drawn_has_heard_of_all(shelf: Store, run_page: PageRun) -> None:
    for minutes_ago in (3, 2, 1):
        cycle(shelf, minutes_ago, incident())
    for page in ("overview", "alarms"):
        drawn = run_page(page)
        assert not drawn.exception
        assert drawn.session_state["heard"] == (shelf.newest_alarm_change(), frozenset())


def test_what_was_said_a_moment_ago_is_in_the_report(shelf: Store, run_page: PageRun) -> None:
    for minutes_ago in (3, 2, 1):
        cycle(shelf, minutes_ago, incident())
    assert "L3_07" in text(run_page("report"))
    (alarm,) = shelf.alarms()
    Desk(shelf, Person("Anna", Role.SHIFTER, Way.PAGE)).act(alarm.id, AlarmAction.ACKNOWLEDGE, "told the expert")
    assert "told the expert" in text(run_page("report"))


def test_a_part_that_falls_silent_or_fails_is_heard(shelf: Store, run_page: PageRun) -> None:
    began = datetime.now(UTC)
    shelf.heartbeat("flex", WATCH, began, True)
    shelf.heartbeat("its", WATCH, began, True)
    shelf.heartbeat("its", SCHEDULE, began + timedelta(hours=1), True)
    shelf.heartbeat(CONSOLE, GUARD, began, True)
    shelf.heartbeat("its", MODEL, began, True)
    later = [
        (began, set()),
        (began + LATE, set()),
        (began + LATE * 1.1, {("flex", WATCH)}),
        (began + GUARD_LATE * 1.1, {("flex", WATCH), (CONSOLE, GUARD)}),
        (began + LATE_HANDED_OVER * 1.1, {("flex", WATCH), ("its", WATCH), (CONSOLE, GUARD)}),
    ]
    for instant, silent in later:
        assert missing(shelf.heartbeats(), instant) == silent
    shelf.heartbeat("its", WATCH, began, False, "no route")
    assert run_page("overview").session_state["heard"] == (0, frozenset({("its", WATCH)}))
