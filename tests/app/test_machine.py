"""The simulated fill of the demo: what is written when, that it is read back, and what is wrong in it."""

import threading
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path

import pytest

from accelerator.collimation.drifting import LEARNT_FROM_MINUTES
from accelerator.collimation.reading import read_file
from app import machine
from app.machine import CAMPAIGN_S, EVENTS, MAPS, PAST_S, PIECE_S, Delivery, Machine
from core.clock import ManualClock
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
    assert {one.conditions["fill"] for one in seen} == {str(machine.FIRST_FILL)}


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


def test_what_goes_wrong_has_begun_when_the_demo_starts_and_is_told(written: list[tuple[Delivery, Path]]) -> None:
    assert all(event.begins_s < PAST_S - 120 for event in EVENTS)
    assert {event.beam for event in EVENTS} == {1, 2}
    stories = [delivery.story for delivery, _ in written]
    assert stories[0] == "loss map of beam 1, H"
    assert "nothing wrong" in stories
    now = [wrong.at(PAST_S) for wrong in machine.plan(BEGAN, 1).wrong]
    assert [one.element for one in now if one] == [event.element for event in EVENTS]
    drift = now[0]
    assert drift is not None
    assert 0.5 < drift.change < machine.DRIFT.change, "it still goes on, and part of the margin is left"
    learnt_after_s = CAMPAIGN_S + 60 * LEARNT_FROM_MINUTES
    assert machine.DRIFT.begins_s >= learnt_after_s, "what drifts while the fill is learnt is taken for ordinary"


def test_the_next_fill_begins_where_this_one_ends() -> None:
    assert machine.plan(BEGAN, 1).seconds == CAMPAIGN_S + machine.STABLE_S


def test_the_machine_waits_for_the_future_and_stops_when_told(tmp_path: Path) -> None:
    stop, said = threading.Event(), list[str]()
    clock = ManualClock(BEGAN)
    past, future = (Delivery(BEGAN + timedelta(seconds=s), "x", lambda folder: folder / "file") for s in (-5, 60))

    def report(line: str) -> None:
        said.append(line)
        stop.set()

    Machine(tmp_path, clock, stop, report).play([past, future])
    assert said == ["19:59:55 file: x"]
