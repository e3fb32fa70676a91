"""Words for people."""

from datetime import UTC, datetime, timedelta

import pytest

from app.dashboard.person import cleaned
from app.dashboard.wording import age, ago, clock_time, plain, shortened, zone

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (7200, "2 h"), (200_000, "2 days"), (-5, "0 s")],
)
def test_ages_have_one_unit(seconds: float, words: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == words


def test_never_and_just_now() -> None:
    assert ago(None, NOW) == "never"
    assert ago(NOW, NOW) == "just now"


def test_times_are_those_of_the_desk_with_the_date_when_it_was_another_day() -> None:
    assert clock_time(NOW, NOW, zone("Europe/Zurich")) == "10:00"
    assert clock_time(NOW - timedelta(days=2), NOW, zone("Europe/Zurich")) == "20 Nov 10:00"
    assert zone("Not/AZone") is UTC
    assert zone("../../etc/passwd") is UTC


def test_markup_from_outside_is_shown_as_it_is() -> None:
    assert plain("**[a](b)**") == r"\*\*\[a\]\(b\)\*\*"


def test_names_are_one_printable_line() -> None:
    assert cleaned(" Anna\n\x00Keller\t ") == "Anna Keller"
    assert len(cleaned("x" * 500)) == 60


def test_long_names_are_shortened() -> None:
    assert shortened("20UPGPQ2600105") == "20UPGPQ2600105"
    assert shortened("20UPGPQ2600105_PCB_RECEPTION_Front") == "20UPGPQ2600105_PCB_RE…"
