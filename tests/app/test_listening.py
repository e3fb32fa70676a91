"""Pages that list alarms hear of every change; the newest change is what they listen to."""

from datetime import UTC, datetime

from core.alarms.events import AlarmAction
from core.desk import Desk, Person, Way
from core.roles import Role
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
        assert drawn.session_state["newest_alarm_change"] == shelf.newest_alarm_change()


def test_what_was_said_a_moment_ago_is_in_the_report(shelf: Store, run_page: PageRun) -> None:
    for minutes_ago in (3, 2, 1):
        cycle(shelf, minutes_ago, incident())
    assert "L3_07" in text(run_page("report"))
    (alarm,) = shelf.alarms()
    Desk(shelf, Person("Anna", Role.SHIFTER, Way.PAGE)).act(alarm.id, AlarmAction.ACKNOWLEDGE, "told the expert")
    assert "told the expert" in text(run_page("report"))
