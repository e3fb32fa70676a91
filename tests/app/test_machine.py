"""The simulated fill of the demo: what is written when, that it is read back, and what is wrong in it."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path

import pytest

from accelerator.collimation.drifting import LEARNT_FROM_MINUTES
from accelerator.collimation.reading import read_file
from app import machine
from app.machine import PIECE_S
from app.story import fill, script
from app.story.delivering import Delivery
from app.story.fill import CAMPAIGN_S, MAPS
from core.observation import Observation
from core.settings import Settings

BEGAN = datetime(2026, 5, 1, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Delivery, Path]]:
    """Return what the logging wrote in the first minutes, and where."""
    folder = tmp_path_factory.mktemp("inbox")
    first = islice(machine.deliveries(BEGAN, 1), len(MAPS) + 7)
    return [(delivery, delivery.write(folder)) for delivery in first]


def read(path: Path) -> Observation:
    return read_file(path, Settings())


def test_first_come_the_loss_maps_of_both_beams_and_planes(written: list[tuple[Delivery, Path]]) -> None:
    seen = [read(path) for _, path in written[: len(MAPS)]]
    assert [one.element for one in seen] == ["B1H", "B1V", "B2H", "B2V"]
    assert {one.conditions["kind"] for one in seen} == {"lossmap"}
    assert {one.conditions["state"] for one in seen} == {"flat_top"}
    assert {one.conditions["fill"] for one in seen} == {str(fill.FIRST_FILL)}


def test_then_the_monitors_second_by_second(written: list[tuple[Delivery, Path]]) -> None:
    pieces = [read(path) for _, path in written[len(MAPS) :]]
    assert {one.conditions["kind"] for one in pieces} == {"stream"}
    assert {one.conditions["state"] for one in pieces} == {"collisions"}
    assert {one.payload["signal_gy_per_s"].shape[0] for one in pieces} == {PIECE_S}
    began = [datetime.fromtimestamp(float(str(one.conditions["begins_unix_s"])), UTC) for one in pieces]
    assert began[0] == BEGAN + timedelta(seconds=CAMPAIGN_S)
    assert {later - earlier for earlier, later in pairwise(began)} == {timedelta(seconds=PIECE_S)}


def test_nothing_is_written_before_its_time(written: list[tuple[Delivery, Path]]) -> None:
    for delivery, path in written:
        assert read(path).observed_at < delivery.at
    times = [delivery.at for delivery, _ in written]
    assert times == sorted(times)


def test_what_goes_wrong_is_told_to_the_log_and_begins_after_the_fill_is_learnt(
    written: list[tuple[Delivery, Path]],
) -> None:
    stories = [delivery.story for delivery, _ in written]
    assert stories[0] == "loss map of beam 1, H"
    assert "nothing wrong" in stories
    learnt_after_s = CAMPAIGN_S + 60 * LEARNT_FROM_MINUTES
    assert all(one.begins_s >= learnt_after_s for one in script.WRONG), "else it is taken for ordinary"
    assert {one.setting.element[-1] for one in script.WRONG} == {"1", "2"}


def test_the_next_fill_begins_where_this_one_ends() -> None:
    plan = fill.plan(BEGAN, 1, script.SHIFT_S, script.WRONG)
    assert plan.seconds == script.SHIFT_S
    assert fill.stable_at(plan) == BEGAN + timedelta(seconds=CAMPAIGN_S)
