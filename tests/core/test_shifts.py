"""Shifts through the day and the year, and gaps in what came."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.shifts import ShiftPlan, Span, gaps

PLAN = ShiftPlan()
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 as hypothesis wants


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "begins", "hours"),
    [
        ("2026-11-27T06:30", "2026-11-27T06:00", 8),  # 07:00 in Geneva in winter
        ("2026-07-27T05:30", "2026-07-27T05:00", 8),
        ("2026-07-27T02:00", "2026-07-26T21:00", 8),  # the night shift began the day before
        ("2026-10-25T00:30", "2026-10-24T21:00", 9),  # clocks go back
        ("2026-03-29T00:30", "2026-03-28T22:00", 7),  # clocks go forward
    ],
)
def test_the_shift_that_holds_an_instant(instant: str, begins: str, hours: int) -> None:
    shift = PLAN.at(at(instant))
    assert (shift.begins, shift.length) == (at(begins), timedelta(hours=hours))


@given(INSTANTS)
def test_shifts_follow_each_other_without_a_gap(instant: datetime) -> None:
    shift = PLAN.at(instant)
    assert shift.holds(instant)
    assert PLAN.at(shift.ends).begins == shift.ends
    assert PLAN.before(PLAN.at(shift.ends)) == shift


@given(INSTANTS, st.integers(1, 5000))
def test_shifts_within_a_span_cover_it_once(instant: datetime, minutes: int) -> None:
    span = Span(instant, instant + timedelta(minutes=minutes))
    found = PLAN.within(span)
    assert (found[0].begins, found[-1].ends) == (span.begins, span.ends)
    assert all(one.ends == other.begins for one, other in pairwise(found))


def test_a_site_with_two_shifts_in_another_zone() -> None:
    plan = ShiftPlan((time(8), time(20)), "America/Chicago")
    assert plan.at(at("2026-11-27T13:00")) == Span(at("2026-11-27T02:00"), at("2026-11-27T14:00"))


def test_gaps_are_what_is_longer_than_the_limit_up_to_both_ends() -> None:
    begin = at("2026-11-27T06:00")
    span = Span(begin, begin + timedelta(hours=1))
    times = [begin + timedelta(minutes=minute) for minute in (15, 16, 17, 40)]
    assert [(gap.begins - begin, gap.length) for gap in gaps(times, span, timedelta(minutes=14))] == [
        (timedelta(0), timedelta(minutes=15)),
        (timedelta(minutes=17), timedelta(minutes=23)),
        (timedelta(minutes=40), timedelta(minutes=20)),
    ]
    assert gaps([], span, timedelta(minutes=59)) == (span,)
