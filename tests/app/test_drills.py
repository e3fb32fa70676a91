"""Drills as people meet them: the command, alarm health, the shift report; and nothing before the end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from app.handover import making
from core.contracts import AlarmRule, Altered, Arrival, Incident, Settled
from core.observation import Observation
from core.settings import load_settings
from core.shifts import Span
from core.store import Store, drills
from core.verdict import Cause, Quality, Verdict
from tests.app.conftest import PageRun
from tests.app.test_pages import text

LANE = "L4_03/lane 9"
TOLD = f"A lane of the outer barrel stops sending data, {LANE}"
BEGIN = ("drill", "its", "dead_lane", "--minutes", "5", "--seed", "1", "--by", "Eva")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def altered(store: Store) -> None:
    """Record a cycle that the drill altered, as the watch would."""
    at = datetime.now(UTC)
    number = drills.all_running(store.database)[0].id
    seen = Observation("its", "ITS", "560001_1", at, "qcdb", "0" * 64, {"run": 560001})
    real = Settled(Arrival("t", "qcdb"), seen, Verdict(Quality.GOOD), at + timedelta(seconds=2), ())
    lane = Incident(
        "place", frozenset({"L4_03/lane_9"}), "L4_03/lane 9", Quality.BAD, at, "dead lane", "dead lane there"
    )
    bad = Verdict(Quality.BAD, cause=Cause("dead lane", 1.0))
    drills.begun(store.database, number, "L4_03/lane 9", at)
    store.record(
        "its", "qcdb", [replace(real, verdict=bad, incidents=(lane,), altered=Altered(number, real))], AlarmRule()
    )


def test_faults_are_listed_and_a_system_without_says_why(shelf: Store) -> None:
    listed = run("drill").stdout
    for name in ("dead_lane", "background_a", "secondary_inside", "frozen"):
        assert name in listed
    assert "no drills: a board is judged with the board in the hand" in listed


@pytest.mark.parametrize(
    ("arguments", "why"),
    [(("flex", "burn"), "board in the hand"), (("its", "burn"), "no fault called 'burn'; there is: dead_lane")],
)
def test_what_cannot_be_drilled_is_refused_with_the_reason(shelf: Store, arguments: tuple[str, str], why: str) -> None:
    from core.errors import DrillError

    with pytest.raises(DrillError, match=why):
        run("drill", *arguments)


def test_it_is_begun_ended_and_told_at_the_command_line(shelf: Store) -> None:
    assert "no drill is over yet" in run("drill", "--results").stdout
    assert "nobody is told before it ends" in run(*BEGIN).stdout
    altered(shelf)
    assert "no drill is over yet" in run("drill", "--results").stdout
    ended = run("drill", "--end", "--by", "Eva").stdout
    for words in (
        "by Eva",
        "A lane of the outer barrel stops sending data, L4_03/lane 9",
        "right: Dead lane",
        "nobody did",
    ):
        assert words in ended
    assert run("drill", "--results").stdout.replace("\n", "") in ended.replace("\n", "") + "\n"
    assert run("drill", "--end").stdout == "no drill goes on\n"


@pytest.mark.parametrize("page", ["overview", "alarms", "its", "health", "report", "models", "trail"])
def test_no_page_tells_of_it_before_the_end(shelf: Store, run_page: PageRun, page: str) -> None:
    run(*BEGIN)
    altered(shelf)
    drawn = run_page(page)
    assert not drawn.exception
    assert "drill" not in text(drawn).lower()
    (alarm,) = shelf.alarms()
    opened = run_page("alarms", alarm=alarm.id)
    assert "drill" not in text(opened).lower()


def test_alarm_health_and_the_report_tell_of_it_afterwards_and_count_it_nowhere(
    shelf: Store, run_page: PageRun
) -> None:
    run(*BEGIN)
    altered(shelf)
    run("drill", "--end")
    shown = text(run_page("health"))
    assert "No alarm in this time." in shown
    assert TOLD in shown
    now = datetime.now(UTC)
    span = Span(now - timedelta(hours=1), now + timedelta(hours=1))
    report = making.make(shelf, load_settings(), span, now + timedelta(minutes=5)).markdown().decode()
    assert "Drills" in report
    assert "right: Dead lane" in report
    assert "No alarm was open in this shift." in report
    assert "100.0%" in report, "the data were good"
