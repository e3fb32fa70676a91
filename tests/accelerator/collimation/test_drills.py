"""Faults for drills on a stream that came: the detector calls the collimator, and what came is not touched."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from accelerator.collimation import drills
from accelerator.collimation.simulate.fill import TOP_GEV, FillPlan, Phase
from accelerator.collimation.simulate.stream import simulate_fill, write_piece
from accelerator.collimation.states import State
from accelerator.collimation.system import COLLIMATION
from core.drilling import DrillFault
from core.errors import DrillError
from core.observation import Observation
from core.settings import Settings
from core.verdict import Quality

PIECE_S, NEWEST = 120, 3
FAULTS = {one.name: one for one in drills.faults()}
NOTHING: frozenset[str] = frozenset()
STABLE = Phase("STABLE", 68 * 60, State.COLLISIONS, TOP_GEV, TOP_GEV, 0.3, collides=True)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def fill(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> list[Observation]:
    """Return a fill with nothing wrong, all but the newest pieces judged, so that it is learnt."""
    folder, detector = tmp_path_factory.mktemp("pieces"), COLLIMATION.detector(settings)
    plan = FillPlan(begins_at=datetime(2026, 5, 1, 12, tzinfo=UTC), phases=(STABLE,))
    paths = [write_piece(folder, piece) for piece in simulate_fill(plan, 3, PIECE_S)]
    seen = [COLLIMATION.read_file(path, settings) for path in paths]
    for observation in seen[:-NEWEST]:
        detector.judge(observation)
    return seen


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_is_found_at_its_collimator_and_named(
    fault: DrillFault, fill: list[Observation], settings: Settings, tmp_path: Path
) -> None:
    shutil.copytree(settings.home / "collimation", tmp_path / "collimation")
    detector = COLLIMATION.detector(settings.model_copy(update={"home": tmp_path}))
    injection = fault.begin(fill[-NEWEST], 1, NOTHING)
    verdicts = [detector.judge(injection.alter(one)) for one in fill[-NEWEST:]]
    bad = [one for one in verdicts if one.quality is Quality.BAD]
    assert bad, "within some minutes"
    assert bad[0].cause is not None
    assert bad[0].cause.name in fault.causes
    assert bad[0].regions[0].where["element"] == injection.where


def test_the_piece_that_came_is_not_touched_and_a_loss_map_is_left_as_it_is(fill: list[Observation]) -> None:
    before = np.array(fill[-1].payload["signal_gy_per_s"])
    injection = FAULTS["secondary_inside"].begin(fill[-1], 0, NOTHING)
    altered = injection.alter(fill[-1])
    assert np.array_equal(before, fill[-1].payload["signal_gy_per_s"])
    assert not np.array_equal(before, altered.payload["signal_gy_per_s"])
    assert (altered.key, altered.conditions) == (fill[-1].key, fill[-1].conditions)
    on_purpose = replace(fill[-1], conditions={**fill[-1].conditions, "kind": "lossmap"})
    assert injection.alter(on_purpose) is on_purpose


def test_a_beam_with_an_open_alarm_is_not_drilled_nor_a_machine_without_collisions(fill: list[Observation]) -> None:
    free = FAULTS["secondary_inside"].begin(fill[-1], 0, frozenset({"beam 1", "tcp.c6l7.b1"}))
    assert free.where.endswith("b2")
    with pytest.raises(DrillError, match="open alarm of each beam"):
        FAULTS["secondary_inside"].begin(fill[-1], 0, frozenset({"beam 1", "beam 2"}))
    with pytest.raises(DrillError, match="no such fault is known for the state"):
        FAULTS["secondary_inside"].begin(replace(fill[-1], conditions={}), 0, NOTHING)
