"""The report of a qualification campaign: what it proposes and states as missing, and that it needs nothing else."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from accelerator.collimation import report
from accelerator.collimation.drawing import draw
from accelerator.collimation.report import Entry
from core.verdict import Quality
from tests.app import collimation_maps as maps

AT = datetime(2026, 5, 1, 20, 18, tzinfo=UTC)


def entry(case: maps.Case, beam: int | None = 1, plane: str = "H") -> Entry:
    seen = maps.observation(case, AT, f"{beam}{plane}")
    judged = maps.verdict(case, seen, draw(seen, case.diagnosis))
    pictures = {name: one.content for name, one in judged.evidence.items() if one.media_type == "image/png"}
    name = report.name_of([f"B{beam} {plane}"] if beam else [plane], seen.origin)
    return Entry(
        name, beam, plane, "flat_top", "7495", AT, seen.origin, seen.sha256, case.quality, case.reason,
        "collimation 01", case.diagnosis, judged.measurements, pictures,
    )  # fmt: skip


def campaign() -> list[Entry]:
    """Return a campaign of a state in which all is well."""
    found = [entry(maps.nominal(), beam, plane) for beam in (1, 2) for plane in "HV"]
    return [*found, entry(maps.off_momentum(), None, "DP+"), entry(maps.off_momentum(), None, "DP-")]


def test_a_complete_and_clean_campaign_says_so() -> None:
    assert report.missing(campaign()) == []
    assert report.proposal(campaign()) == (
        Quality.GOOD,
        "All maps are there, and each is as this state should give it.",
    )


@pytest.mark.parametrize("left_out", range(6))
def test_a_missing_map_is_named_and_nothing_is_called_complete(left_out: int) -> None:
    entries = campaign()
    lacking = entries.pop(left_out)
    assert len(report.missing(entries)) == 1
    quality, said = report.proposal(entries)
    assert quality is Quality.MEDIUM
    assert "missing" in said
    assert "missing" in report.html(entries, AT)
    assert lacking.plane is not None


def test_off_momentum_maps_whose_sign_is_not_told_take_the_free_places() -> None:
    entries = campaign()
    entries[-1] = replace(entries[-1], plane="DP")
    assert report.missing(entries) == []
    assert report.missing([*campaign()[:4], entries[-1]]) == ["off-momentum −"]


def test_a_map_that_could_not_be_judged_counts_as_missing() -> None:
    entries = campaign()
    entries[0] = replace(entries[0], quality=Quality.NULL, reason="cut short", diagnosis=None)
    assert report.missing(entries) == ["B1 horizontal"]
    assert "cut short" in report.html(entries, AT)


def test_a_broken_map_leads_the_report() -> None:
    entries = [entry(maps.tcp_retracted()), *campaign()[1:]]
    quality, said = report.proposal(entries)
    assert quality is Quality.BAD
    assert said == "Not clean: TCP.C6L7.B1 retracted by 0.6 ± 0.1 σ."
    page = report.html(entries, AT)
    assert "TCP → TCSG: 0.9 ± 0.1 of 1.5 σ" in page
    assert "5.6 ± 0.1 σ instead of 5.0 σ" in page


def test_the_page_needs_nothing_from_outside_and_is_to_be_signed() -> None:
    page = report.html(campaign(), AT, "Qualification, May 2026")
    assert page.count("data:image/png;base64,") == 12
    assert not re.search(r"(src|href)=['\"](?!data:)", page)
    assert "url(" not in page
    assert "<script" not in page
    assert "Date, signature" in page
    assert "<title>Qualification, May 2026</title>" in page
    assert "(8.7 ± 0.9)e-6 /m" in page


def test_names_from_outside_are_text() -> None:
    wicked = "<script>alert(1)</script>"
    case = maps.tcp_retracted()
    found = replace(case.diagnosis, blind=(wicked,), margins=(replace(case.diagnosis.margins[0], inner=wicked),))
    bad = replace(entry(replace(case, diagnosis=found)), name=wicked, origin=wicked, reason=wicked, fill=wicked)
    assert "<script" not in report.html([bad], AT, wicked)


def test_an_empty_campaign_is_a_page_too() -> None:
    assert "no maps" in report.html([], AT)
