"""Faults for drills on shots that came: the detector names them, and what came is not touched."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from accelerator.schlieren import drills
from accelerator.schlieren.simulate.publishing import publish
from accelerator.schlieren.simulate.shift import ShiftSettings, simulate_shift
from accelerator.schlieren.system import SCHLIEREN
from core.drilling import DrillFault
from core.errors import DrillError
from core.observation import Observation
from core.settings import Settings
from core.verdict import Quality

NEWEST = 3
FAULTS = {one.name: one for one in drills.faults()}
NOTHING: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def run(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> list[Observation]:
    """Return good shots, all but the newest of them judged."""
    folder, detector = tmp_path_factory.mktemp("events"), SCHLIEREN.detector(settings)
    shots = [publish(event, folder, settings.schlieren) for event in simulate_shift(ShiftSettings(shots=14), 3)]
    seen = [SCHLIEREN.read_file(path, settings) for path in shots]
    assert all(detector.judge(one).quality is Quality.GOOD for one in seen[:-NEWEST])
    return seen


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_is_found_and_named(
    fault: DrillFault, run: list[Observation], settings: Settings, tmp_path: Path
) -> None:
    shutil.copytree(settings.home / "schlieren", tmp_path / "schlieren")
    detector = SCHLIEREN.detector(settings.model_copy(update={"home": tmp_path}))
    injection = fault.begin(run[-NEWEST], 1, NOTHING)
    verdict = [detector.judge(injection.alter(one)) for one in run[-NEWEST:]][-1]
    assert verdict.quality is Quality.BAD
    assert verdict.cause is not None
    assert verdict.cause.name in fault.causes


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_the_shot_that_came_is_not_touched_and_names_stay(fault: DrillFault, run: list[Observation]) -> None:
    before = run[-1].payload["image"].copy()
    altered = fault.begin(run[-2], 1, NOTHING).alter(run[-1])
    assert (run[-1].payload["image"] == before).all()
    assert (altered.element, altered.key, altered.origin, altered.sha256) == (
        run[-1].element, run[-1].key, run[-1].origin, run[-1].sha256,
    )  # fmt: skip
    assert altered.payload["image"].dtype == before.dtype
    assert "drill" not in str(altered.conditions).lower()


def test_a_cause_with_an_open_alarm_is_not_drilled_nor_a_shot_without_a_picture(run: list[Observation]) -> None:
    with pytest.raises(DrillError, match="open alarm of frozen"):
        FAULTS["frozen"].begin(run[-1], 1, frozenset({"frozen"}))
    with pytest.raises(DrillError, match="no picture"):
        FAULTS["stale"].begin(replace(run[-1], payload={}), 1, NOTHING)
