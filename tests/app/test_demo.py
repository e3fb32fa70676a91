"""What the demo starts, and what its scanner drops."""

import json
from itertools import islice
from pathlib import Path

import pytest

from app.demo import Ports, its_connection, services
from app.experiment import masked_places
from app.scanner import rehearsal, shift
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
    assert list(started) == ["dashboard", "prefect", "experiment", "machine", "awake", "flows", "guard"]
    assert started["experiment"].ready_url == "http://127.0.0.1:18083/monitor/ccdb_version"
    for service in started.values():
        assert service.environment["SHIFTWATCH_ITS__QCDB_URL"] == "http://127.0.0.1:18083"
        assert json.loads(service.environment["SHIFTWATCH_ITS__MASKED"]) == list(masked_places())


def test_up_says_where_the_cycles_come_from_or_that_there_are_none(home: Path) -> None:
    settings = load_settings()
    assert "not connected and not watched: SHIFTWATCH_ITS__QCDB_URL is not set" in its_connection(settings)
    settings = load_settings(its={"qcdb_url": "http://qcdb:8083"})
    assert its_connection(settings) == "ALICE ITS is watched at http://qcdb:8083"


def test_a_shift_has_good_boards_bad_boards_and_a_broken_file() -> None:
    deliveries = list(islice(shift(seed=1), 20))
    assert {bool(delivery.defects) for delivery in deliveries} == {True, False}
    assert any(delivery.is_broken for delivery in deliveries)
    assert len({delivery.name for delivery in deliveries}) == 20


def test_a_broken_file_is_a_photo_cut_short_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    broken = next(delivery for delivery in rehearsal() if delivery.is_broken)
    path = broken.write(tmp_path)
    content = path.read_bytes()
    assert content[:2] == b"\xff\xd8"
    assert content[-2:] != b"\xff\xd9"
    assert list(tmp_path.iterdir()) == [path]


def test_serial_numbers_are_those_the_settings_look_for(home: Path) -> None:
    import re

    pattern = re.compile(load_settings().flex.name_pattern)
    for delivery in islice(shift(seed=99), 30):
        found = pattern.search(delivery.name)
        assert found is not None
        assert len(found["serial"]) == 14
        assert (found["stage"], found["side"]) in {("PCB_RECEPTION", "Front"), ("PCB_POPULATION", "Front")}


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_plays_the_same_shift(seed: int) -> None:
    assert list(islice(shift(seed), 8)) == list(islice(shift(seed), 8))
