"""Learning: defects that stay are known, the rest is calibrated; and it goes to a package and back."""

import json
from pathlib import Path

import numpy as np
import pytest

from core.errors import CalibrationError, ModelError
from dqm.its.pixels.checking import Cuts
from dqm.its.pixels.detector import PixelDetector
from dqm.its.pixels.files import write_run
from dqm.its.pixels.hits import Hits
from dqm.its.pixels.learning import learn, main, write_reference
from dqm.its.pixels.profiles import excess
from dqm.its.pixels.reference import Reference
from dqm.its.pixels.spots import Check
from tests.dqm.its.pixels.telescopes import DEAD, HOT, PLANES, RUNS, STUCK


def test_defects_that_stay_are_known(reference: Reference):
    assert (reference.runs, reference.maps) == (RUNS, RUNS * PLANES)
    for plane, chip in reference.chips.items():
        assert [(hot.column, hot.row) for hot in chip.hot] == ([HOT[1:]] if plane == HOT[0] else [])
        assert dict(chip.stuck) == ({STUCK[1]: RUNS} if plane == STUCK[0] else {})
    assert reference.chips[HOT[0]].hot[0].runs == RUNS


def test_chips_share_the_particles_and_profiles_are_flat(reference: Reference):
    assert sum(chip.share for chip in reference.chips.values()) == pytest.approx(1)
    for chip in reference.chips.values():
        assert chip.share == pytest.approx(1 / PLANES, abs=0.015)
        assert chip.cells.sum() == pytest.approx(1)
        assert chip.double_columns.sum() == pytest.approx(1)
        assert chip.profile == pytest.approx(1 / 128, rel=0.25)


def test_a_dead_double_column_needs_enough_particles(runs: list[Hits], reference: Reference):
    assert all(chip.dead == () for chip in reference.chips.values())  # 6 expected per double column
    more = learn([*runs, *(Hits(h.run + 1000 * k, h.events, h.event, h.plane, h.column, h.row)
                           for k in range(1, 4) for h in runs)])  # fmt: skip
    assert DEAD[1] in more.chips[DEAD[0]].dead
    cells = more.chips[DEAD[0]].cells
    assert cells[0, DEAD[1] // 8] == pytest.approx(7 / 8 * cells[0, DEAD[1] // 8 - 1], rel=0.3)
    assert more.chips[DEAD[0]].double_columns[DEAD[1]] == 0


def test_bursts_are_set_aside_and_do_not_raise_the_threshold(reference: Reference):
    assert len(reference.set_aside) >= RUNS
    assert sum("burst" in text for text in reference.set_aside) == RUNS
    assert max(reference.tails[Check.BURST].scores) < Cuts().burst
    assert reference.fault_shares["stuck double column"] == pytest.approx((RUNS + 0.5) / (RUNS * PLANES + 1))


def test_excess_is_the_spread_of_a_gamma_poisson():
    rng = np.random.default_rng(4)
    mean = np.full(40_000, 30.0)
    assert excess(rng.poisson(mean).astype(float), mean) == pytest.approx(0, abs=0.002)
    assert excess(rng.poisson(rng.gamma(1 / 0.05, 0.05 * mean)).astype(float), mean) == pytest.approx(0.05, rel=0.1)


def test_few_or_empty_runs_teach_nothing(runs: list[Hits]):
    with pytest.raises(CalibrationError, match="9 runs are too few"):
        learn(runs[:9])
    none = np.zeros(0, dtype=np.int64)
    with pytest.raises(CalibrationError, match="no chip has a particle"):
        learn([Hits(run, 0, none, none, none, none) for run in range(12)])


def test_reference_goes_to_a_package_and_back(tmp_path: Path, runs: list[Hits], reference: Reference):
    package = write_reference(tmp_path / "model", reference, runs)
    detector = PixelDetector.load(tmp_path / "model", 0.02)
    assert detector.model == package.model
    one, other = (json.dumps(content.to_json(), sort_keys=True) for content in (detector.reference, reference))
    assert one == other
    assert detector.rules.thresholds == PixelDetector(reference, package.model, 0.02).rules.thresholds


@pytest.mark.parametrize("change", [{"chips": [{}]}, {"tails": 3}, {"spread": {}}, {"runs": None}])
def test_other_content_is_no_reference(reference: Reference, change: dict):
    with pytest.raises(ModelError, match="card: holds no reference"):
        Reference.from_json({**reference.to_json(), **change}, "card")


def test_command_learns_from_files(tmp_path: Path, runs: list[Hits], capsys: pytest.CaptureFixture[str]):
    for hits in runs[:12]:
        write_run(tmp_path / f"{hits.run}.npz", hits)
    files = [str(path) for path in sorted(tmp_path.glob("*.npz"))]
    assert main([str(tmp_path / "model"), *files]) == 0
    assert f"hot pixel ({HOT[1]}, {HOT[2]})" in capsys.readouterr().out
    assert main([str(tmp_path / "model"), *files]) == 2
    assert "exists already" in capsys.readouterr().err
