"""The ITS page on stores filled with simulated cycles: every state, and what its keys do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core.contracts import AlarmRule, Settled
from core.settings import ItsSettings
from core.store import Store
from core.store.views import Judgement
from core.verdict import Evidence
from dqm.its.system import CLEAR_COUNT, incidents
from tests.app import its_cycles
from tests.app.conftest import PageRun
from tests.app.test_pages import keys, press, text

RULE = AlarmRule(clear_count=CLEAR_COUNT)
UNTIL = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)


def fill(shelf: Store, settled: list[Settled]) -> None:
    """Store cycles with their incidents, as the watch does."""
    told = [replace(s, incidents=tuple(incidents(s.observation, s.verdict))) for s in settled if s.observation]
    shelf.record("its", "sim", told, RULE)
    shelf.heartbeat("its", "watch", datetime.now(UTC), ok=True)


def both() -> list[Settled]:
    """Return a run with beam background and, from minute 10 on, a dead lane."""
    return its_cycles.settle(its_cycles.run(("background", "dead lane"), until=UNTIL))


def ids(shelf: Store) -> list[int]:
    """Return the ids of all cycles, oldest first."""
    return [view.id for view in shelf.history("its", "ITS")][::-1]


def test_without_a_qcdb_it_says_how_to_connect_one(run_page: PageRun) -> None:
    page = run_page("its")
    assert not page.exception
    assert "No QCDB is connected" in text(page)
    assert "qcdb_url" in text(page)


def test_with_a_qcdb_but_no_cycle_it_says_that_it_waits(run_page: PageRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTWATCH_ITS__QCDB_URL", "http://qcdb.example:8083")
    page = run_page("its")
    assert "No cycle yet" in text(page)
    assert "http://qcdb.example:8083" in text(page)
    assert ItsSettings().qcdb_url is None


def test_a_healthy_run_is_calm(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, its_cycles.settle(its_cycles.run(until=UNTIL)))
    page = run_page("its")
    assert not page.exception
    shown = text(page)
    assert "Nothing unusual" in shown
    assert "Nothing needs you right now" in shown
    assert "What to do" not in shown
    assert 'class="severity' not in shown
    assert 'class="edge"' not in shown
    assert shown.count('class="stave"') == 192
    assert shown.count('class="chart"') == 3


def test_the_worst_incident_is_shown_in_full_and_the_others_are_a_press_away(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, both())
    page = run_page("its")
    assert not page.exception
    shown = text(page)
    assert "Beam background from side A, and 1 more" in shown
    assert "Tell the shift leader" in shown
    assert "97 % sure" in shown
    assert "1 cycle" not in shown
    assert "times what these conditions should give" in shown
    assert 'class="badge now"' in shown
    assert shown.count('class="edge"') > 8
    page = press(page, "incident_1")
    assert "lane status of this stave" in text(page)
    assert "none of what these conditions should give" in text(page)
    assert text(page).count('class="edge"') == 4
    assert "Tell the shift leader" in text(press(page, "incident_next"))


def test_the_incident_looked_at_stays_chosen_from_cycle_to_cycle(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, both())
    page = press(run_page("its"), "incident_1")
    page = press(page, "cycle_before")
    assert page.query_params["cycle"] == str(ids(shelf)[-2])
    assert "lane status of this stave" in text(page)


def test_cycles_are_gone_through_with_keys_and_have_addresses(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, both())
    known = ids(shelf)
    page = run_page("its")
    assert page.button(key="cycle_latest").disabled
    assert page.button(key="cycle_after").disabled
    page = press(page, "cycle_before")
    assert "not the latest" in text(page)
    page = press(press(page, "cycle_before"), "cycle_after")
    assert page.query_params["cycle"] == str(known[-2])
    page = press(page, "cycle_latest")
    assert "cycle" not in page.query_params
    first = run_page("its", cycle=known[0])
    assert first.button(key="cycle_before").disabled
    assert "Nothing unusual" in text(first)
    assert "The run has just started" in text(first)


def test_the_newest_cycle_appears_by_itself_and_a_pinned_one_stays(run_page: PageRun, shelf: Store) -> None:
    cycles = both()
    fill(shelf, cycles[:-1])
    follows, stays = run_page("its"), run_page("its", cycle=ids(shelf)[-1])
    fill(shelf, cycles[-1:])
    assert f"cycle {len(cycles)} " in text(follows.run())
    assert f"cycle {len(cycles) - 1} " in text(stays.run())
    assert "not the latest" in text(stays.run())


def test_the_pictures_are_switched_with_a_key(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, both())
    page = run_page("its")
    assert "Pull from what these conditions should give" in text(page)
    page = press(page, "its_look_button")
    assert "Clusters per readout frame and chip" in text(page)
    assert "Pull from what" in text(press(page, "its_look_button"))


def test_a_cycle_that_could_not_be_judged_says_why_and_what_to_do(run_page: PageRun, shelf: Store) -> None:
    seen = its_cycles.run(until=UNTIL)
    reason = "the cycle has 3 s of data, too short to say anything"
    fill(shelf, [*its_cycles.settle(seen[:-1]), its_cycles.not_judged(seen[-1], reason)])
    page = run_page("its")
    assert not page.exception
    shown = text(page)
    assert "This cycle could not be judged" in shown
    assert reason in shown.replace("\\", "")
    assert "Ignore it if the run has just started" in shown
    assert "No picture" in shown
    assert "Nothing needs you" not in shown


def test_what_a_cycle_could_not_tell_is_told(run_page: PageRun, shelf: Store) -> None:
    seen = its_cycles.run(until=UNTIL)
    poor = its_cycles.without(
        seen[-1],
        missing="long_clusters_L0, long_clusters_L1, lane_fault",
        why_missing="long_clusters_L0: not there; long_clusters_L1: not there; lane_fault: 404",
    )
    fill(shelf, its_cycles.settle([*seen[:-1], poor]))
    shown = text(run_page("its"))
    assert "Long clusters of layers 0, 1: missing (not there); beam background is harder to see" in shown
    assert "Lane status: missing (404); a dead lane cannot be told from lost data" in shown
    assert "places are masked" in shown


@pytest.mark.parametrize("address", ["99999", "-1", "x", "9" * 40])
def test_a_cycle_that_is_not_there_is_no_error(run_page: PageRun, shelf: Store, address: str) -> None:
    fill(shelf, its_cycles.settle(its_cycles.run(until=UNTIL)))
    assert not run_page("its", cycle=address).exception


def test_evidence_that_is_gone_or_damaged_is_no_error(run_page: PageRun, shelf: Store) -> None:
    settled = both()
    damaged = {**settled[-1].verdict.evidence, "cells": Evidence(b"nonsense", "application/x-npz")}
    settled[-1] = replace(settled[-1], verdict=replace(settled[-1].verdict, evidence=damaged))
    fill(shelf, settled)
    page = run_page("its")
    assert not page.exception
    assert "Beam background from side A" in text(page)
    assert 'class="stave"' not in text(page)


def test_hostile_names_are_shown_as_text(run_page: PageRun, shelf: Store) -> None:
    settled = both()
    wicked = "<img src=x onerror=alert(1)> **b** [l](http://x)"
    region = replace(settled[-1].verdict.regions[0], where={"element": wicked, "quality": "BAD", "cells": wicked})
    settled[-1] = replace(
        settled[-1],
        verdict=replace(settled[-1].verdict, regions=(region,)),
        observation=replace(settled[-1].observation, conditions={"run": wicked, "masked": wicked, "missing": wicked}),  # type: ignore[type-var]
    )
    fill(shelf, settled)
    for page in (run_page("its"), run_page("overview"), run_page("alarms")):
        assert not page.exception
        assert "<img src=x" not in text(page).replace("\\<", "")


def test_alarms_lead_to_their_cycle_and_begin_with_the_data(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, both())
    assert {alarm.element for alarm in shelf.alarms(system="its")} == {"inner barrel A", "L4_12/lane 7"}
    lane = next(alarm for alarm in shelf.alarms(system="its") if alarm.element == "L4_12/lane 7")
    assert abs(lane.bad_since - (UNTIL - timedelta(minutes=5))) <= timedelta(minutes=1)
    page = run_page("alarms", alarm=lane.id)
    assert not page.exception
    labels = [link.proto.label for link in page.get("page_link")]
    assert "Open this cycle on the ITS page" in labels
    assert "Open the board at the inspection station" not in labels
    assert f"since {lane.bad_since:%d %b %H:%M}" in text(page)
    assert "lane status of this stave" in text(page).replace("\\", "")


def test_the_overview_names_the_place_and_the_action(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, both())
    shown = text(run_page("overview"))
    assert "2 alarms" in shown
    assert "Dead lane: L4_12/lane 7. Look at the lane status" in shown
    assert "No data yet" in shown  # FLEX, which nobody uses here, asks for nothing


def test_any_place_can_be_followed_through_the_run(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, both())
    page = run_page("its")
    page.text_input(key="its_follow").set_value(" L3_07 ").run()
    assert "Clusters at L3_07, of expected" in text(page)
    assert text(page).count('class="edge followed"') == 4
    page.text_input(key="its_follow").set_value("L9_<b>").run()
    assert not page.exception
    assert "There is no such place" in text(page)
    assert "Clusters there, of expected" in text(page)


def test_what_a_person_says_of_an_incident_is_stored_with_the_name(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, both())
    nobody = run_page("its", operator="")
    assert "answer_right" not in keys(nobody)
    nobody.text_input(key="operator_field").set_value("Ben Ito").run()
    assert "answer_right" in keys(nobody.run())
    page = press(press(run_page("its"), "answer_right"), "incident_1")
    page = press(page, "answer_false_alarm")
    assert "Anna Keller said: false alarm." in text(page)
    page.selectbox(key="answer_cause_1").set_value("readout loss").run()
    detail = shelf.observation(ids(shelf)[-1])
    assert detail is not None
    assert [(word.region_index, word.judgement, word.cause) for word in detail.feedback] == [
        (0, Judgement.RIGHT, "beam background A"),
        (1, Judgement.FALSE_ALARM, None),
        (1, Judgement.WRONG_CAUSE, "readout loss"),
    ]


def test_no_key_is_used_twice(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, both())
    page: AppTest = run_page("its")
    assert {"cycle_before", "cycle_after", "cycle_latest", "incident_previous", "incident_next"} <= keys(page)
    shortcuts = [button.proto.shortcut for button in page.button if button.proto.shortcut]
    assert len(set(shortcuts)) == len(shortcuts)
