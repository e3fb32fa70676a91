"""The plasma page on stores filled with simulated shots: every state, and what its keys do."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from accelerator.schlieren import display, table
from accelerator.schlieren.causes import Cause
from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.display_words import cause_label, decimals_worth, value_of
from accelerator.schlieren.result import EVIDENCE, MEDIA_TYPE
from core.contracts import Settled
from core.store import Store
from core.store.views import Judgement
from core.verdict import Evidence
from tests.app import schlieren_shots as shots
from tests.app.conftest import PageRun
from tests.app.test_pages import keys, press, text

UNTIL = datetime(2026, 5, 1, 20, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def runs() -> dict[str, list[Settled]]:
    """Return the stories, judged once."""
    stories = (shots.good, shots.no_ionisation, shots.drift, shots.frozen)
    return {story.__name__: shots.settle(story(), UNTIL) for story in stories}


def test_without_any_shot_it_says_where_to_put_one(run_page: PageRun) -> None:
    page = run_page("schlieren")
    assert not page.exception
    assert "No shot yet" in text(page)
    assert "inbox/schlieren" in text(page)
    assert "SHIFTWATCH_SCHLIEREN__CAMERA" in text(page)


def test_a_good_shot_is_calm_and_measured(run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]) -> None:
    shots.fill(shelf, runs["good"])
    page = run_page("schlieren")
    assert not page.exception
    shown = text(page)
    assert "Good shot" in shown
    assert "run 1000 · shot 24" in shown
    assert "Nothing needs you right now" in shown
    assert 'class="severity' not in shown
    assert "What to do" not in shown
    assert shown.count("<figure class=") == 3
    assert shown.count('aria-label="1.2 times the floor"') == 5
    assert "Peak ionisation is degenerate" in shown
    assert "Vapour density, % from set point" in shown
    assert shelf.alarms(system="schlieren") == []


def test_no_ionisation_says_so_and_measures_nothing(
    run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]
) -> None:
    shots.fill(shelf, runs["no_ionisation"])
    page = run_page("schlieren")
    assert not page.exception
    shown = text(page)
    assert "No ionisation" in shown
    assert "What to do" in shown
    assert 'class="params"' not in shown
    assert "Withheld: There is no channel to measure." in shown
    assert "degenerate" not in shown
    assert "97 %" in shown
    alarms = shelf.alarms(system="schlieren")
    assert [(one.kind, one.count) for one in alarms] == [("no_ionisation", 3)]
    assert alarms[0].message.startswith("No ionisation (97%): laser 0.")


def test_what_was_judged_afterwards_says_that_nobody_was_alarmed(
    run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]
) -> None:
    shelf.record_past("schlieren", "backfill", runs["no_ionisation"])
    assert not shelf.alarms()
    (old,) = [
        one for one in shelf.history("schlieren", shots.CAMERA) if one.key == runs["no_ionisation"][-1].observation.key
    ]
    assert old.is_backfill
    assert "nobody was alarmed" in text(run_page("schlieren", **{display.ASKS: str(old.id)}))
    shots.fill(shelf, runs["good"])
    assert "nobody was alarmed" not in text(run_page("schlieren"))


def test_a_drift_is_seen_while_shots_are_measured(
    run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]
) -> None:
    shots.fill(shelf, runs["drift"])
    page = run_page("schlieren")
    assert not page.exception
    shown = text(page)
    assert "Vapour density +3." in shown
    assert "since the run began" in shown
    assert "Worth a look" in shown
    assert "per hour, since" in shown
    assert shown.count('class="p-value"') == 5
    assert [one.kind for one in shelf.alarms(system="schlieren")] == ["density_drift"]


def test_a_frozen_camera_is_one_alarm(run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]) -> None:
    shots.fill(shelf, runs["frozen"])
    shown = text(run_page("schlieren"))
    assert "Camera frozen" in shown
    assert "the camera gave the same frame as for run 1000 shot 23" in shown.replace("\\", "").lower()
    assert "no fit" in shown
    assert [one.kind for one in shelf.alarms(system="schlieren")] == ["frozen"]


def test_a_file_that_could_not_be_read_says_why(run_page: PageRun, shelf: Store) -> None:
    shots.fill(shelf, [shots.not_judged("is cut short", UNTIL)])
    page = run_page("schlieren")
    assert not page.exception
    assert "This shot could not be judged" in text(page)
    assert "is cut short" in text(page)
    assert "No picture" in text(page)


def test_from_a_file_that_could_not_be_read_there_is_a_way_back(
    run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]
) -> None:
    shots.fill(shelf, [*runs["good"][:4], shots.not_judged("is cut short", UNTIL + timedelta(seconds=5))])
    page = run_page("schlieren")
    assert "too few shots yet" not in text(page)
    assert "Go to the last shot that was read" in [link.proto.label for link in page.get("page_link")]


def test_what_a_bad_shot_measured_far_away_does_not_flatten_the_trend(runs: dict[str, list[Settled]]) -> None:
    from app.dashboard.panels.channel_trends import _within
    from core.store.course import CoursePoint
    from core.verdict import Measurement, Quality

    points = [CoursePoint(n, UNTIL, {}, Quality.BAD if n > 4 else Quality.GOOD, None, None, {}, None) for n in range(7)]
    known = [Measurement(value, 1.0, "um") for value in (1.0, 2.0, 3.0, 2.0, 1.0, 5.0, 900.0)]
    assert [one and one.value for one in _within(known, points)] == [1.0, 2.0, 3.0, 2.0, 1.0, 5.0, None]


def test_shots_are_gone_through_with_keys_and_have_addresses(
    run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]
) -> None:
    shots.fill(shelf, runs["no_ionisation"])
    known = [view.id for view in shelf.observations("schlieren", 30)]
    page = run_page("schlieren")
    assert page.button(key="shot_latest").disabled
    page = press(page, "shot_before")
    assert page.query_params["shot"] == str(known[1])
    assert "not the latest" in text(page)
    page = press(page, "shot_latest")
    assert "shot" not in page.query_params
    assert "Good shot" in text(run_page("schlieren", shot=known[5]))


@pytest.mark.parametrize("address", ["99999", "-1", "x", "9" * 40])
def test_a_shot_that_is_not_there_is_no_error(
    run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]], address: str
) -> None:
    shots.fill(shelf, runs["good"][:2])
    page = run_page("schlieren", shot=address)
    assert not page.exception
    assert ("no such shot" in text(page)) == (address == "99999")


def test_marks_are_hidden_with_a_key(run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]) -> None:
    shots.fill(shelf, runs["good"][:3])
    page = run_page("schlieren")
    assert text(page).count('<i class="edge"') == 6
    page = press(page, "plasma_marks_button")
    assert '<i class="edge"' not in text(page)


def test_evidence_that_is_damaged_is_no_error(run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]) -> None:
    one = runs["no_ionisation"][-1]
    for number, nonsense in enumerate((b"{", b'{"parameters": []}', b"[]")):
        damaged = {**one.verdict.evidence, EVIDENCE: Evidence(nonsense, MEDIA_TYPE)}
        assert one.observation is not None
        again = replace(one.observation, key=f"x{number}", observed_at=UNTIL + timedelta(days=number + 1))
        shots.fill(
            shelf, [replace(one, observation=again, verdict=replace(one.verdict, evidence=damaged), incidents=())]
        )
        page = run_page("schlieren")
        assert not page.exception
        assert "No ionisation" in text(page)
        assert "not there any more" in text(page)


def test_hostile_names_are_shown_as_text(run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]) -> None:
    wicked = "<img src=x onerror=alert(1)> **b** [l](http://x)"
    one = runs["no_ionisation"][-1]
    assert one.observation is not None
    told = {"run": wicked, "event": wicked, "mask": wicked, "notes": wicked, "camera": wicked}
    seen = replace(one.observation, element=wicked, conditions=told)
    verdict = replace(one.verdict, reason=wicked)
    shots.fill(shelf, [replace(one, observation=seen, verdict=verdict)])
    for page in (run_page("schlieren"), run_page("overview"), run_page("alarms")):
        assert not page.exception
        assert "<img src=x" not in text(page).replace("\\<", "")


def test_alarms_and_overview_lead_to_the_shot(run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]) -> None:
    shots.fill(shelf, runs["no_ionisation"])
    alarm = shelf.alarms(system="schlieren")[0]
    page = run_page("alarms", alarm=alarm.id)
    assert not page.exception
    assert "Open this shot on the plasma page" in [link.proto.label for link in page.get("page_link")]
    assert "AWAKECAM11: no ionisation" in text(page).replace("\\", "")
    assert "No ionisation. Look at the energy meters" in text(run_page("overview"))


def test_what_a_person_says_is_stored_with_the_name(
    run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]
) -> None:
    shots.fill(shelf, runs["no_ionisation"])
    assert "answer_right" not in keys(run_page("schlieren", operator=""))
    page = press(run_page("schlieren"), "answer_right")
    assert "Anna Keller said: it is so." in text(page)
    page.selectbox(key="answer_cause_None").set_value("dark").run()
    detail = shelf.observation(shelf.observations("schlieren", 1)[0].id)
    assert detail is not None
    assert [(word.judgement, word.cause) for word in detail.feedback] == [
        (Judgement.RIGHT, "no_ionisation"),
        (Judgement.WRONG_CAUSE, "dark"),
    ]


def test_no_key_is_used_twice(run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]) -> None:
    shots.fill(shelf, runs["no_ionisation"])
    page = run_page("schlieren")
    shortcuts = [button.proto.shortcut for button in page.button if button.proto.shortcut]
    assert {"h", "a", "x", "y", "l", "left", "right"} <= {one.lower() for one in shortcuts}
    assert len(set(shortcuts)) == len(shortcuts)


def test_the_table_is_taken_home_as_csv_and_parquet(
    run_page: PageRun, shelf: Store, runs: dict[str, list[Settled]]
) -> None:
    shots.fill(shelf, runs["no_ionisation"])
    page = run_page("schlieren")
    assert [button.proto.label for button in page.get("download_button")] == ["CSV", "Parquet"]
    points = shelf.course("schlieren", shots.CAMERA, UNTIL - timedelta(hours=8), UNTIL, limit=100)
    found = list(csv.DictReader(io.StringIO(table.to_csv(points).decode())))
    assert len(found) == shots.GOOD
    assert (found[0]["run"], found[0]["event"], found[0]["quality"]) == ("1000", "1", "GOOD")
    assert float(found[0]["core_radius_um_floor"]) == 1.1
    assert (found[-1]["cause"], found[-1]["core_radius_um"]) == ("no_ionisation", "")
    columns = pq.read_table(io.BytesIO(table.to_parquet(points)))
    assert columns.num_rows == shots.GOOD
    assert columns.column_names == list(found[0])
    assert columns.schema.metadata[b"unit position_um"] == b"um"
    assert columns.column("event").to_pylist()[0] == 1
    assert columns.column("position_um").null_count == 3


def test_texts_are_no_formulas_in_a_spreadsheet(shelf: Store, runs: dict[str, list[Settled]]) -> None:
    one = runs["good"][0]
    assert one.observation is not None
    told = {**one.observation.conditions, "camera": "=HYPERLINK(1)", "notes": "-1+2"}
    shots.fill(shelf, [replace(one, observation=replace(one.observation, conditions=told))])
    points = shelf.course("schlieren", shots.CAMERA, UNTIL - timedelta(hours=8), UNTIL, limit=100)
    row = next(csv.DictReader(io.StringIO(table.to_csv(points).decode())))
    assert (row["camera"], row["notes"]) == ("'=HYPERLINK(1)", "'-1+2")


def test_an_empty_table_has_its_columns() -> None:
    assert table.to_csv([]).decode().startswith("observed_at,run,event,camera,quality,cause,position_um")
    assert pq.read_table(io.BytesIO(table.to_parquet([]))).num_rows == 0


def test_silence_is_told_only_once_it_is_unusual() -> None:
    times = [UNTIL + timedelta(seconds=30 * number) for number in range(5)]
    assert not display.is_silent(times, times[-1] + timedelta(seconds=200))
    assert display.is_silent(times, times[-1] + timedelta(seconds=400))
    assert not display.is_silent(times[:3], times[-1] + timedelta(days=1))


def test_every_cause_has_plain_words() -> None:
    labels = {cause_label(cause) for cause in Cause}
    assert len(labels) == len(Cause)
    assert not any("_" in label for label in labels)
    assert cause_label("new_kind") == "New kind"


@pytest.mark.parametrize(
    ("value", "sigma", "words"),
    [
        (812.44, 0.94, "812.4 ± 0.9"),
        (-12.3456, 0.12, "−12.35 ± 0.12"),
        (0.95432, 0.0112, "0.954 ± 0.011"),
        (1234.5, 37.0, "1234 ± 37"),
        (5.0, None, "5"),
        (float("nan"), 1.0, "not known"),
    ],
)
def test_figures_have_the_digits_they_are_worth(value: float, sigma: float | None, words: str) -> None:
    assert value_of(value, sigma) == words
    assert decimals_worth(1e-12) == 4


def test_parameters_are_all_named() -> None:
    from accelerator.schlieren.display_words import PARAMETERS as NAMES

    assert set(NAMES) == set(PARAMETERS)
