"""What the demo starts, and what its scanner drops."""

import json
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path

import pytest

from app.demo import Ports, its_connection, services
from app.experiment import masked_places
from app.scanner import boards, deliveries
from app.story import script, truth
from core.settings import load_settings


def test_the_dashboard_comes_first_and_everything_stays_on_this_machine(home: Path) -> None:
    started = list(services(load_settings(), Ports(dashboard=8501, prefect=4200)))
    assert [service.name for service in started] == ["dashboard", "prefect", "flows", "guard"]
    for service in started:
        assert service.environment["SHIFTWATCH_HOME"] == str(home)
        assert service.environment["PREFECT_HOME"] == str(home / "prefect")
        assert service.environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert "--server.address=127.0.0.1" in started[0].command
    assert "--browser.gatherUsageStats=false" in started[0].command


def test_the_simulated_experiment_is_up_before_its_watch_and_its_watch_reads_from_it(home: Path) -> None:
    started = {one.name: one for one in services(load_settings(), Ports(dashboard=8501, prefect=4200, qcdb=18083))}
    simulators = ["experiment", "machine", "awake", "scanner"]
    assert list(started) == ["dashboard", "prefect", *simulators, "flows", "guard"]
    shows = {started[name].command[-1] for name in simulators}
    assert shows == {str(home / truth.FILE)}, "they share a clock"
    assert started["experiment"].ready_url == "http://127.0.0.1:18083/monitor/ccdb_version"
    for service in started.values():
        assert service.environment["SHIFTWATCH_ITS__QCDB_URL"] == "http://127.0.0.1:18083"
        assert json.loads(service.environment["SHIFTWATCH_ITS__MASKED"]) == list(masked_places())


def test_up_says_where_the_cycles_come_from_or_that_there_are_none(home: Path) -> None:
    settings = load_settings()
    assert "not connected and not watched: SHIFTWATCH_ITS__QCDB_URL is not set" in its_connection(settings)
    settings = load_settings(its={"qcdb_url": "http://qcdb:8083"})
    assert its_connection(settings) == "ALICE ITS is watched at http://qcdb:8083"


def test_a_shift_has_the_boards_of_the_script() -> None:
    shift = boards(seed=1)
    assert {number: one.defects for number, one in enumerate(shift) if one.defects} == script.BOARDS
    assert [number for number, one in enumerate(shift) if one.is_broken] == [script.CUT_SHORT]
    assert len({one.name for one in shift}) == len(shift) == script.board_count(script.SHIFT_S)
    assert not {one.serial for one in shift} & {one.serial for one in boards(seed=1, shift=1)}


def test_a_photo_says_that_it_was_taken_when_the_shift_had_it(tmp_path: Path) -> None:
    began = datetime(2026, 5, 1, 20, tzinfo=UTC)
    first = next(deliveries(began, seed=1))
    assert first.at == began + timedelta(seconds=script.FIRST_BOARD_S)
    assert first.write(tmp_path).stat().st_mtime == first.at.timestamp()
    times = [one.at for one in islice(deliveries(began, seed=1), script.board_count(script.SHIFT_S) + 2)]
    assert all(before < after for before, after in pairwise(times))
    assert times[script.board_count(script.SHIFT_S)] == first.at + timedelta(seconds=script.SHIFT_S)


def test_a_broken_file_is_a_photo_cut_short_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = boards(seed=1)[script.CUT_SHORT].write(tmp_path)
    content = path.read_bytes()
    assert content[:2] == b"\xff\xd8"
    assert content[-2:] != b"\xff\xd9"
    assert list(tmp_path.iterdir()) == [path]


def test_serial_numbers_are_those_the_settings_look_for(home: Path) -> None:
    import re

    pattern = re.compile(load_settings().flex.name_pattern)
    for board in boards(seed=99):
        found = pattern.search(board.name)
        assert found is not None
        assert found["serial"] == board.serial
        assert len(board.serial) == 14
        assert (found["stage"], found["side"]) in {("PCB_RECEPTION", "Front"), ("PCB_POPULATION", "Front")}


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_plays_the_same_shift(seed: int) -> None:
    assert boards(seed) == boards(seed)
