"""How a verdict of ours becomes what the tables need."""

from datetime import UTC, datetime

import pytest

from benchmarks.its import ours
from benchmarks.its.seen import Seen
from core.observation import Observation
from core.verdict import Cause, Quality, Region, Verdict, unreadable
from dqm.its.layout import cell_of

SEEN = Seen(Observation("its", "ITS", "1/1", datetime(2026, 1, 1, tzinfo=UTC), "hand", "0" * 64))


def region(score: float, cells: str, quality: str, kind: str = "place", cause: str = "dead lane") -> Region:
    where = {
        "element": cells.split(maxsplit=1)[0],
        "cells": cells,
        "kind": kind,
        "quality": quality,
        "since": "2026-01-01T00:00:00+00:00",
    }
    return Region(where, score, cause=Cause(cause, 0.9))


def test_cells_carry_the_score_of_the_highest_region_that_holds_them():
    regions = (region(2.0, "L4_12/lane_7 L4_12/lane_8", "BAD"), region(0.5, "L0_03/4 L4_12/lane_8", "MEDIUM"))
    verdict = Verdict(Quality.BAD, score=2.0, threshold=0.0, regions=regions, cause=regions[0].cause)
    told = ours.judgement(verdict, SEEN)
    assert dict(zip(told.cells, told.values, strict=True)) == {
        cell_of("L4_12/lane 7"): 2.0, cell_of("L4_12/lane 8"): 2.0, cell_of("L0_03/4"): 0.5,
    }  # fmt: skip
    assert told.score == 2.0
    assert (told.cause, told.alarm) == ("dead lane", True)
    assert told.incidents == ("place; L4_12/lane_7 L4_12/lane_8",)  # a look is no alarm


def test_no_verdict_never_alarms():
    told = ours.judgement(unreadable("the run is too short"), SEEN)
    assert told.score == float("-inf")
    assert told.alarm is False
    assert told.incidents == ()


def test_an_unknown_place_is_not_passed_over():
    with pytest.raises(KeyError):
        ours.judgement(Verdict(Quality.BAD, score=1.0, regions=(region(1.0, "L9_00/1", "BAD"),)), SEEN)
