"""Settings of a site: shifts, logbook, pinned models."""

from datetime import time

import pytest

from core.errors import SettingsError
from core.settings import load_settings
from core.shifts import ShiftPlan


def test_shifts_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTWATCH_SHIFTS__STARTS", '["06:00", "14:00", "22:00"]')
    monkeypatch.setenv("SHIFTWATCH_SHIFTS__ZONE", "Asia/Tokyo")
    assert load_settings().shifts.plan == ShiftPlan((time(6), time(14), time(22)), "Asia/Tokyo")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"shifts": {"starts": ["07:00", "06:00"]}}, "in order"),
        ({"shifts": {"starts": ["07:00", "07:00"]}}, "in order"),
        ({"shifts": {"starts": []}}, "at least 1"),
        ({"shifts": {"zone": "Mars/Base"}}, "no time zone called 'Mars/Base'"),
        ({"logbook_url": "ftp://logbook"}, "logbook_url"),
    ],
)
def test_impossible_ones_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings(**given)


def test_the_token_of_the_logbook_is_not_shown() -> None:
    assert "hush" not in repr(load_settings(logbook_token="hush"))
