"""The figures of alarm health: small histories worked out by hand, and what must hold for any."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.alarms import health, targets
from core.alarms.events import ChangeKind
from core.alarms.health import BIN, Line
from core.alarms.severity import Severity
from core.alarms.targets import Standing
from core.shifts import ShiftPlan, Span

BEGIN = datetime(2026, 11, 27, 6, 0, tzinfo=UTC)
SPAN = Span(BEGIN, BEGIN + timedelta(hours=8))
K = ChangeKind


def minutes(number: float) -> datetime:
    return BEGIN + timedelta(minutes=number)


def told(
    alarm: int, *changes: tuple[ChangeKind, float] | tuple[ChangeKind, float, str], element: str = "", **more: object
) -> list[Line]:
    return [
        Line(
            alarm,
            "its",
            element or f"L{alarm}",
            "",
            more.get("severity", Severity.MINOR),  # type: ignore[arg-type]
            change,
            minutes(minute),
            *author,
        )
        for change, minute, *author in changes
    ]


def measured(*histories: list[Line], span: Span = SPAN) -> health.Health:
    lines = sorted((line for history in histories for line in history), key=lambda line: line.at)
    return health.measure(lines, span)


def figure(found: health.Health, name: str) -> targets.Figure:
    return next(one for one in targets.compare(found) if one.name == name)


def test_nothing_happened() -> None:
    found = measured()
    assert (found.annunciations, found.per_ten_minutes, found.peak_ten_minutes, found.flood_share) == (0, 0.0, 0, 0.0)
    assert found.bins == (0,) * 48
    assert found.seen_within(0.5) is None
    assert {one.standing for one in targets.compare(found)} <= {Standing.GOOD, Standing.SILENT}


def test_each_time_an_alarm_asks_for_a_person_counts_and_what_is_set_aside_does_not() -> None:
    plain = told(1, (K.RAISED, 5), (K.RECOVERED, 20), (K.RELAPSED, 40), (K.ACKNOWLEDGED, 41, "Anna"))
    worse = told(2, (K.RAISED, 10), (K.ACKNOWLEDGED, 12, "Anna"), (K.ESCALATED, 30), (K.REOPENED, 30))
    shelved = told(3, (K.RAISED, 1), (K.SHELVED, 2, "Ben"), (K.RECOVERED, 9), (K.RELAPSED, 15), (K.UNSHELVED, 60))
    found = measured(plain, worse, shelved)
    assert found.annunciations == 2 + 2 + 2  # the shelved one: when raised, and when it returned still bad
    assert found.bins[:7] == (2, 1, 0, 1, 1, 0, 1)
    assert found.top[0][1] == 2
    assert found.seconds_to_seen == (36 * 60, 2 * 60)
    assert (found.seen_within(0.5), found.never_seen) == (19 * 60, 1)
    assert [(load.annunciations, load.operators) for load in found.shifts] == [(6, 2)]
    assert found.shifts[0].per_operator == 3


def test_an_alarm_shelved_from_the_start_never_asked() -> None:
    found = measured(told(1, (K.SHELVED, 0, "Ben"), (K.RAISED, 1), (K.RECOVERED, 3), (K.CLEARED, 3)))
    assert (found.annunciations, found.sources, found.never_seen) == (0, 0, 0)


def test_a_flood_begins_with_ten_in_ten_minutes_and_ends_before_fewer_than_five() -> None:
    counts = (9, 10, 12, 5, 4, 10, 0)
    span = Span(BEGIN, BEGIN + 7 * BIN)
    assert health.floods(counts, span) == (Span(minutes(10), minutes(40)), Span(minutes(50), minutes(60)))
    histories = [
        told(100 * number + one, (K.RAISED, 10 * number + 0.5 + one / 2))
        for number, count in enumerate(counts)
        for one in range(count)
    ]
    found = measured(*histories, span=span)
    assert (found.bins, found.flood_share) == (counts, pytest.approx(4 / 7))
    assert figure(found, "Time in flood").standing is Standing.FAR
    assert figure(found, "10-minute periods with more than 10").value == "14.3%"


def test_chattering_fleeting_and_stale() -> None:
    chatter = told(1, (K.RAISED, 0), (K.RECOVERED, 0.2), (K.RELAPSED, 0.4), (K.RECOVERED, 0.5), (K.RELAPSED, 0.9))
    slow = told(2, (K.RAISED, 0), (K.RECOVERED, 0.5), (K.RELAPSED, 1), (K.RECOVERED, 9), (K.RELAPSED, 10))
    cleared = told(3, (K.RAISED, 5), (K.RECOVERED, 5.5, "Anna"), (K.ACKNOWLEDGED, 5.6, "Anna"), (K.CLEARED, 5.6))
    old = told(4, (K.RAISED, -17 * 60))
    found = measured(old, chatter, slow, cleared)
    assert found.chattering == (("its", "L1", ""),)
    assert found.fleeting == 3  # twice L1, once L2; what a person cleared is not fleeting
    assert found.stale == (4,)
    assert found.annunciations == 3 + 3 + 1
    assert measured(told(4, (K.RAISED, -15 * 60))).stale == ()


def test_priorities_beside_the_target() -> None:
    severities = [Severity.MAJOR] * 1 + [Severity.INVALID] * 3 + [Severity.MINOR] * 16
    found = measured(*(told(i, (K.RAISED, i), severity=severity) for i, severity in enumerate(severities)))
    shown = figure(found, "Priorities: high / medium / low")
    assert (shown.value, shown.standing) == ("5% / 15% / 80%", Standing.GOOD)


def test_top_offenders_of_many_sources() -> None:
    histories = [told(i, (K.RAISED, i / 10), element=f"L{min(i // 5, 30)}") for i in range(200)]
    found = measured(*histories)
    assert found.sources == 31
    assert found.top[0] == (("its", "L30", ""), 50)
    assert found.top_share == pytest.approx((50 + 9 * 5) / 200)
    assert figure(found, "Share of the 10 most frequent").standing is Standing.FAR


TIMES = st.lists(st.integers(0, 8 * 3600 - 1), max_size=60).map(
    lambda seconds: [BEGIN + timedelta(seconds=one) for one in sorted(seconds)]
)


@given(TIMES, st.integers(1, 3600))
def test_the_peak_is_that_of_the_worst_window(times: list[datetime], within_s: int) -> None:
    within = timedelta(seconds=within_s)
    worst = max((sum(at <= other < at + within for other in times) for at in times), default=0)
    assert health.peak(times, within) == worst


@given(TIMES)
def test_bins_hold_every_time_and_floods_follow_from_them(times: list[datetime]) -> None:
    bins = health.in_bins(times, SPAN)
    assert (len(bins), sum(bins)) == (48, len(times))
    inside = [flood.holds(BEGIN + number * BIN) for number in range(48) for flood in health.floods(bins, SPAN)]
    crowded = sum(count >= 10 for count in bins)
    assert sum(inside) >= crowded
    for flood in health.floods(bins, SPAN):
        numbers = range((flood.begins - BEGIN) // BIN, (flood.ends - BEGIN) // BIN)
        assert bins[numbers[0]] >= health.FLOOD_BEGINS
        assert all(bins[number] >= health.FLOOD_ENDS for number in numbers)


CHANGES = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from(ChangeKind), st.integers(-600, 600), st.sampled_from(("", "Anna"))),
    max_size=40,
)


@given(CHANGES)
@settings(max_examples=200)
def test_no_history_however_odd_breaks_the_figures(changes: list[tuple[int, ChangeKind, int, str]]) -> None:
    lines = [
        Line(alarm, "its", f"L{alarm}", "", Severity.MAJOR, kind, minutes(at), author)
        for alarm, kind, at, author in sorted(changes, key=lambda change: change[2])
    ]
    found = health.measure(lines, SPAN, ShiftPlan())
    assert sum(found.bins) == found.annunciations == sum(load.annunciations for load in found.shifts)
    assert found.peak_minute <= found.peak_ten_minutes <= found.annunciations
    assert 0 <= found.flood_share <= 1
    assert 0 <= found.top_share <= 1
    assert all(seconds >= 0 for seconds in found.seconds_to_seen)
    assert len(targets.compare(found)) == 12
