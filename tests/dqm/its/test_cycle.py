"""A cycle keeps what is good, says what is missing and why, and becomes an observation."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from dqm.its.cycle import NOT_PUBLISHED, assemble, beam_type_of, to_observation
from dqm.its.objects import OBJECTS
from tests.dqm.its.cycles import METADATA, NOON, a_cycle, histograms

BEGAN = NOON - timedelta(minutes=3)


def test_a_whole_cycle() -> None:
    cycle = a_cycle()
    assert (cycle.run, cycle.number, cycle.fill, cycle.beam_type, cycle.key) == (559123, 7, 9876, "pp", "559123/7")
    assert cycle.missing == ()
    assert list(cycle.histograms) == list(OBJECTS)


def test_one_bad_object_does_not_lose_the_cycle() -> None:
    found = histograms()
    found["angular"] = replace(found["angular"], values=np.full((40, 60), np.nan))
    found["vertex_z"] = replace(found["vertex_z"], class_name="TCanvas")
    del found["bc_clusters"]
    del found["lane_fault"]
    cycle = assemble(found, METADATA, BEGAN, NOON, "here", reasons={"bc_clusters": "half\na body"})
    assert cycle.missing == ("bc_clusters", "lane_fault", "angular", "vertex_z")
    assert cycle.reasons["bc_clusters"] == "half?a body"
    assert cycle.reasons["lane_fault"] == NOT_PUBLISHED
    assert cycle.reasons["angular"] == "2400 of 2400 bins are not finite"
    assert cycle.reasons["vertex_z"].startswith("is a TCanvas")
    assert len(cycle.histograms) == 34


def test_objects_of_other_names_are_left_out() -> None:
    found = histograms()
    assert (
        "cluster_occupation_L7"
        not in assemble({**found, "cluster_occupation_L7": found["angular"]}, METADATA, BEGAN, NOON, "here").histograms
    )


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({}, "has no RunNumber"),
        ({"RunNumber": "559123"}, "has no CycleNumber"),
        ({"RunNumber": "-5", "CycleNumber": "1"}, "RunNumber is '-5'"),
        ({"RunNumber": "٣", "CycleNumber": "1"}, "RunNumber is"),
        ({"RunNumber": "1" * 30, "CycleNumber": "1"}, "RunNumber is"),
    ],
)
def test_a_cycle_without_numbers_is_refused(metadata: dict[str, str], reason: str) -> None:
    with pytest.raises(InputError, match=f"^here: {reason}"):
        assemble(histograms(), metadata, BEGAN, NOON, "here")


def test_a_cycle_without_any_object_is_refused() -> None:
    with pytest.raises(InputError, match=r"here: none of the 38 QC objects can be used \(angular: 404\)"):
        assemble({}, METADATA, BEGAN, NOON, "here", reasons={"angular": "404"})


def test_impossible_times_are_refused() -> None:
    with pytest.raises(InputError, match="before it began"):
        assemble(histograms(), METADATA, NOON, BEGAN, "here")
    with pytest.raises(InputError, match="naive"):
        assemble(histograms(), METADATA, BEGAN.replace(tzinfo=None), NOON, "here")


def test_times_are_kept_as_utc() -> None:
    east = timezone(timedelta(hours=2))
    cycle = assemble(histograms(), METADATA, BEGAN.astimezone(east), NOON.astimezone(east), "here")
    assert cycle.ended_at == NOON
    assert cycle.ended_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("run_began_at", [None, NOON + timedelta(seconds=1)])
def test_an_unknown_or_impossible_start_of_run_is_no_age(run_began_at: datetime | None) -> None:
    cycle = a_cycle(run_began_at=run_began_at)
    assert to_observation(cycle, "here", "00").conditions["run_age_s"] is None


@pytest.mark.parametrize(
    ("text", "beam"),
    [
        ("pp", "pp"),
        ("Pb-Pb", "PbPb"),
        ("PBPB", "PbPb"),
        ("p-Pb", "pPb"),
        ("ArAr", "ArAr"),
        ("", "unknown"),
        ("<script>", "unknown"),
    ],
)
def test_spellings_of_the_beam_type(text: str, beam: str) -> None:
    assert beam_type_of(text) == beam


@pytest.mark.parametrize("fill", ["", "none", "-1", "9" * 20])
def test_an_unusable_fill_is_none(fill: str) -> None:
    assert assemble(histograms(), {**METADATA, "FillNumber": fill}, BEGAN, NOON, "here").fill is None


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=300), st.text(max_size=300), max_size=80))
def test_any_metadata_are_kept_tidy(metadata: dict[str, str]) -> None:
    cycle = assemble({"angular": histograms()["angular"]}, {**metadata, **METADATA}, BEGAN, NOON, "here")
    assert len(cycle.metadata) <= 64
    assert all(len(text) <= 200 and text.isprintable() for item in cycle.metadata.items() for text in item)


def test_masked_places_are_named_once() -> None:
    assert a_cycle(masked=["L4_12/lane 7", "L0_03", "L0_03"]).masked == ("L0_03", "L4_12/lane 7")
    with pytest.raises(InputError, match="test: masked: there is no layer 9"):
        a_cycle(masked=["L9_00"])


def test_the_observation_of_a_cycle() -> None:
    cycle = a_cycle(without=("angular", "hit_occupancy_L0"))
    seen = to_observation(cycle, "qc/ITS", "ab" * 32)
    assert seen.identity == ("its", "ITS", "559123/7")
    assert (seen.observed_at, seen.origin, seen.sha256) == (NOON, "qc/ITS", "ab" * 32)
    assert seen.conditions["missing"] == "hit_occupancy_L0, angular"
    assert seen.conditions["why_missing"] == "hit_occupancy_L0: not there; angular: not there"
    assert (seen.conditions["cycle_s"], seen.conditions["run_age_s"]) == (180.0, 1800.0)
    assert (seen.conditions["masked"], seen.conditions["period"]) == ("L3_07", "LHC26a")
    assert set(seen.payload) == set(OBJECTS) - {"angular", "hit_occupancy_L0"}
    assert seen.axes["cluster_occupation_L4"] == ("lane", "stave")
    for payload, array in seen.payload.items():
        assert array.dtype == np.float64
        assert array.shape == OBJECTS[payload].shape
