"""Simulated loss maps: they are read back as what they are, also by group, and say what is wrong in them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from accelerator.collimation.channels import channels
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.lossmap import pattern
from accelerator.collimation.reading import read_file
from accelerator.collimation.simulate.emulator import Emulator
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.states import State
from app import lossmaps
from app.cli import app
from app.lossmaps import Recipe
from core.settings import Settings

AT = datetime(2026, 5, 1, 20, 18, tzinfo=UTC)


@pytest.mark.parametrize("beam", [1, 2])
def test_every_channel_is_read_back_with_its_counts(tmp_path: Path, beam: int) -> None:
    names = [one.name for one in channels(beam)]
    shares = {name: 1.0 / len(names) for name in names}
    recipe = Recipe(beam, "H", State.COLLISIONS, 100_000)
    path = tmp_path / "map.json"
    path.write_text(json.dumps(lossmaps.lossmap(shares, recipe, AT, np.random.default_rng(1))), encoding="utf-8")
    seen = pattern(read_file(path, Settings(home=tmp_path)), beam)
    assert seen.total == pytest.approx(100_000)
    expected = 100_000 / len(names)
    assert np.all(np.abs(seen.values - expected) < 7 * np.sqrt(expected))


def test_a_map_says_what_it_is_and_shows_what_is_wrong(tmp_path: Path) -> None:
    wrong = Setting("tcp.c6l7.b1", Quantity.GAP, 0.6)
    seen = []
    for name, errors in (("good", ()), ("bad", (wrong,))):
        path = tmp_path / f"{name}.json"
        lossmaps.write(path, Recipe(1, "H", State.COLLISIONS, 1_000_000, errors), Emulator.load(), AT, 1)
        seen.append(read_file(path, Settings(home=tmp_path)))
    told = seen[0].conditions
    assert (told["beam"], told["plane"], told["state"]) == (1, "H", "collisions")
    assert seen[0].observed_at == AT
    assert seen[0].element == "B1H"
    good, bad = (pattern(one) for one in seen)
    assert bad.of("tcp.b6l7.b1") > 1.5 * good.of("tcp.b6l7.b1")
    assert bad.of("tcp.c6l7.b1") < good.of("tcp.c6l7.b1")
    assert lossmaps.story((wrong,)) == "TCP.C6L7.B1 gap_sigma +0.6"
    assert lossmaps.story(()) == "nominal"


def test_the_command_writes_maps_of_both_beams_and_planes_with_their_truth(tmp_path: Path) -> None:
    arguments = ["simulate", "collimation", "--out", str(tmp_path), "--count", "5", "--defects", "1", "--seed", "3"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    written = sorted(path.name for path in tmp_path.glob("lossmap_*_B??.json"))
    assert [name[-8:-5] for name in written] == ["B1H", "B1V", "B2H", "B2V", "B1H"]
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert sorted(truth) == written
    assert {"element", "quantity", "change"} == set(truth[written[0]][0])
    assert {read_file(tmp_path / name, Settings(home=tmp_path)).conditions["state"] for name in written} == {
        "collisions"
    }


def test_the_report_of_a_folder_of_maps_states_what_is_missing_and_what_could_not_be_read(tmp_path: Path) -> None:
    maps, out = tmp_path / "maps", tmp_path / "out" / "campaign.html"
    CliRunner().invoke(app, ["simulate", "collimation", "--out", str(maps), "--count", "2", "--seed", "3"])
    (maps / "cut.json").write_text('{"collimator": {"name": ["tcp.c', encoding="utf-8")
    done = CliRunner().invoke(app, ["report", "collimation", str(maps), "--out", str(out), "--title", "May 2026"])
    assert done.exit_code == 0, done.output
    assert "3 maps, 1 of them could not be judged" in done.output
    page = out.read_text(encoding="utf-8")
    assert "<title>May 2026</title>" in page
    assert "missing: B2 horizontal, B2 vertical, off-momentum + and off-momentum −" in page
    assert page.count("<section class='map'>") == 3
    assert "cut.json" in page
