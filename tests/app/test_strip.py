"""The strip of eight hours: cells follow what was judged and asked, in words as well, and grey when all is well."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dashboard.strip import CELLS, LENGTH, STEP, Mark, Strip, end_of, html, strip, told, unknown_since
from core.alarms.severity import Severity
from core.store.strips import AlarmSpan, Period
from core.verdict import Quality

NOW = datetime(2026, 11, 27, 10, 2, 30, tzinfo=UTC)


def at(minutes_ago: float) -> datetime:
    return NOW - timedelta(minutes=minutes_ago)


def judged(minutes_ago: float, **counts: int) -> Period:
    begins = at(minutes_ago)
    begins -= timedelta(seconds=begins.timestamp() % STEP.total_seconds())
    return Period(begins, {Quality[name]: count for name, count in counts.items()})


def pictures(one: Strip) -> list[str]:
    text = html(one, UTC)
    return [b64decode(part.split("'")[0].split('"')[0]).decode() for part in text.split("base64,")[1:]]


def all_well() -> Strip:
    return strip([judged(5 * cell, GOOD=12) for cell in range(CELLS)], (), NOW)


def test_all_well_is_grey_and_said() -> None:
    drawn = all_well()
    assert set(drawn.judged) == {Mark.GOOD}
    assert "<rect" not in pictures(drawn)[-1].partition("</defs>")[2]
    assert told(drawn, UTC) == "Last 8 hours: all that was judged was good or only worth a look."
    assert dict(drawn.counts)[Quality.GOOD] == 12 * CELLS
    assert drawn.calm_since() == drawn.begins


def test_the_worst_of_a_period_counts_and_gaps_stay_empty() -> None:
    drawn = strip([judged(12, GOOD=9, BAD=1), judged(30, GOOD=1, NULL=2), judged(60, MEDIUM=1)], (), NOW)
    assert [drawn.judged[CELLS - 1 - cell] for cell in (2, 6, 12)] == [Mark.BAD, Mark.UNKNOWN, Mark.LOOK]
    assert drawn.judged.count(Mark.NOTHING) == CELLS - 3
    assert told(drawn, UTC) == "Last 8 hours: Bad 09:50 to 09:55. Could not be judged 09:30 to 09:35."
    assert dict(drawn.counts) == {Quality.GOOD: 10, Quality.MEDIUM: 1, Quality.BAD: 1, Quality.NULL: 2}
    assert told(strip((), (), NOW), UTC) == "Last 8 hours: nothing was judged."


def test_alarms_hang_over_their_time_and_are_said_in_the_time_of_the_desk() -> None:
    spans = [
        AlarmSpan(at(100), at(41), Severity.MAJOR, unknown=False),
        AlarmSpan(at(20), None, Severity.INVALID, unknown=True),
        AlarmSpan(at(2000), at(1000), Severity.MAJOR, unknown=False),
    ]
    drawn = strip((), spans, NOW)
    assert [mark.name for mark in dict.fromkeys(drawn.asked)] == ["NOTHING", "BAD", "UNKNOWN"]
    assert drawn.asked[-1] is Mark.UNKNOWN
    words = told(drawn, ZoneInfo("Europe/Zurich"))
    assert "Major alarm 09:20 to 10:25." in words
    assert "Nothing known 10:40 to now." in words
    colour = pictures(drawn)[-1]
    assert "#d03030" in colour
    assert "url(#u)" in colour.partition("</defs>")[2]


def test_not_knowing_is_drawn_to_now_and_hides_no_alarm() -> None:
    one = strip((), [AlarmSpan(at(10), None, Severity.MAJOR, unknown=False)], NOW)
    drawn = unknown_since(one, at(30))
    assert [mark.name for mark in dict.fromkeys(drawn.asked)] == ["NOTHING", "UNKNOWN", "BAD"]
    assert drawn.asked.count(Mark.UNKNOWN) == 4
    assert set(unknown_since(one, at(3000)).asked) == {Mark.UNKNOWN, Mark.BAD}
    assert drawn.calm_since() is None


@pytest.mark.parametrize(("ended", "since"), [(60, 50), (0, None)])
def test_it_is_calm_from_the_first_period_after_the_last_trouble(ended: float, since: float | None) -> None:
    periods = [judged(5 * cell, GOOD=1) for cell in range(CELLS)]
    drawn = strip(periods, [AlarmSpan(at(90), at(ended) if ended else None, Severity.MINOR, unknown=False)], NOW)
    calm = drawn.calm_since()
    assert (calm is None) is (since is None)
    assert calm is None or since is None or abs(calm - at(since)) < 2 * STEP


def test_pictures_change_with_the_period_and_not_with_the_second() -> None:
    periods, spans = [judged(12, GOOD=1)], [AlarmSpan(at(20), None, Severity.MAJOR, unknown=False)]
    now = html(strip(periods, spans, NOW), UTC)
    more = [judged(12, GOOD=7)]
    assert html(strip(more, spans, NOW + timedelta(seconds=100)), UTC) == now
    assert html(strip(periods, spans, NOW + timedelta(seconds=200)), UTC) != now
    assert end_of(NOW) == datetime(2026, 11, 27, 10, 5, tzinfo=UTC)
    assert len(now) < 6000


@given(
    st.lists(st.tuples(st.integers(-100, 600), st.integers(0, 700), st.sampled_from(list(Severity)), st.booleans())),
    st.lists(st.tuples(st.integers(-100, 700), st.sampled_from(list(Quality)))),
)
def test_whatever_happened_can_be_drawn(
    spans: list[tuple[int, int, Severity, bool]], observed: list[tuple[int, Quality]]
) -> None:
    alarms = [AlarmSpan(at(ago), at(ago) + timedelta(minutes=long), how, unknown=u) for ago, long, how, u in spans]
    drawn = strip([judged(ago, **{quality.name: 1}) for ago, quality in observed], alarms, NOW)
    assert len(drawn.judged) == len(drawn.asked) == CELLS
    assert drawn.ends - drawn.begins == LENGTH
    calm = drawn.calm_since()
    assert calm is None or drawn.begins <= calm < drawn.ends
    assert html(drawn, UTC)
