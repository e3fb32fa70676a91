"""A run ends before the next tick, or else after it: never on it."""

from datetime import UTC, datetime, timedelta

import pytest

from core.clock import ManualClock
from flows.windows import EXIT_S, MARGIN_S, Window, slept_through

TICK = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("late_s", [0, 1, 5, 60, 300, 880])
def test_a_run_ends_before_the_next_tick_whenever_it_began(late_s: float) -> None:
    clock = ManualClock(TICK + timedelta(seconds=late_s))
    window = Window.until_tick(clock, 900)
    assert window.ends == TICK + timedelta(seconds=900 - MARGIN_S)
    assert not window.over()
    clock.at = window.ends
    assert window.over()


def test_a_run_that_begins_just_before_a_tick_goes_on_beyond_it() -> None:
    clock = ManualClock(TICK - timedelta(seconds=2 * MARGIN_S - 1))
    assert Window.until_tick(clock, 900).ends == TICK + timedelta(seconds=900 - MARGIN_S)


def test_a_run_that_is_too_late_to_make_room_takes_the_next_window_too() -> None:
    clock = ManualClock(TICK)
    window = Window.until_tick(clock, 900)
    clock.at = TICK + timedelta(seconds=900 - EXIT_S + 0.1)  # a batch took long: the next run finds no place
    assert not window.over()
    assert window.ends == TICK + timedelta(seconds=1800 - MARGIN_S)
    clock.at = TICK + timedelta(seconds=1800 - MARGIN_S)
    assert window.over()
    clock.at += timedelta(seconds=100)
    assert window.over()


def test_a_window_lasts_and_can_be_closed() -> None:
    clock = ManualClock(TICK)
    window = Window.lasting(clock, 5)
    assert not window.over()
    clock.sleep(100)
    assert window.over()
    window = Window.lasting(clock, 5)
    window.close()
    assert window.over()


@pytest.mark.parametrize("interval_s", [2, 5, 8, 20, 60])
def test_short_windows_leave_room_too(interval_s: float) -> None:
    window = Window.until_tick(ManualClock(TICK), interval_s)
    assert timedelta(seconds=interval_s / 2) <= window.ends - TICK < timedelta(seconds=interval_s)
    assert window.grace >= timedelta()


def test_only_a_run_that_ended_after_the_tick_it_began_before_has_slept_through_it() -> None:
    def at(seconds: float) -> datetime:
        return TICK + timedelta(seconds=seconds)

    assert slept_through(at(-800), at(10), 900)
    assert not slept_through(at(-800), at(-MARGIN_S), 900), "it made room in time"
    assert not slept_through(at(0.5), at(100), 900), "it is the run of this tick"
    assert not slept_through(at(-890), at(900 - MARGIN_S), 900), "it took the next window too, and made room"
