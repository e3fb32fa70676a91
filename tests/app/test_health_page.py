"""The page of alarm health on a store with a few alarms, and its bars."""

from datetime import UTC, datetime, timedelta

from app.dashboard import bars
from app.dashboard.bars import Bars
from core.alarms.events import AlarmAction
from core.alarms.severity import Severity
from core.store import Store
from tests.app.conftest import PageRun
from tests.app.test_pages import text

NOW = datetime.now(UTC)


def raise_alarm(store: Store, element: str, minutes_ago: float, lasted: float | None = None) -> None:
    at = NOW - timedelta(minutes=minutes_ago)
    store.condition("flex", element, Severity.MAJOR, at, "a note")
    if lasted is not None:
        store.condition("flex", element, Severity.OK, at + timedelta(minutes=lasted), "")


def test_an_empty_store_has_no_alarm(run_page: PageRun) -> None:
    page = run_page("health")
    assert not page.exception
    assert "No alarm in this time." in text(page)


def test_a_flood_stale_and_seen_alarms_are_told(run_page: PageRun, shelf: Store) -> None:
    for number in range(12):
        raise_alarm(shelf, f"board <b>{number}</b>", 300 + number / 20, lasted=20)
    raise_alarm(shelf, "old", 26 * 60)
    first = min(shelf.alarms(open_only=False), key=lambda alarm: alarm.raised_at if alarm.element != "old" else NOW)
    shelf.act(first.id, AlarmAction.ACKNOWLEDGE, "Anna", "", first.raised_at + timedelta(minutes=3))
    page = run_page("health")
    assert not page.exception
    shown = text(page)
    assert "Over the target:" in shown
    assert "most alarms in any 10 minutes" in shown
    assert "3 min / 3 min" in shown
    assert "11 were not acknowledged" in shown
    assert "board &lt;b&gt;9&lt;/b&gt;" in shown
    assert "<b>9</b>" not in shown
    assert "Stale: for more than 24 hours" in shown
    assert "None." not in shown


def test_bars_say_what_they_show_and_group_what_cannot_be_told_apart() -> None:
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    counts = [0] * 4320
    counts[100] = 12
    drawn = bars.html(Bars("Alarms", counts, begin, begin + timedelta(days=30), over=10), UTC)
    assert "Alarms: 12 in all, at most 12 at once, the highest of each 8" in drawn
    assert bars.grouped(counts) == ([12 if number == 12 else 0 for number in range(540)], 8)
    assert bars.grouped([3, 1]) == ([3, 1], 1)
    assert bars.html(Bars("Alarms", [], begin, begin), UTC)
