"""The shipped model on simulated runs: what is called, where, since when, and what a restart changes (nothing)."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelError
from core.inference import load_package
from core.observation import Observation
from core.settings import ItsSettings, Settings
from core.verdict import Quality, Region, Verdict
from dqm.its import memory
from dqm.its.causes import Cause
from dqm.its.cycle import to_observation
from dqm.its.detector import SHIPPED, SHIPPED_MODELS, ItsDetector, find_model
from dqm.its.drawing import cells_of
from dqm.its.layout import cell_of
from dqm.its.looking import WARM
from dqm.its.measuring import SMALLEST
from dqm.its.memory import Memory
from dqm.its.names import parse
from dqm.its.simulate.beams import BeamType
from dqm.its.simulate.cells import of_stave
from dqm.its.simulate.faults import Fault
from dqm.its.simulate.publishing import to_cycle
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings

CYCLE_S = 180.0
CYCLES = 10
BEGINS = 5
"""The fault begins with this cycle (from 0), when the detector has seen five."""


@cache
def run(kind: str = "nominal") -> tuple[Observation, ...]:
    faults = () if kind == "nominal" else (FAULTS[kind](),)
    settings = RunSettings(duration_s=CYCLES * CYCLE_S, cycle_s=CYCLE_S, detector_seed=77, faults=faults)
    return tuple(
        to_observation(to_cycle(settings, cycle), "simulated", "0" * 64) for cycle in simulate_run(settings, 5)
    )


def onset_s() -> float:
    """Seconds from the start of the run to the beginning of cycle `BEGINS`."""
    return float(run()[BEGINS].conditions["run_age_s"]) - CYCLE_S  # type: ignore[arg-type]


def dead_stave() -> Fault:
    return Fault(Cause.DEAD_STAVE, onset_s(), 1e6, 1.0, tuple(of_stave(3, 7).tolist()), {"flagged": 0.0})


def background() -> Fault:
    return Fault(Cause.BEAM_BACKGROUND_C, onset_s(), 1e6, 0.05)


FAULTS = {"dead stave": dead_stave, "background": background}


def detector(folder: Path) -> ItsDetector:
    return ItsDetector.load(Settings(home=folder))


def judge_all(folder: Path, cycles: tuple[Observation, ...]) -> list[Verdict]:
    judge = detector(folder)
    return [judge.judge(cycle) for cycle in cycles]


def bad(verdict: Verdict) -> list[Region]:
    return [region for region in verdict.regions if region.where["quality"] == Quality.BAD]


@pytest.fixture(scope="module")
def nominal(tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    return judge_all(tmp_path_factory.mktemp("nominal"), run())


def test_a_nominal_run_shows_nothing_beyond_the_budget_and_says_what_it_could_see(nominal: list[Verdict]) -> None:
    """One nominal incident a shift is called by budget; none is rarer than one in ten shifts."""
    assert Quality.NULL not in {verdict.quality for verdict in nominal}
    assert all(verdict.score is not None and verdict.score < 1.0 for verdict in nominal)
    last = nominal[-1]
    assert last.threshold == 0.0
    assert last.quality is Quality.GOOD
    assert 0 < last.measurements[SMALLEST].value < 0.02
    assert last.measurements["vertex spread along z"].value == pytest.approx(5.2, abs=0.2)
    assert set(last.evidence) >= {"pull", "occupancy", "thumbnail"}


def test_a_dead_stave_is_called_at_once_as_one_region_with_its_cause(tmp_path: Path) -> None:
    cycles = run("dead stave")
    verdicts = judge_all(tmp_path, cycles)
    assert not any(bad(verdict) for verdict in verdicts[:BEGINS])
    began = (cycles[BEGINS].observed_at - timedelta(seconds=CYCLE_S)).isoformat()
    for number, verdict in enumerate(verdicts[BEGINS:], 1):
        (region,) = bad(verdict)
        assert verdict.quality is Quality.BAD
        assert set(cells_of(region.where)) == set(of_stave(3, 7).tolist())
        assert region.cause is not None
        assert region.cause.name == Cause.DEAD_STAVE
        assert region.where["since"] == began
        assert region.where["cycles"] == number
        assert region.where["ratio"] == 0.0
        assert parse(str(region.where["element"])).stave == 7
        assert region.score > 1
        assert 0 < region.p_value < 0.01


def test_background_of_five_percent_is_called_at_once_with_its_side(tmp_path: Path) -> None:
    verdicts = judge_all(tmp_path, run("background"))
    assert not any(bad(verdict) for verdict in verdicts[:BEGINS])
    for verdict in verdicts[BEGINS:]:
        (region,) = bad(verdict)
        assert region.where["kind"] == "background"
        assert region.where["element"] == "inner barrel C"
        assert region.cause is not None
        assert region.cause.name == Cause.BEAM_BACKGROUND_C
        assert verdict.measurements["background added"].value == pytest.approx(0.05, rel=0.4)


def test_the_same_cycle_again_gives_the_same_verdict_and_changes_nothing(tmp_path: Path) -> None:
    cycles, judge = run("dead stave"), detector(tmp_path)
    first = [judge.judge(cycle) for cycle in cycles[: BEGINS + 2]][-1]
    kept = (tmp_path / "its" / "memory.npz").read_bytes()
    again = judge.judge(cycles[BEGINS + 1])
    assert again == first
    assert judge.judge(cycles[2]).quality is not Quality.NULL
    assert (tmp_path / "its" / "memory.npz").read_bytes() == kept


def test_a_restart_in_an_incident_changes_nothing(tmp_path: Path) -> None:
    cycles = run("dead stave")
    through = judge_all(tmp_path / "one", cycles)
    interrupted = [detector(tmp_path / "other").judge(cycle) for cycle in cycles]
    for one, other in zip(through, interrupted, strict=True):
        assert [region.where for region in one.regions] == [region.where for region in other.regions]
        assert one.score == pytest.approx(other.score, abs=1e-3)


def test_two_processes_share_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the clock of the file system stands still between two cycles."""

    def save(what: Memory, path: Path) -> None:
        written(what, path)
        os.utime(path, ns=(10**18, 10**18))

    written = memory.save
    monkeypatch.setattr(memory, "save", save)
    cycles, one, other = run("dead stave"), detector(tmp_path), detector(tmp_path)
    for number, cycle in enumerate(cycles):
        verdict = (one, other)[number % 2].judge(cycle)
    assert bad(verdict)[0].where["cycles"] == len(cycles) - BEGINS


def test_a_disk_that_is_full_loses_the_memory_and_not_the_cycle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(28, "No space left on device")

    cycles, through = run("dead stave"), judge_all(tmp_path / "one", run("dead stave"))
    monkeypatch.setattr(memory, "save", refused)
    judge = detector(tmp_path / "other")
    for one, cycle in zip(through, cycles, strict=True):
        assert [region.where for region in judge.judge(cycle).regions] == [region.where for region in one.regions]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"payload": {}}, "no map"),
        ({"conditions": {"beam_type": "OO"}}, "beam type OO"),
        ({"payload": {"vertex_z": np.zeros(3000)}}, "no map"),
    ],
)
def test_what_cannot_be_judged_is_null_with_the_reason(
    tmp_path: Path, change: dict[str, dict[str, object]], reason: str
) -> None:
    observation = run()[3]
    if "conditions" in change:
        change = {"conditions": {**observation.conditions, **change["conditions"]}}
    verdict = detector(tmp_path).judge(replace(observation, **change))  # type: ignore[arg-type]
    assert verdict.quality is Quality.NULL
    assert reason in (verdict.reason or "")
    assert not (tmp_path / "its" / "memory.npz").exists()


def test_empty_maps_are_null(tmp_path: Path) -> None:
    observation = run()[3]
    empty = {name: np.zeros_like(values) for name, values in observation.payload.items()}
    verdict = detector(tmp_path).judge(replace(observation, payload=empty))
    assert verdict.quality is Quality.NULL
    assert "empty" in (verdict.reason or "")


def test_missing_sizes_hits_and_plots_do_not_stop_it(tmp_path: Path) -> None:
    judge = detector(tmp_path)
    for cycle in run("dead stave"):
        few = {name: values for name, values in cycle.payload.items() if name.startswith("cluster_occupation")}
        verdict = judge.judge(replace(cycle, payload=few))
    assert set(of_stave(3, 7).tolist()) <= {cell for region in bad(verdict) for cell in cells_of(region.where)}


def test_a_masked_stave_is_no_dead_one(tmp_path: Path) -> None:
    judge = detector(tmp_path)
    for cycle in run("dead stave"):
        masked = f"{cycle.conditions['masked']}, L3_07".strip(", ")
        verdict = judge.judge(replace(cycle, conditions={**cycle.conditions, "masked": masked}))
    assert not {cell_of("L3_07/lane 3")} & {cell for region in verdict.regions for cell in cells_of(region.where)}


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, its=ItsSettings(model="none such"))
    with pytest.raises(ModelError, match=f"'none such'.*{SHIPPED}"):
        find_model(settings)


def test_the_shipped_model_is_small_and_whole() -> None:
    package = load_package(SHIPPED_MODELS / SHIPPED)
    assert sum(file.stat().st_size for file in package.path.iterdir()) < 4e6
    assert package.card.system == "its"


def test_no_torch_is_imported() -> None:
    code = "import sys, dqm.its.detector; sys.exit(any(n in sys.modules for n in ('torch', 'lightning', 'prefect')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_until_it_knows_the_detector_only_what_is_beyond_doubt_is_called(tmp_path: Path) -> None:
    """A fault of the first cycle is taken for how the detector stands, but its end is not called for hours."""
    readout_loss = Fault(Cause.READOUT_LOSS, 0.0, 4 * CYCLE_S, 0.6, tuple(of_stave(5, 20).tolist()))
    settings = RunSettings(duration_s=12 * CYCLE_S, cycle_s=CYCLE_S, detector_seed=78, faults=(readout_loss,))
    judge = detector(tmp_path)
    verdicts = [
        judge.judge(to_observation(to_cycle(settings, cycle), "simulated", "0" * 64))
        for cycle in simulate_run(settings, 6)
    ]
    assert not any(verdict.regions for verdict in verdicts[-5:])
    for seed in range(79, 82):
        quiet = RunSettings(duration_s=WARM * CYCLE_S, cycle_s=CYCLE_S, detector_seed=seed)
        new = detector(tmp_path / str(seed))
        for cycle in simulate_run(quiet, seed):
            assert not new.judge(to_observation(to_cycle(quiet, cycle), "simulated", "0" * 64)).regions


def test_a_run_of_three_seconds_is_too_short_to_judge(tmp_path: Path) -> None:
    settings = RunSettings(beam_type=BeamType.PBPB, duration_s=3.0, cycle_s=CYCLE_S, ramp_s=0.0)
    for cycle in simulate_run(settings, 5):
        verdict = detector(tmp_path).judge(to_observation(to_cycle(settings, cycle), "simulated", "0" * 64))
        assert verdict.quality is Quality.NULL
        assert "too short" in (verdict.reason or "")
