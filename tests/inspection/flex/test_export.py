"""The ITk record: exact schema, tiles, and no red defect that the official analysis lets pass."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.settings import Settings
from core.store.views import Judgement, ObservationDetail, ObservationView, RegionDecision
from core.verdict import Model, Quality
from inspection.flex.checklist import (
    GRADES_MODULE,
    GRADES_PCB,
    Category,
    Colour,
    category_of,
    grade_key,
    graded_ids,
    grades_of,
)
from inspection.flex.export import analyse, envelope, record, tile_of, with_images

TAKEN, DECIDED = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
PCB, MODULE, BARE = "20UPGPQ2601028", "20UPIM12602035", "FPC-0042"
LOST_BY_THE_ANALYSIS = {
    "Contamination_Solder_mask",
    "Contamination_PCB",
    "Other_contamination",
    "Watermarks",
    "Missing_component",
    "Critical_damage_Wirebonding_pad",
    "Critical_damage_Solder_mask",
    "Other_PCB",
}
"""Found by running analysis-VISUAL_INSPECTION of module-qc-analysis-tools 2.10.5 itself on one record per category."""


def region(x: int = 10, y: int = 20, cause: str | None = "Dusts", score: float = 7.5) -> dict[str, Any]:
    place = {"x": x, "y": y, "width": 30, "height": 40}
    return {**place, "score": score, "p_value": 0.01, "cause": cause, "probability": 0.8}


def detail(
    regions: Sequence[Mapping[str, Any]] = (),
    serial: str | None = PCB,
    quality: Quality = Quality.BAD,
    side: str | None = "front",
) -> ObservationDetail:
    conditions = {"serial": serial, "side": side, "width": 600, "height": 300, "file": "a.jpg"}
    view = ObservationView(
        id=1,
        system="flex",
        element=serial or "a",
        key="0123456789abcdef",
        observed_at=TAKEN,
        processed_at=TAKEN,
        origin="/scans/a.jpg",
        sha256="ab" * 32,
        conditions=conditions,
        quality=quality,
        score=7.5,
        threshold=5.0,
        p_value=0.01,
        cause=None,
        model=Model("flex-synthetic", "3"),
        reason="half a board" if quality is Quality.NULL else None,
        region_count=len(regions),
        thumbnail=None,
        alarm_id=None,
        disposition=None,
    )
    return ObservationDetail(view, tuple(regions), {}, {"spot_1": "cd" * 32}, (), (), (), None)


def made(regions: Sequence[Mapping[str, Any]], *decisions: RegionDecision, **how: Any) -> dict[str, Any]:
    settings = Settings(flex={"instrument": "Scanner 1", "operator": "nobody"})
    return record(detail(regions, **how), decisions, "Aiko", DECIDED, settings)


def right(index: int | None, cause: str | None = None, comment: str = "") -> RegionDecision:
    return RegionDecision(index, Judgement.RIGHT, cause, comment)


def wrong(index: int) -> RegionDecision:
    return RegionDecision(index, Judgement.FALSE_ALARM)


def test_a_record_has_the_exact_schema() -> None:
    run = made([region(580, 290), region()], right(0, "Missing_component", "lower right"), wrong(1))
    ((posted,),) = envelope(run)
    assert list(posted) == ["serialNumber", "testType", "subtestType", "results"]
    assert (posted["serialNumber"], posted["testType"], posted["subtestType"]) == (PCB, "VISUAL_INSPECTION", "")
    results = posted["results"]
    assert list(results) == ["property", "comment", "Metadata", "Measurements"]
    assert (results["comment"], results["Measurements"]) == ("", {})
    ours = results["property"].pop("VISUAL_INSPECTION_MEASUREMENT_VERSION")
    assert ours.startswith("shiftwatch ")
    assert results["property"] == {"OPERATOR": "Aiko", "INSTRUMENT": "Scanner 1"}
    metadata = results["Metadata"]
    assert metadata["front_defects"] == {"35": ["Red.Missing_component", "Red.Open_tombstoning"]}
    assert set(metadata["front_comments"]) == {"35"}
    assert "lower right" in metadata["front_comments"]["35"]
    assert (metadata["ModuleSN"], metadata["QCHELPER_VERSION"]) == (PCB, ours)
    assert (metadata["TimeStart"], metadata["TimeEnd"]) == (int(TAKEN.timestamp()), int(DECIDED.timestamp()))
    assert not [key for key in metadata if key.startswith("back_")], "nobody looked at the back"
    json.dumps(posted, allow_nan=False)


def test_our_own_words_stand_beside_the_schema() -> None:
    run = made([region(), region(300, 150, None)], right(0, "Contamination_Solder_mask"), wrong(1))
    own = run["results"]["Metadata"]["SHIFTWATCH"]
    assert (own["passed"], own["overall_grade"]) == (False, 3)
    assert own["unmapped_defects"] == ["Red.Contamination_Solder_mask"]
    front = own["front"]
    assert front["model"] == {"name": "flex-synthetic", "version": "3"}
    assert front["image"] == {"sha256": "ab" * 32, "file": "a.jpg", "key": "0123456789abcdef"}
    first, second = front["boxes"]
    assert {key: first[key] for key in ("x", "y", "width", "height", "score", "tile", "decision")} == {
        "x": 10, "y": 20, "width": 30, "height": 40, "score": 7.5, "tile": "0", "decision": "right",
    }  # fmt: skip
    assert first["defect"] == ["Red.Contamination_Solder_mask", "Red.Dusts"]
    assert first["picture_sha256"] == "cd" * 32
    assert (second["defect"], second["decision"], second["tile"]) == ([], "false_alarm", "21")


def test_a_clean_board_passes() -> None:
    run = made([region()], wrong(0), quality=Quality.MEDIUM)
    assert run["passed"] is True
    assert run["results"]["Metadata"]["front_defects"] == {}
    assert analyse(run) == {"grades": dict.fromkeys(GRADES_PCB.values(), 1), "passed": True, "lost": []}
    assert made([], quality=Quality.GOOD)["passed"] is True


def test_the_back_side_is_recorded_as_such() -> None:
    metadata = made([region()], right(0), side="back")["results"]["Metadata"]
    assert metadata["back_defects"] == {"0": ["Red.Dusts"]}
    assert "front_defects" not in metadata


def test_known_defects_are_yellow_and_pass_unless_the_list_has_them_in_red_only() -> None:
    def known(cause: str) -> dict[str, Any]:
        return made([region()], RegionDecision(0, Judgement.KNOWN, cause))

    run = known("Dusts")
    assert run["results"]["Metadata"]["front_defects"] == {"0": ["Yellow.Dusts"]}
    assert run["passed"] is analyse(run)["passed"] is True
    assert run["results"]["Metadata"]["SHIFTWATCH"]["overall_grade"] == 2
    assert known("Critical_damage_Solder_mask")["passed"] is False


def test_a_defect_of_the_whole_board_is_recorded() -> None:
    run = made([], right(None, "Missing_component", "no connector"))
    assert run["passed"] is analyse(run)["passed"] is False
    assert made([], right(None), quality=Quality.GOOD)["passed"] is True, "agreeing with a good verdict is no defect"


def test_what_was_not_judged_or_not_decided_gets_no_record() -> None:
    with pytest.raises(InputError, match=r"a\.jpg: was not judged \(half a board\)"):
        made([], quality=Quality.NULL)
    with pytest.raises(InputError, match="place 2 was not decided on"):
        made([region(), region()], wrong(0))


def test_image_ids_of_the_local_database_are_filled_in_later() -> None:
    run = made([region()], right(0))
    posted = with_images(run, "front", "65a0", {"0": "65a1"})
    assert posted["results"]["Metadata"]["front_image"] == "65a0"
    assert posted["results"]["Metadata"]["front_defect_images"] == {"0": "65a1"}
    assert run["results"]["Metadata"]["front_image"] == ""


def test_the_analysis_loses_what_the_facts_say_it_loses() -> None:
    lost = {category for category in Category if grade_key(f"Red.{category}", GRADES_PCB) is None}
    assert lost == LOST_BY_THE_ANALYSIS


@pytest.mark.parametrize("serial", [PCB, MODULE, BARE])
@pytest.mark.parametrize("cause", [*Category, "unknown", None, "open", "pinhole", "Melted", "NONE", "red"])
def test_no_red_defect_passes_silently(serial: str, cause: str | None) -> None:
    run = made([region(cause=cause)], right(0), serial=serial)
    assert run["passed"] is False
    graded = analyse(json.loads(json.dumps(run)))
    assert graded["passed"] is False
    assert max(graded["grades"].values()) == 3


@pytest.mark.parametrize("grades", [GRADES_PCB, GRADES_MODULE])
@given(category=st.text(max_size=30), colour=st.sampled_from(Colour))
def test_every_id_whatever_it_is_reaches_a_grade(grades: Mapping[str, str], category: str, colour: Colour) -> None:
    assert any(grade_key(name, grades) for name in graded_ids(colour, category, grades))


def test_serials_choose_their_grades() -> None:
    assert grades_of(PCB) is grades_of(BARE) is grades_of(None) is GRADES_PCB
    assert grades_of(MODULE) is GRADES_MODULE


def test_causes_become_categories() -> None:
    assert category_of("short") == Category.COPPER_PATTERN
    assert category_of("unknown") == category_of(None) == Category.OTHER
    assert category_of("Watermarks") == Category.WATERMARKS


def test_tiles_are_numbered_along_the_rows_from_the_upper_left() -> None:
    assert [tile_of(x, 0, 600, 300) for x in (0, 99.9, 100, 599, 600, 9999)] == [0, 0, 1, 5, 5, 5]
    assert [tile_of(0, y, 600, 300) for y in (0, 49.9, 50, 299, -5)] == [0, 0, 6, 30, 0]


@given(
    x=st.floats(-1e3, 1e4), y=st.floats(-1e3, 1e4), width=st.integers(0, 10**4), height=st.integers(0, 10**4)
)  # fmt: skip
def test_every_point_has_a_tile(x: float, y: float, width: int, height: int) -> None:
    assert 0 <= tile_of(x, y, width, height) <= 35


def test_numbers_that_json_does_not_know_become_null() -> None:
    run = made([region(score=float("inf"))], right(0))
    assert run["results"]["Metadata"]["SHIFTWATCH"]["front"]["boxes"][0]["score"] is None
    json.dumps(run, allow_nan=False)
