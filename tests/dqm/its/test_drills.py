"""Faults for drills on cycles that came: they change what they should and nothing else, and the detector names them."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from app import experiment
from app.story.playback import Playback
from core.drilling import DrillFault
from core.errors import DrillError
from core.observation import Observation
from core.settings import Settings
from core.verdict import Quality
from dqm.its import drills
from dqm.its.cycle import to_observation
from dqm.its.layout import cell_of, flatten
from dqm.its.system import ITS

CYCLES, NEWEST = 12, 2
FAULTS = {one.name: one for one in drills.faults()}
NOTHING: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def run() -> list[Observation]:
    """Return the first cycles of a run with nothing wrong."""
    first = next(experiment.runs(Playback.late(datetime(2026, 5, 1, 12, tzinfo=UTC), 0)))
    played = experiment.played(replace(first, faults=()), 5)
    return [to_observation(cycle, "x", "0" * 64) for cycle, _ in islice(played, CYCLES)]


@pytest.fixture(scope="module")
def settings(run: list[Observation], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return the settings of a watch that has judged all but the newest cycles."""
    made = Settings(home=tmp_path_factory.mktemp("home"))
    detector = ITS.detector(made)
    for observation in run[:-NEWEST]:
        detector.judge(observation)
    return made


def row(seen: Observation, kind: str = "cluster_occupation") -> np.ndarray:
    return flatten([seen.payload[f"{kind}_L{layer}"] for layer in range(7)])


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_is_found_where_it_is_and_named(
    fault: DrillFault, run: list[Observation], settings: Settings, tmp_path: Path
) -> None:
    shutil.copytree(settings.home / "its", tmp_path / "its")
    detector = ITS.detector(settings.model_copy(update={"home": tmp_path}))
    injection = fault.begin(run[-NEWEST], 11, NOTHING)
    verdicts = [detector.judge(injection.alter(one)) for one in run[-NEWEST:]]
    last = verdicts[-1]
    assert last.quality is Quality.BAD
    assert last.cause is not None
    assert last.cause.name in fault.causes
    assert [region.where["element"] for region in last.regions] == [injection.where]


def test_what_came_is_not_touched_and_other_cells_stay_as_they_are(run: list[Observation]) -> None:
    seen = run[-1]
    before = {name: values.copy() for name, values in seen.payload.items()}
    for name in ("dead_lane", "noisy_chip"):
        injection = FAULTS[name].begin(seen, 3, NOTHING)
        altered = injection.alter(seen)
        changed = np.flatnonzero(row(altered) != row(seen))
        assert changed.tolist() == [cell_of(injection.where)]
        assert (altered.element, altered.key, altered.origin) == (seen.element, seen.key, seen.origin)
        assert altered.conditions == seen.conditions
    assert all(np.array_equal(before[name], seen.payload[name]) for name in before)


def test_a_dead_lane_counts_nothing_and_is_flagged(run: list[Observation]) -> None:
    injection = FAULTS["dead_lane"].begin(run[-1], 3, NOTHING)
    altered = injection.alter(run[-1])
    assert row(altered)[cell_of(injection.where)] < 1e-6 * row(run[-1])[cell_of(injection.where)]
    assert altered.payload["lane_fault"].sum() > run[-1].payload["lane_fault"].sum()


def test_background_is_added_to_one_side_in_the_share_that_was_asked_for(run: list[Observation]) -> None:
    seen = run[-1]
    more = row(FAULTS["background_a"].begin(seen, 3, NOTHING).alter(seen)) - row(seen)
    inner = [more[:108].reshape(12, 9), row(seen)[:108].reshape(12, 9)]
    added, had = (layer.sum(axis=0) for layer in inner)
    sides = [(added[half].sum() / had[half].sum()) for half in (slice(0, 4), slice(5, 9))]
    assert max(sides) > 1.2 * min(sides)
    assert 0.3 * drills.BACKGROUND < max(sides) < 3 * drills.BACKGROUND


def test_places_with_an_open_alarm_are_left_alone_and_so_is_an_open_background(
    run: list[Observation],
) -> None:
    first = FAULTS["noisy_chip"].begin(run[-1], 3, NOTHING).where
    assert FAULTS["noisy_chip"].begin(run[-1], 3, frozenset({first})).where.split("/")[0] != first.split("/")[0]
    with pytest.raises(DrillError, match="open alarm of beam background"):
        FAULTS["background_c"].begin(run[-1], 3, frozenset({"background"}))
    with pytest.raises(DrillError, match="no such fault is known"):
        FAULTS["background_a"].begin(replace(run[-1], conditions={"beam_type": "OO"}), 3, NOTHING)
