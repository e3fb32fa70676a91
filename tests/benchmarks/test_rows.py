"""From a method to a row of the table: the worker, the list of methods, the report, the other parts' rules."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from benchmarks.flex import deeppcb, flex98, report, worker
from benchmarks.flex.__main__ import main
from benchmarks.flex.boards import Image, build_reference, flex98_split, read_rgb
from benchmarks.flex.heldout import build, save
from benchmarks.flex.methods import ENTRIES, Envelope, make
from benchmarks.flex.metrics import peaks
from benchmarks.flex.speed import spent


@pytest.fixture(scope="module")
def drawn(panels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    split = flex98_split(panels)
    path = tmp_path_factory.mktemp("drawn") / "set.npz"
    save(build(split, build_reference(split.learn), seed=5, scale=0.1), path)
    return path


class Oracle:
    """Knows the untouched boards by heart; finds everything and nothing else."""

    boards: ClassVar[list[Image]] = []

    def fit(self, boards: Sequence[Path], n: int) -> None:
        """Look at all boards beside those given: an oracle may."""
        self.boards.extend(read_rgb(path) for path in sorted(boards[0].parent.glob("*.jpg")))

    def score(self, image: Image) -> tuple[np.ndarray, list[tuple[float, float, float]]]:
        """Distance to the nearest known board."""
        distances = [np.abs(image.astype(np.float32) - board).max(axis=2) for board in self.boards]
        best = min(distances, key=lambda distance: float(distance.sum()))
        return best, peaks(best)

    def level(self, per_board: float) -> float:
        """Anything at all is a defect."""
        return 1.0


class Blind:
    """Sees noise only."""

    note = "noise"

    def fit(self, boards: Sequence[Path], n: int) -> None:
        """Learn nothing."""
        self.rng = np.random.default_rng(0)

    def score(self, image: Image) -> tuple[np.ndarray, list[tuple[float, float, float]]]:
        """Random numbers."""
        noise = self.rng.random(image.shape[:2]).astype(np.float32)
        return noise, peaks(noise)


def row(name: str, drawn: Path, panels: Path) -> report.Row:
    learn = flex98_split(panels).learn
    target = name if ":" in name else f"{__name__}:{name}"
    sys.modules.setdefault(__name__, sys.modules[Oracle.__module__])
    return worker.measure(drawn, {"name": name, "target": target, "arguments": {}, "warm_up": str(learn[0])}, learn)


def test_an_oracle_gets_full_marks(drawn: Path, panels: Path):
    found = row("Oracle", drawn, panels)
    assert found["recall_0.1"] == found["recall_1"] == found["pad_scratch_1"] == 1.0
    assert found["recall_1_90"] == (1.0, 1.0)
    assert found["image_auroc"] == 1.0
    assert found["aupro_05"] > 0.8
    assert found["pixel_auroc"] > 0.9
    assert found["false_asked_1"]["mean"] == 0.0
    assert found["regions"] == sum(report_kind_counts(drawn).values())
    assert 0 < found["cpu_s_per_mpix"] < 60
    assert 20 < found["peak_mb"] < 4000


def report_kind_counts(drawn: Path) -> dict[str, int]:
    from benchmarks.flex.heldout import load

    kinds = [defect.kind for copy in load(drawn).copies for defect in copy.defects]
    return {kind: kinds.count(kind) for kind in kinds}


class Variant(Blind):
    """A blind method that shares its maps with others."""

    shared = True


def test_a_variant_has_no_times_and_no_level_of_its_own(drawn: Path, panels: Path):
    blind, variant = row(f"{__name__}:Blind", drawn, panels), row(f"{__name__}:Variant", drawn, panels)
    assert blind["cpu_s_per_mpix"] > 0
    assert variant["cpu_s_per_mpix"] is variant["peak_mb"] is variant["false_asked_1"] is None
    assert variant["recall_1"] == blind["recall_1"]


def test_noise_gets_none(drawn: Path, panels: Path):
    found = row("Blind", drawn, panels)
    assert found["recall_0.1"] < 0.3
    assert found["aupro_30"] == pytest.approx(0.15, abs=0.03)
    assert found["pixel_auroc"] == pytest.approx(0.5, abs=0.03)
    assert found["false_asked_1"] is None


def test_the_trivial_baselines_see_something(drawn: Path, panels: Path):
    assert row("benchmarks.flex.methods:ZScore", drawn, panels)["aupro_30"] > 0.5
    method = Envelope()
    learn = flex98_split(panels).learn
    method.fit(learn, len(learn))
    scores, spots = method.score(read_rgb(learn[1]))
    assert scores.shape == (520, 760)
    assert float(np.median(scores)) == 0.0
    assert all(spot[2] < 2 for spot in spots)


def test_every_entry_names_something_that_can_be_made():
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)
    for entry in ENTRIES:
        if entry.target.startswith("benchmarks.flex.methods"):
            make(entry.target, entry.arguments)


def test_a_failing_method_is_a_row_not_a_crash(panels: Path, drawn: Path):
    split = flex98_split(panels)
    entry = flex98.Entry("broken", "benchmarks.flex.methods:Nothing", {}, 8)
    assert "Nothing" in flex98.measured(entry, split, drawn)["error"]


def test_the_command_writes_table_and_json(panels: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("SHIFTWATCH_BENCH_CACHE", str(tmp_path / "cache"))
    arguments = ["--quick", "--only", "golden difference", "--data", str(panels), "--out", str(tmp_path)]
    assert main(arguments) == 0
    assert "| golden difference | 2 |" in capsys.readouterr().out
    (kept,) = json.loads((tmp_path / "flex98-quick.json").read_text())
    assert kept["name"] == "golden difference"
    assert kept["run"]


def test_rows_of_earlier_runs_stay_and_are_marked(tmp_path: Path):
    path = tmp_path / "rows.json"
    report.merge_rows(path, [{"name": "peer", "run": "1", "recall_1": 0.5}, {"name": "ours", "run": "1"}], [])
    rows = report.merge_rows(path, [{"name": "ours", "run": "2", "recall_1": float("nan")}], ["ours", "peer"])
    assert [found["name"] for found in rows] == ["ours", "peer"]
    text = report.table(rows, (("method", "name"), ("recall", "recall_1")), "2")
    assert "| ours | - |" in text
    assert "| peer † | 0.500 |" in text
    assert json.loads(path.read_text())[0]["recall_1"] is None
    rows = report.merge_rows(path, [{"name": "ours", "run": "3", "heldout": "redrawn"}], ["ours", "peer"])
    assert [found["name"] for found in rows] == ["ours"]


def test_deeppcb_splits_by_group(tmp_path: Path):
    folder = tmp_path / "deeppcb"
    folder.mkdir()
    (folder / "index.csv").write_text("id,group\n1,b\n2,a\n3,d\n4,c\n5,a\n6,a\n7,b\n8,d\n")
    assert deeppcb.groups(tmp_path) == (["a", "b"], ["c", "d"])


def test_deeppcb_labels_and_template_comparison(tmp_path: Path):
    (tmp_path / "x.txt").write_text("10 20 30 40 3\n1,2,3,4,6\n")
    first, second = deeppcb.labels(tmp_path / "x.txt", "x")
    assert (first.kind, first.box) == ("mousebite", (10, 20, 30, 40))
    assert second.kind == "pin-hole"
    template = np.zeros((80, 80), np.uint8)
    template[30:50] = 255
    test = template.copy()
    test[30:50, 20:34] = 0
    (found,) = deeppcb._compare("x", template, np.roll(test, 1, axis=0))
    assert 15 <= found.box[0] <= 20
    assert 33 <= found.box[2] <= 38
    assert deeppcb._compare("x", template, np.roll(template, 2, axis=0)) == []


def test_peak_of_scoring_leaves_out_what_learning_freed():
    block = np.ones(300 << 17)
    high = worker.peak_mb()
    del block
    worker.forget_peak()
    assert worker.peak_mb() < high - 200


def test_costs_of_a_process_are_its_own():
    small = spent([sys.executable, "-c", "print(1)"], {})
    large = spent([sys.executable, "-c", "import time; x = bytearray(200 << 20); time.sleep(0.2)"], {})
    assert small.status == 0
    assert small.output.strip() == "1"
    assert large.peak_mb > small.peak_mb + 150
    assert large.wall_s > 0.2
    assert spent([sys.executable, "-c", "raise SystemExit(3)"], {}).status == 3
