"""The collimation page on stores filled with maps made by hand: every state, and what its keys do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from accelerator.collimation.diagnosis import EVIDENCE, MEDIA_TYPE
from core.store import Store
from core.store.views import Judgement
from core.verdict import Evidence
from tests.app import collimation_maps as maps
from tests.app.conftest import PageRun
from tests.app.test_pages import keys, press, text

UNTIL = datetime(2026, 5, 1, 20, 18, tzinfo=UTC)


def fill(shelf: Store, *cases: maps.Case) -> None:
    maps.fill(shelf, maps.settle(cases, UNTIL))


def test_without_any_map_it_says_where_to_put_one(run_page: PageRun) -> None:
    page = run_page("collimation")
    assert not page.exception
    assert "No loss map yet" in text(page)
    assert "inbox/collimation" in text(page)


def test_a_nominal_map_is_calm(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, maps.nominal(), maps.nominal())
    page = run_page("collimation")
    assert not page.exception
    shown = text(page)
    assert "Hierarchy intact" in shown
    assert "Nothing needs you right now" in shown
    assert "B1 horizontal · flat top · fill 7495" in shown
    assert "What to do" not in shown
    assert 'class="severity' not in shown
    assert 'class="margin less"' not in shown
    assert "Not seen here: TCSG → TCLA." in shown
    assert "if put right" not in shown
    assert "These losses cannot" not in shown
    assert "What these losses cannot show" in shown


def test_a_retracted_primary_is_named_with_its_margin_and_what_to_do(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, maps.nominal(), maps.tcp_retracted())
    page = run_page("collimation")
    assert not page.exception
    shown = text(page)
    assert "TCP.C6L7.B1 retracted by 0.6 ± 0.1 σ" in shown
    assert "5.6 ± 0.1 σ instead of 5.0 σ" in shown
    assert "91 %" in shown
    assert "off centre by 0.14 ± 0.04 mm, 6 %" in shown
    assert "The order holds, but TCP → TCSG has 0.9 ± 0.1 of 1.5 σ left." in shown
    assert "What to do:" in shown
    assert 'class="margin less"' in shown
    assert "if put right" in shown


def test_a_tertiary_inside_the_secondaries_is_a_broken_hierarchy(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, maps.tct_exposed())
    shown = text(run_page("collimation"))
    assert "TCTPH.4L1.B1 too far in by 3.0 ± 0.3 σ" in shown
    assert "Broken: TCT is inside TCDQ by 1.0 ± 0.3 σ." in shown
    assert 'class="margin gone"' in shown


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (maps.cannot_tell(), ("Cannot tell from these losses", "83 protons were lost", "neither that it is broken")),
        (maps.off_momentum(), ("Off-momentum map: no betatron cleaning is judged", "a map of its own kind")),
        (maps.unknown(), ("Losses unlike any that are known", "What to do")),
    ],
    ids=["cannot tell", "off-momentum", "unknown"],
)
def test_what_is_no_diagnosis_has_its_own_words(
    run_page: PageRun, shelf: Store, case: maps.Case, said: tuple[str, ...]
) -> None:
    fill(shelf, case)
    page = run_page("collimation")
    assert not page.exception
    for words in said:
        assert words in text(page).replace("\\", "")
    assert ("What to do" in text(page)) == (case.quality.value == "BAD")


def test_a_file_that_could_not_be_read_says_why(run_page: PageRun, shelf: Store) -> None:
    maps.fill(shelf, [maps.not_judged("truncated JSON at byte 1822", UNTIL)])
    page = run_page("collimation")
    assert not page.exception
    assert "This could not be judged" in text(page)
    assert "truncated JSON at byte 1822" in text(page).replace("\\", "")
    assert "No picture" in text(page)


def test_a_drifting_margin_says_when_it_would_be_gone(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, maps.nominal(), maps.drifting(UNTIL))
    page = run_page("collimation")
    assert not page.exception
    shown = text(page)
    assert "Margin TCP.C6L7.B1 → TCSG: falls by 0.10 ± 0.01 σ per hour" in shown
    assert "TCP.C6L7.B1 drifts: 0.40 ± 0.04 σ of its margin are lost" in shown
    assert "Gone at 02 May 07:18" in shown
    assert 'class="chart wide"' in shown


def test_maps_are_gone_through_with_keys_and_have_addresses(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, maps.nominal(), maps.tcp_retracted(), maps.nominal())
    known = [view.id for view in shelf.observations("collimation", 10)]
    page = run_page("collimation")
    assert page.button(key="map_latest").disabled
    page = press(page, "map_before")
    assert page.query_params["map"] == str(known[1])
    assert "not the latest" in text(page)
    assert "retracted" in text(page)
    page = press(page, "map_latest")
    assert "map" not in page.query_params
    assert "Hierarchy intact" in text(page)
    labels = [link.proto.label.replace("\\", "") for link in page.get("page_link")]
    assert any(label.startswith("01 May 20:09 B1 horizontal, flat top") for label in labels)


@pytest.mark.parametrize("address", ["99999", "-1", "x", "9" * 40])
def test_a_map_that_is_not_there_is_no_error(run_page: PageRun, shelf: Store, address: str) -> None:
    fill(shelf, maps.nominal())
    assert not run_page("collimation", map=address).exception


def test_the_lower_picture_is_switched_with_a_key(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, maps.tcp_retracted())
    page = run_page("collimation")
    assert 'class="lossmap ring"' in text(page)
    assert 'class="lossmap cascade"' in text(page)
    page = press(page, "coll_look_button")
    assert 'class="lossmap ir7"' in text(page)
    page = press(press(page, "coll_look_button"), "coll_look_button")
    assert 'class="lossmap cascade"' in text(page)


def test_an_off_momentum_map_opens_with_ir3(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, maps.off_momentum())
    assert 'class="lossmap ir3"' in text(run_page("collimation"))


def test_every_collimator_tells_its_figures(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, maps.tcp_retracted())
    shown = text(run_page("collimation"))
    assert 'title="TCP.B6L7.B1\n0.10 of all losses\nexpected 0.036' in shown.replace("\\n", "\n")
    assert "with the first finding put right: 0.036" in shown


def test_evidence_that_is_damaged_is_no_error(run_page: PageRun, shelf: Store) -> None:
    settled = maps.settle([maps.tcp_retracted()], UNTIL)
    for nonsense in (b"{", b'{"answer": "nominal"}', b"[]"):
        damaged = {**settled[0].verdict.evidence, EVIDENCE: Evidence(nonsense, MEDIA_TYPE)}
        seen = settled[0].observation
        assert seen is not None
        again = replace(seen, key=f"x{len(nonsense)}", sha256="f" * 64, observed_at=seen.observed_at + timedelta(1))
        maps.fill(
            shelf, [replace(settled[0], observation=again, verdict=replace(settled[0].verdict, evidence=damaged))]
        )
        page = run_page("collimation")
        assert not page.exception
        assert "TCP retracted" in text(page)
        assert "not there any more" in text(page)


def test_hostile_names_are_shown_as_text(run_page: PageRun, shelf: Store) -> None:
    wicked = "<img src=x onerror=alert(1)> **b** [l](http://x)"
    case = maps.tcp_retracted()
    first = replace(case.diagnosis.hypotheses[0], element=wicked, cause=wicked)
    channels = tuple(replace(one, name=f"{wicked}.{n}") for n, one in enumerate(case.diagnosis.channels))
    margins = tuple(replace(one, inner=wicked, element=wicked) for one in case.diagnosis.margins)
    found = replace(
        case.diagnosis, hypotheses=(first,), channels=channels, margins=margins, blind=(wicked,), facts={wicked: wicked}
    )
    settled = maps.settle([replace(case, diagnosis=found)], UNTIL)
    seen = settled[0].observation
    assert seen is not None
    conditions = {"fill": wicked, "plane": wicked, "state": wicked, "beam": wicked}
    maps.fill(shelf, [replace(settled[0], observation=replace(seen, conditions=conditions))])
    for page in (run_page("collimation"), run_page("overview"), run_page("alarms")):
        assert not page.exception
        assert "<img src=x" not in text(page).replace("\\<", "")


def test_alarms_lead_to_their_map(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, maps.nominal(), maps.tcp_retracted())
    alarm = shelf.alarms(system="collimation")[0]
    page = run_page("alarms", alarm=alarm.id)
    assert not page.exception
    assert "Open this map on the collimation page" in [link.proto.label for link in page.get("page_link")]
    shown = text(page).replace("\\", "")
    assert "TCP.C6L7.B1: TCP retracted" in shown
    assert "jaw positions" in shown


def test_the_overview_names_the_collimator_and_the_action(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, maps.nominal(), maps.tcp_retracted())
    shown = text(run_page("overview"))
    assert "LHC collimation" in shown
    assert "TCP retracted: TCP.C6L7.B1." in shown


def test_what_a_person_says_is_stored_with_the_name(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, maps.tcp_retracted())
    assert "answer_right" not in keys(run_page("collimation", operator=""))
    page = press(run_page("collimation"), "answer_right")
    assert "Anna Keller said: it is so." in text(page)
    page.selectbox(key="answer_cause_0").set_value("orbit shift").run()
    detail = shelf.observation(shelf.observations("collimation", 1)[0].id)
    assert detail is not None
    assert [(word.region_index, word.judgement, word.cause) for word in detail.feedback] == [
        (0, Judgement.RIGHT, "TCP retracted"),
        (0, Judgement.WRONG_CAUSE, "orbit shift"),
    ]


def test_no_key_is_used_twice(run_page: PageRun, shelf: Store) -> None:
    fill(shelf, maps.tcp_retracted())
    page = run_page("collimation")
    shortcuts = [button.proto.shortcut for button in page.button if button.proto.shortcut]
    assert {"h", "a", "x", "y", "l", "left", "right"} <= {one.lower() for one in shortcuts}
    assert len(set(shortcuts)) == len(shortcuts)


def test_the_report_of_the_fill_is_made_out_of_the_store(run_page: PageRun, shelf: Store) -> None:
    from app.dashboard import campaign

    fill(shelf, maps.nominal(), maps.off_momentum(), maps.tcp_retracted())
    page = run_page("collimation")
    assert [button.proto.label for button in page.get("download_button")] == ["Report of this fill's maps"]
    detail = shelf.observation(shelf.observations("collimation", 1)[0].id)
    assert detail is not None
    text_of_report = campaign.report_of(detail)
    assert text_of_report.count("<section class='map'>") == 3
    assert text_of_report.count("data:image/png;base64,") == 6
    assert "Not clean: TCP.C6L7.B1 retracted by 0.6 ± 0.1 σ." in text_of_report
    assert "B2 horizontal" in text_of_report
