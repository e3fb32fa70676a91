"""The simulated run of the demo, and what `simulate` and `score` do with AWAKE's events."""

import json
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path

import h5py
import pytest

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.observing import read_file
from accelerator.schlieren.simulate.shift import PERIOD_S
from app import awake
from app.scoring import Request, expand, judged, to_json, to_row
from app.simulating import simulate
from app.story import script
from app.story.delivering import Delivery
from core.settings import Settings

(NO_LASER,) = script.NO_LASER
BEGAN = datetime(2026, 5, 1, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Delivery, Path]]:
    """Return the first shots of the run, until the laser is back, and where they were written."""
    folder = tmp_path_factory.mktemp("inbox")
    first = islice(awake.deliveries(BEGAN, 1, Settings().schlieren), NO_LASER.after + 1)
    return [(delivery, delivery.write(folder)) for delivery in first]


def test_a_shot_every_half_minute_written_after_it_was_taken(written: list[tuple[Delivery, Path]]) -> None:
    seen = [read_file(path, Settings()) for _, path in written]
    assert seen[0].observed_at == BEGAN
    assert {later.observed_at - one.observed_at for one, later in pairwise(seen)} == {timedelta(seconds=PERIOD_S)}
    for observation, (delivery, _) in zip(seen, written, strict=True):
        delay = float(str(observation.conditions["camera_delay_s"]))
        assert observation.observed_at + timedelta(seconds=delay) < delivery.at
        assert observation.conditions["stale"] == observation.conditions["missing"] == ""


def test_the_story_is_told_to_the_log_and_never_to_the_files(written: list[tuple[Delivery, Path]]) -> None:
    stories = [delivery.story for delivery, _ in written]
    assert stories[NO_LASER.first] == "no_ionisation (0.003)"
    assert stories[-1] == "nothing wrong"
    for _, path in written:
        content = path.read_bytes()
        assert not any(cause.encode() in content for cause in Cause)
        with h5py.File(path) as file:
            names: list[str] = []
            file.visit(names.append)
        assert not any("truth" in name.lower() or "anomaly" in name.lower() for name in names)


def test_the_laser_is_missed_by_the_energy_meter_too(written: list[tuple[Delivery, Path]]) -> None:
    energies = [float(str(read_file(path, Settings()).conditions["laser_energy_mj"])) for _, path in written]
    dropped = energies[NO_LASER.first : NO_LASER.after]
    assert max(dropped) < 1
    assert min(energies[: NO_LASER.first]) > 90


def test_episodes_do_not_overlap_and_all_are_in_the_shift() -> None:
    spans = sorted((one.first, one.after) for one in script.EPISODES)
    assert all(one[1] <= later[0] for one, later in pairwise(spans))
    assert spans[-1][1] <= awake.SHOTS
    causes = {one.anomaly.cause for one in script.EPISODES}
    assert causes == {Cause.NO_IONISATION, Cause.DENSITY_DRIFT, Cause.STALE, Cause.MASK_DRIFT, Cause.FROZEN}


def test_one_run_follows_the_other() -> None:
    both = islice(awake.deliveries(BEGAN, 1, Settings().schlieren), awake.SHOTS - 1, awake.SHOTS + 1)
    last, first = both
    assert first.at - last.at == timedelta(seconds=PERIOD_S)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return what `shiftwatch simulate schlieren` writes."""
    return list(simulate("schlieren", tmp_path_factory.mktemp("shots"), count=5, defects=2, seed=4))


def test_simulate_writes_events_and_the_truth_beside_them(simulated: list[Path]) -> None:
    truth = json.loads((simulated[0].parent / "truth.json").read_text())
    assert list(truth) == [path.name for path in simulated]
    assert sum(one["anomaly"] is not None for one in truth.values()) == 2
    assert truth[simulated[0].name]["anomaly"] is None
    assert set(truth[simulated[0].name]["channel"]) == {
        "position_um",
        "core_radius_um",
        "peak_ionisation",
        "transition_width_um",
        "tilt_mrad",
    }
    assert list(expand((simulated[0].parent,), "schlieren")) == simulated


def test_score_gives_value_sigma_unit_and_floor_of_what_was_measured(simulated: list[Path]) -> None:
    truth = json.loads((simulated[0].parent / "truth.json").read_text())
    results = judged(Request("schlieren", (simulated[0].parent,), as_json=True))
    lines = [json.loads(to_json("schlieren", one)) for one in results]
    assert [one["error"] for one in lines] == [None] * 5
    good = [one for one in lines if truth[Path(one["observation"]["origin"]).name]["anomaly"] is None]
    assert len(good) == 3
    for one in good:
        assert one["verdict"]["quality"] == "GOOD"
        known = truth[Path(one["observation"]["origin"]).name]["channel"]
        for name, measured in one["verdict"]["measurements"].items():
            assert set(measured) == {"value", "sigma", "unit", "floor"}
            assert abs(measured["value"] - known[name]) < 5 * measured["sigma"]
            assert measured["sigma"] > 0.8 * measured["floor"]
        assert len(one["verdict"]["measurements"]) == 5
    bad = [one["verdict"] for one in lines if one not in good]
    causes = {*Cause, "unknown"}
    assert all(one["quality"] == "BAD" and one["cause"]["name"] in causes for one in bad)
    assert bad[0]["cause"]["name"] in to_row(next(one for one in results if one.verdict.quality == "BAD"))
