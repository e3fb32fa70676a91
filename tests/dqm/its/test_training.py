"""A model taught from little, and thresholds renewed from cycle files of nominal runs."""

from pathlib import Path

import pytest

from core.errors import InputError
from core.inference import load_package
from core.observation import Observation
from dqm.its.cycle_files import read_observation, write_npz
from dqm.its.detector import SHIPPED, SHIPPED_MODELS, ItsDetector, read_calibrations
from dqm.its.simulate.beams import BeamType
from dqm.its.simulate.publishing import to_cycle
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings
from dqm.its.training import FEWEST_CYCLES, Effort, as_runs, as_shifts, calibrate, read_nominal, train

CYCLE_S = 180.0


@pytest.fixture(scope="module")
def nominal_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cycles")
    settings = RunSettings(
        beam_type=BeamType.PP, duration_s=CYCLE_S * (FEWEST_CYCLES + 5), cycle_s=CYCLE_S, detector_seed=31
    )
    for cycle in simulate_run(settings, 3):
        write_npz(folder / f"{cycle.number:03d}.npz", to_cycle(settings, cycle))
    return folder


def test_files_are_read_in_order_and_what_cannot_be_read_is_said(nominal_files: Path) -> None:
    said: list[str] = []
    (nominal_files / "broken.npz").write_bytes(b"no zip")
    cycles = read_nominal(nominal_files, said.append)
    (nominal_files / "broken.npz").unlink()
    assert len(said) == 1
    assert "broken.npz" in said[0]
    assert [cycle.observed_at for cycle in cycles] == sorted(cycle.observed_at for cycle in cycles)
    assert [len(run) for run in as_runs(cycles)] == [len(cycles)]


def test_too_few_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least"):
        calibrate("mine", tmp_path, tmp_path / "models")


def test_cycles_are_cut_into_shifts_of_eight_hours(nominal_files: Path) -> None:
    (cycle,) = read_nominal(nominal_files)[7:8]
    shifts = as_shifts([cycle] * 400)["pp"]
    assert [len(list(shift())) for shift in shifts] == [160, 160, 80]


def test_thresholds_are_renewed_and_the_rest_is_kept(nominal_files: Path, tmp_path: Path) -> None:
    said: list[str] = []
    path = calibrate(SHIPPED, nominal_files, tmp_path / "models", report=said.append)
    new, old = load_package(path), load_package(SHIPPED_MODELS / SHIPPED)
    assert path == tmp_path / "models" / SHIPPED
    assert new.card.files == old.card.files
    before, after = read_calibrations(old), read_calibrations(new)
    assert set(after) == set(before)
    assert after["pp"].shifts in {1, before["pp"].shifts + 1}
    assert after["PbPb"].to_json() == before["PbPb"].to_json()
    judge = ItsDetector(new, tmp_path / "memory.npz")
    qualities = [judge.judge(_read(file)).quality.value for file in sorted(nominal_files.glob("*.npz"))[:6]]
    assert "BAD" not in qualities
    assert "NULL" not in qualities


def _read(path: Path) -> Observation:
    return read_observation(path)


@pytest.mark.slow
def test_a_whole_model_is_taught_from_the_simulator(tmp_path: Path) -> None:
    """With hardly any effort: it need not be good, but it has all parts and judges."""
    effort = Effort(4, 1, 0, 2, 1, 20.0, 12, 12, 8, cycle_s=600.0, dense_fault_shifts=0)
    said: list[str] = []
    path = train("tiny", None, tmp_path / "models", seed=5, report=said.append, effort=effort, cache=tmp_path / "cache")
    package = load_package(path)
    assert package.card.seed == 5
    assert set(package.card.files) == {"causes.onnx", "rebuilding.onnx", "reference.npz"}
    assert read_calibrations(package)
    again = train(
        "again", None, tmp_path / "models", seed=5, report=said.append, effort=effort, cache=tmp_path / "cache"
    )
    assert load_package(again).card.files == package.card.files
