"""Every page on a filled and on an empty store, and what its keys do."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core.store import Store, queries, waiting
from core.store.views import Disposition, Judgement
from core.verdict import Quality
from tests.app.boards import broken, cheap_picture, cheap_store, fill, judged
from tests.app.conftest import PageRun


def text(page: AppTest) -> str:
    parts = [page.markdown, page.header, page.caption, page.get("html"), page.title]
    return "\n".join(
        str(element.value if hasattr(element, "value") else element.proto) for kind in parts for element in kind
    )


def press(page: AppTest, key: str) -> AppTest:
    button = page.button(key=key)
    assert not button.disabled, f"{key} is disabled"
    page = button.click().run()
    assert not page.exception
    return page


def keys(page: AppTest) -> set[str]:
    return {button.key for button in page.button}


# -- overview


def test_overview_of_an_empty_store_says_where_to_drop_a_photo(run_page: PageRun) -> None:
    page = run_page("overview")
    assert not page.exception
    assert "No data yet" in text(page)
    assert "Drop a photo" in text(page)


def test_overview_names_the_bad_board_first(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    page = run_page("overview")
    assert not page.exception
    assert "2 alarms" in text(page)
    assert "Set board 20UPGPQ2600002 aside" in text(page)


# -- alarms


def test_alarm_list_without_alarms_says_so(run_page: PageRun) -> None:
    assert "No alarm is open" in text(run_page("alarms"))


def test_alarm_list_shows_the_bad_board_before_the_unreadable_file(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    shown = text(run_page("alarms"))
    assert shown.index("20UPGPQ2600002") < shown.index("cut")
    assert "Nobody yet" in shown


def test_an_alarm_is_acknowledged_commented_and_cleared_in_the_operators_name(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    alarm = alarm_of(shelf, "20UPGPQ2600002")
    page = run_page("alarms", alarm=alarm)
    page.text_input(key="alarm_note").set_value("on my desk")
    page = press(page, f"acknowledge_{alarm}")
    assert page.text_input(key="alarm_note").value == ""
    page = press(page, f"clear_{alarm}")
    detail = shelf.alarm(alarm)
    assert detail is not None
    assert (detail.view.acknowledged_by, detail.view.is_open) == ("Anna Keller", False)
    assert "on my desk" in [event.note for event in detail.events]


def test_nobody_acts_on_an_alarm_without_a_name(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    alarm = alarm_of(shelf, "20UPGPQ2600002")
    page = run_page("alarms", operator="", alarm=alarm)
    assert page.button(key=f"acknowledge_{alarm}").disabled


@pytest.mark.parametrize("address", ["99", "-1", "x", "1' or 1", "9" * 40, "²"])
def test_an_alarm_that_is_not_there_is_no_error(run_page: PageRun, shelf: Store, address: str) -> None:
    assert not run_page("alarms", alarm=address).exception


# -- inspection station


def test_a_board_left_undecided_long_ago_is_in_the_queue(
    run_page: PageRun, shelf: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the newest 2000 photos were looked through: what was older waited unseen."""
    cheap_store(shelf)
    boards = shelf.observations("flex", 50, undecided=True)
    assert len(boards) > 1
    for module in (queries, waiting):
        monkeypatch.setattr(module, "LOOKED_THROUGH", 1)
    assert [one.id for one in shelf.observations("flex", 50, undecided=True)] == [boards[0].id]
    page = run_page("inspection")
    assert not page.exception
    assert f"{len(boards)} boards waiting" in text(page)


def test_inspection_of_an_empty_store_says_where_to_drop_a_photo(run_page: PageRun) -> None:
    page = run_page("inspection")
    assert "No board waits for you" in text(page)
    assert "Drop a photo of a board" in text(page)


def test_the_first_board_is_one_with_marked_places_and_gets_its_address(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    page = run_page("inspection")
    assert not page.exception
    assert "look at these 3 places" in text(page)
    assert page.query_params["board"] == str(board_of(shelf, "20UPGPQ2600002"))
    assert "about 1 place is marked by mistake on a good board" in text(page)


def test_a_board_is_decided_by_keys_and_leaves_a_record(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    board = board_of(shelf, "20UPGPQ2600002")
    page = run_page("inspection", board=board)
    assert page.button(key=f"submit_{board}").disabled
    for key in ("accept_0", "reject_1", "class_6_2"):
        page = press(page, key)
    hold_on(page)
    page = press(page, f"submit_{board}")
    detail = shelf.observation(board)
    assert detail is not None
    assert [word.judgement for word in detail.feedback] == [
        Judgement.RIGHT,
        Judgement.FALSE_ALARM,
        Judgement.WRONG_CAUSE,
    ]
    assert [word.cause for word in detail.feedback] == ["Scratches_Wirebonding_pad", None, "Dusts"]
    assert detail.view.disposition is Disposition.FAILED
    assert detail.decisions[-1].author == "Anna Keller"
    record = detail.records[-1].content
    assert (record["serialNumber"], record["testType"], record["passed"]) == (
        "20UPGPQ2600002",
        "VISUAL_INSPECTION",
        False,
    )
    assert record["results"]["property"]["OPERATOR"] == "Anna Keller"
    alarm = shelf.alarm(alarm_of(shelf, "20UPGPQ2600002", open_only=False))
    assert alarm is not None
    assert not alarm.view.is_open
    assert page.query_params["board"] == str(board_of(shelf, "20UPGPQ2600003"))
    assert "Stored: 20UPGPQ2600002, failed: 2 defects" in text(page)


def test_a_board_passes_with_a_minor_defect(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    board = board_of(shelf, "20UPGPQ2600002")
    page = run_page("inspection", board=board)
    for key in ("class_6_0", "previous", "minor_0", "rest_1_2"):
        page = press(page, key)
    hold_on(page)
    page = press(page, f"submit_{board}")
    detail = shelf.observation(board)
    assert detail is not None
    assert detail.view.disposition is Disposition.PASSED
    assert "passed: 1 minor defect" in text(page)
    assert "Yellow.Dusts" in json.dumps(detail.records[-1].content)


def test_moving_with_keys_goes_around(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    page = run_page("inspection", board=board_of(shelf, "20UPGPQ2600002"))
    assert "Place 1 of 3" in text(page)
    assert "Place 3 of 3" in text(press(page, "previous"))
    assert "Place 1 of 3" in text(press(page, "next"))


def test_a_decision_in_progress_survives_what_arrives_meanwhile(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    board = board_of(shelf, "20UPGPQ2600002")
    page = press(run_page("inspection", board=board), "reject_0")
    fill(shelf, [judged(cheap_picture(2, seed=9), "20UPGPQ2600009", Quality.BAD, datetime.now(UTC))])
    page = page.run()
    assert "1 of 3 decided" in text(page) or page.get("progress")[0].proto.text == "1 of 3 decided"
    assert page.query_params["board"] == str(board)


def test_a_good_board_passes_with_one_key(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    board = board_of(shelf, "20UPGPQ2600001")
    page = run_page("inspection", board=board)
    assert "nothing suspicious found" in text(page)
    hold_on(page)
    press(page, f"submit_{board}")
    detail = shelf.observation(board)
    assert detail is not None
    assert detail.view.disposition is Disposition.PASSED


def test_a_second_press_meant_for_the_board_before_does_not_pass_the_next(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    board = board_of(shelf, "20UPGPQ2600001")
    page = run_page("inspection", board=board)
    page.session_state["shown_at"] = float("inf")
    press(page, f"submit_{board}")
    detail = shelf.observation(board)
    assert detail is not None
    assert detail.view.disposition is None


def test_a_file_that_could_not_be_judged_shows_why_and_what_to_do(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    board = board_of(shelf, "unreadable")
    page = run_page("inspection", board=board)
    assert "cut" in text(page)
    assert "image file is truncated" in text(page)
    assert "Copy or scan it again" in text(page)
    assert not {key for key in keys(page) if key and key.startswith("accept")}
    hold_on(page)
    press(page, f"submit_{board}")
    detail = shelf.observation(board)
    assert detail is not None
    assert detail.view.disposition is Disposition.SET_ASIDE
    assert not detail.records


def test_a_decided_board_shows_its_decision_and_can_be_decided_again(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    board = board_of(shelf, "20UPGPQ2600003")
    page = press(run_page("inspection", board=board), "accept_0")
    hold_on(page)
    press(page, f"submit_{board}")
    page = run_page("inspection", operator="Ben Ito", board=board)
    assert "Failed" in text(page)
    assert "by Anna Keller" in text(page)
    assert json.loads(page.json[0].value)["serialNumber"] == "20UPGPQ2600003"
    page = press(press(page, "reopen"), "reject_0")
    hold_on(page)
    press(page, f"submit_{board}")
    detail = shelf.observation(board)
    assert detail is not None
    assert [decision.author for decision in detail.decisions] == ["Anna Keller", "Ben Ito"]
    assert detail.view.disposition is Disposition.PASSED


def test_nobody_submits_without_a_name(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    board = board_of(shelf, "20UPGPQ2600003")
    page = press(run_page("inspection", operator="", board=board), "accept_0")
    assert page.button(key=f"submit_{board}").disabled
    page.text_input(key="operator_field").set_value("  Anna\tKeller ").run()
    page = page.run()
    assert not page.button(key=f"submit_{board}").disabled
    assert page.session_state["operator_name"] == "Anna Keller"


def test_what_cannot_be_stored_is_told_and_keeps_the_answers(
    run_page: PageRun, shelf: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.errors import StoreError

    def full(*given: object, **named: object) -> None:
        raise StoreError("no space left on the disk")

    cheap_store(shelf)
    board = board_of(shelf, "20UPGPQ2600003")
    page = press(run_page("inspection", board=board), "accept_0")
    monkeypatch.setattr(Store, "decide", full)
    hold_on(page)
    page = press(page, f"submit_{board}")
    assert "no space left on the disk" in page.error[0].value
    assert not page.button(key=f"submit_{board}").disabled


@pytest.mark.parametrize("address", ["99", "-1", "x", "9" * 40])
def test_a_board_that_is_not_there_is_no_error(run_page: PageRun, shelf: Store, address: str) -> None:
    assert not run_page("inspection", board=address).exception


def test_hostile_names_are_shown_as_text(run_page: PageRun, shelf: Store) -> None:
    name = "<img src=x onerror=alert(1)> **b** [l](http://x)"
    settled = [
        judged(cheap_picture(1), name, Quality.BAD, datetime.now(UTC) - timedelta(minutes=2)),
        broken("../../<script>.jpg", "x" * 5000, datetime.now(UTC)),
    ]
    fill(shelf, settled)
    for page in (
        run_page("overview"),
        run_page("alarms"),
        run_page("alarms", alarm=shelf.alarms()[0].id),
        run_page("inspection", board=board_of(shelf, name)),
    ):
        assert not page.exception
        assert not re.search(r"(?<!\\)<(img|script)", text(page))
        labels = [link.proto.label for link in page.get("page_link")]
        assert "](http" not in "\n".join([*labels, *(element.value for element in page.markdown)])


def board_of(shelf: Store, element: str) -> int:
    return shelf.history("flex", element)[0].id


def alarm_of(shelf: Store, element: str, *, open_only: bool = True) -> int:
    return next(alarm.id for alarm in shelf.alarms(open_only) if alarm.element == element)


def hold_on(page: AppTest) -> None:
    """Let the time pass in which a submit key is taken for a slip."""
    page.session_state["shown_at"] = float("-inf")
