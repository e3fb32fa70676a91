"""Answers on the page of an alarm: one key each, what follows at once, who may."""

from datetime import UTC, datetime

import pytest

from core.contracts import AlarmRule
from core.store import Store
from core.store.answers import on_alarm
from core.store.views import Judgement
from core.verdict import Quality
from tests.app.boards import cheap_picture, judged
from tests.app.conftest import PageRun
from tests.app.test_pages import text

KEYS = ("right", "false_alarm", "known")


@pytest.fixture
def alarm(shelf: Store) -> int:
    board = judged(cheap_picture(2), "20UPGPQ2600102", Quality.BAD, datetime.now(UTC))
    shelf.record("flex", "folder", [board], AlarmRule())
    return shelf.alarms()[0].id


def test_a_false_alarm_is_one_key(run_page: PageRun, shelf: Store, alarm: int) -> None:
    page = run_page("alarms", alarm=alarm)
    page.button(key="alarm_answer_false_alarm").click().run()
    assert not page.exception
    assert "Anna Keller said: false alarm." in text(page)
    assert "It does not ask again before" in text(page)
    [closed] = shelf.alarms(open_only=False)
    assert not closed.is_open
    assert shelf.alarms() == []


def test_another_cause_is_named(run_page: PageRun, shelf: Store, alarm: int) -> None:
    page = run_page("alarms", alarm=alarm)
    page.selectbox(key=f"alarm_cause_{alarm}").select("Dusts").run()
    assert not page.exception
    said = on_alarm(shelf.database, alarm)
    assert said is not None
    assert said[:3] == (Judgement.WRONG_CAUSE, "Dusts", "Anna Keller")
    assert "nother cause" in text(page)
    assert "Dust or fibre" in text(page)
    assert shelf.alarms()[0].is_open


def test_a_viewer_cannot_answer(run_page: PageRun, shelf: Store, alarm: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTWATCH_ACCESS__LOCAL", "viewer")
    page = run_page("alarms", alarm=alarm)
    assert all(page.button(key=f"alarm_answer_{key}").disabled for key in KEYS)
