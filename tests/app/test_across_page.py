"""Across systems: the page on two weeks of simulated data, on little, on none; its words and its axis."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from app import across, across_words
from app.dashboard import kept, lanes, timeline, warming
from app.dashboard.timeline import Axis, Bar, Course, Lane
from app.handover import markdown
from app.handover.composing import compose
from app.handover.facts import gather
from benchmarks.across.filling import fill
from core.alarms.severity import Severity
from core.coincidence.history import Onset
from core.coincidence.onsets import Together
from core.errors import StoreError
from core.settings import load_settings
from core.shifts import Span
from core.store import Store
from core.store.across import Steps
from core.verdict import Quality
from tests.app.conftest import PageRun
from tests.app.test_pages import text

NOW = datetime.now(UTC)
DAYS = 9.0


def silence(store: Store, system: str, minutes_ago: float) -> None:
    store.condition(system, "<b>source</b>", Severity.INVALID, NOW - timedelta(minutes=minutes_ago), "no data")


def test_an_empty_store_says_what_will_be_here(run_page: PageRun) -> None:
    page = run_page("across")
    assert not page.exception
    assert "No system has told anything yet" in page.header[0].value


@pytest.mark.slow
def test_a_falling_margin_with_rising_background_is_told_with_its_chance_and_its_alarms(
    run_page: PageRun, shelf: Store
) -> None:
    fill(shelf, NOW, days=DAYS)
    page = run_page("across")
    assert not page.exception
    shown = text(page)
    assert "Possibly connected:" in shown
    assert "LHC collimation and ITS" in shown
    assert "by chance once in" in shown
    assert "rose from" in shown
    assert "fell from" in shown
    assert shown.count("hides no alarm") == 1
    assert "STABLE" in shown
    found = across.gather(shelf, NOW).found.connected
    assert [one.systems for one in found] == [("collimation", "its")]
    kinds = {onset.stream for onset in found[0].alarms}
    assert {("collimation", "beam 1"), ("its", "background")} <= kinds
    assert found[0].courses[0].tested is not None
    assert found[0].courses[0].tested.sign == -1
    alarm = next(onset for onset in found[0].alarms if onset.system == "its")
    page = run_page("alarms", alarm=alarm.alarm_id)
    assert not page.exception
    assert "Possibly connected: LHC collimation and ITS" in text(page)
    assert any("margin shrinking" in str(link.proto) for link in page.get("page_link"))
    report = markdown.markdown(compose(gather(shelf, load_settings(), Span(NOW - timedelta(hours=8), NOW), NOW), "UTC"))
    assert "LHC collimation and ITS: possibly connected, by chance once in" in report.replace("\\", "")
    earlier = run_page("across", until=(NOW - timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M"), last="2 hours")
    assert not earlier.exception
    assert "Possibly connected:" not in text(earlier)
    assert "as it was then" in text(earlier)


@pytest.mark.slow
def test_an_alarm_that_began_after_the_last_whole_window_belongs_to_it(shelf: Store) -> None:
    until = datetime(
        2026, 11, 28, 7, 54, 20, tzinfo=UTC
    )  # margins are called at 7:09, the last whole window ended at 7:00
    fill(shelf, until, days=DAYS)
    (found,) = across.gather(shelf, until).found.connected
    assert {("collimation", "beam 1"), ("its", "background")} <= {onset.stream for onset in found.alarms}


def test_the_past_is_read_ahead_so_that_the_first_to_look_does_not_wait(
    run_page: PageRun, shelf: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence(shelf, "its", 30)
    asked: list[tuple[str, int, int]] = []

    def counting(opened: Store) -> Callable[[str, int, int], Steps]:
        read = across.reader(opened)
        return lambda system, first, last: (asked.append((system, first, last)), read(system, first, last))[1]

    monkeypatch.setattr(kept, "reader", counting)
    warming.begin.cache_clear()
    warming.begin().join(timeout=60)
    days = [one for one in asked if one[2] - one[1] == across.CHUNK]
    assert len({first for _, first, _ in days}) >= 13
    asked.clear()
    page = run_page("across")
    assert not page.exception
    again = [one for one in asked if one in days]
    assert not again


def test_reading_ahead_waits_for_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = [StoreError("away"), StoreError("away"), None]

    def across_of(_: None) -> None:
        if (error := tries.pop(0)) is not None:
            raise error

    monkeypatch.setattr(kept, "across", across_of)
    monkeypatch.setattr(warming, "AGAIN_S", 0.01)
    warming.read()
    assert not tries


def test_with_little_past_it_cannot_tell_and_shows_names_as_text(run_page: PageRun, shelf: Store) -> None:
    silence(shelf, "its", 30)
    silence(shelf, "collimation", 31)
    page = run_page("across")
    assert not page.exception
    shown = text(page)
    assert "Cannot tell yet whether anything is connected" in shown
    assert shown.count("hides no alarm") == 1
    assert "<b>source</b>" not in shown
    assert "Possibly connected:" not in shown


@pytest.mark.parametrize("until", ["nonsense", "2999-01-01T00:00", "", "2026-13-01T00:00"])
def test_an_address_that_is_nonsense_shows_now(run_page: PageRun, shelf: Store, until: str) -> None:
    silence(shelf, "its", 30)
    page = run_page("across", until=until, last="3 weeks")
    assert not page.exception
    assert "as it was then" not in text(page)


def test_words_have_chance_and_distance() -> None:
    first, second = Onset(0.0, "its", "place", 1), Onset(170.0, "collimation", "beam 1", 2)
    pair = Together(first, second, 0.0013, 160.0, 1 / 213, 1e-4)
    told = across_words.onsets(pair, {}, lambda at: f"{at:.0f}")
    assert told == (
        "ITS, alarm 1 (0) and LHC collimation, alarm 2 (170) began 3 min apart. Of 160 h of comparable time 0.13 % are "
        "as near to such an alarm: once in 210 shifts with as many alarms."
    )
    unsure = across_words.onsets(Together(first, second, 1.0, 0.5, 3.0, 1.0), {}, lambda at: f"{at:.0f}")
    assert "cannot tell" in unsure


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ((1.814, 1.3), "Margin fell from 1.81 to 1.30 σ"),
        ((0.02, 0.91), "Margin rose from 0.02 to 0.91 σ"),
        ((1.801, 1.799), "Margin stayed at 1.80 σ"),
        ((-0.0004, 0.0021), "Margin rose from 0.000 to 0.002 σ"),
        ((970.0, 1023.0), "Margin rose from 970 to 1023 σ"),
    ],
)
def test_how_a_number_went_is_told_in_digits_that_differ(ends: tuple[float, float], told: str) -> None:
    assert across_words.moved("Margin", ends, "σ") == told


def test_the_axis_breaks_lines_where_there_is_nothing_and_writes_names_as_text() -> None:
    values = np.array([0.0, 1.0, np.nan, 2.0, np.nan])
    drawn = timeline.path(values, 0.0, 2.0)
    assert drawn.count("M") == 2
    lane = Lane(
        "<script>", [Bar(0, 1, "good", "<i>well</i>")], [Bar(-0.5, 2, "alarm MAJOR", '"x"')], [Course("<u>", [values])]
    )
    page = timeline.html(Axis([lane], [(0.5, "12:00")], [Bar(0.2, 0.4, "1", "<b>")]))
    assert "<script>" not in page
    assert "<i>well</i>" not in page
    assert 'style="left:0.00%;width:100.00%' in page
    just_now = timeline.html(Axis([Lane("a", [], [Bar(1.0, 1.0, "MAJOR")])], []))
    assert "left:min(100.00%,calc(100% - 6px))" in just_now, "what began just now stays on the axis"
    assert "no value in this time" in timeline.html(Axis([Lane("a", [], [], [Course("b", [np.full(3, np.nan)])])], []))


def test_alarms_that_overlap_lie_in_rows_of_their_own() -> None:
    bars = [Bar(-1, 0.5, "a"), Bar(0.2, 0.6, "b"), Bar(0.55, 0.9, "c"), Bar(0.58, 1, "d"), Bar(0.59, 1, "e")]
    assert [row for row, _ in timeline.stacked(bars)] == [0, 1, 0, 2, 2]


def test_a_step_shows_the_worst_and_is_not_judged_only_where_most_was_not() -> None:
    def counts(**told: int) -> "np.typing.NDArray[np.int64]":
        return np.array([told.get(one.name, 0) for one in Quality])

    state = lanes._state
    assert state(counts()) == ""
    assert state(counts(GOOD=4, NULL=1)) == Quality.GOOD
    assert state(counts(GOOD=1, NULL=2)) == Quality.NULL
    assert state(counts(GOOD=9, NULL=20, BAD=1)) == Quality.BAD
    assert state(counts(GOOD=9, MEDIUM=1)) == Quality.MEDIUM
