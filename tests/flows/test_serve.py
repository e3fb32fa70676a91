"""Through a real Prefect server: scheduled runs happen, reach the store, and come back after a crash."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import ShiftwatchError
from core.settings import Settings
from core.store import Store
from core.verdict import Quality
from flows.serve import connected, main, wait_for_server
from tests.flows.conftest import ROOT, Server, kill_all, wait_for
from tests.flows.fakes import NAME, drop, inbox

WINDOW_S = 15
DEPLOYMENT = f"watch-{NAME}"
SERVE = ("flows.serve", "--system", "tests.flows.fakes:FAKE", "--window", str(WINDOW_S))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def arrives(settings: Settings, prefect_server: Server) -> Callable[[str, float], Quality]:
    """Drop a file, wait for its verdict."""

    def send(element: str, timeout_s: float) -> Quality:
        drop(inbox(settings), element, element=element)

        def seen() -> list[Quality]:
            with Store.open(settings.url, settings.artefacts) as store:
                return [view.quality for view in store.history(NAME, element)] if store.is_current() else []

        (quality,) = wait_for(seen, timeout_s, prefect_server)
        return quality

    return send


@pytest.mark.slow
def test_scheduled_runs_reach_the_store_and_survive_a_crash(
    prefect_server: Server, settings: Settings, arrives: Callable[[str, float], Quality]
) -> None:
    variables = {"SHIFTWATCH_HOME": str(settings.home), "SHIFTWATCH_POLL_S": "0.2"}

    def running() -> bool:
        return any(run["state_type"] == "RUNNING" for run in prefect_server.runs(DEPLOYMENT, scheduled=True))

    earlier = batches(prefect_server)
    with prefect_server.child(*SERVE, **variables) as serving:
        assert arrives("FIRST", 90) is Quality.GOOD  # by the run that serve starts at once, or by the schedule
        wait_for(running, 90, prefect_server)
        assert arrives("SECOND", 60) is Quality.GOOD
        finished = wait_for(
            lambda: [r for r in prefect_server.runs(DEPLOYMENT, scheduled=True) if r["state_type"] == "COMPLETED"],
            90,
            prefect_server,
        )
        assert finished[0]["parameters"] == {"system": "tests.flows.fakes:FAKE", "interval_s": WINDOW_S}
        wait_for(running, 90, prefect_server)
        kill_run(serving)  # only the run: it is replaced at once, not at the next tick
        wait_for(lambda: len(prefect_server.runs(DEPLOYMENT, scheduled=False)) > 1, 60, prefect_server)
        wait_for(running, 90, prefect_server)
        kill_all(serving)  # the server believes for ever that this run goes on and holds the only place
    assert any(run["state_type"] == "RUNNING" for run in prefect_server.runs(DEPLOYMENT))
    with prefect_server.child(*SERVE, **variables):
        assert arrives("THIRD", 90) is Quality.GOOD
    assert (
        2 <= len(batches(prefect_server) - earlier) <= 3
    )  # one task per batch, none per look (the last one may not be reported yet)
    assert "CRASHED" in {run["state_type"] for run in prefect_server.runs(DEPLOYMENT)}
    with Store.open(settings.url, settings.artefacts) as store:
        assert sorted(view.element for view in store.observations(NAME)) == ["FIRST", "SECOND", "THIRD"]


def batches(server: Server) -> set[str]:
    """Return the batches that the server knows, of this test and of those before it."""
    return {str(run["id"]) for run in server.post("task_runs/filter", task_runs={"name": {"like_": "batch"}})}


def kill_run(serving: "subprocess.Popen[bytes]") -> None:
    """Kill the processes that the serving process started, without warning."""
    children = Path(f"/proc/{serving.pid}/task/{serving.pid}/children").read_text().split()
    assert children
    for pid in children:
        os.kill(int(pid), signal.SIGKILL)


SCRIPT = """
import flows.systems
flows.systems.SYSTEMS = {"fake": flows.systems.Entry("x:y", "tests.flows.fakes:give", "tests.flows.fakes:refuse")}
from flows.training import calibrate, train
print("trained:", train("fake", {"product": "p", "golden_dir": "/g"}))
try:
    calibrate("fake", {"golden_dir": "/g"})
except Exception as error:
    print("refused:", error)
"""


@pytest.mark.slow
def test_training_and_calibration_are_flows_over_the_systems_own_functions(prefect_server: Server) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env=prefect_server.environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    assert "trained: {'product': 'p', 'golden_dir': '/g'}" in done.stdout
    assert "refused: too few golden boards in /g" in done.stdout
    runs = prefect_server.post("flow_runs/filter", flows={"name": {"any_": ["train", "calibrate"]}})
    assert sorted(run["state_type"] for run in runs) == ["COMPLETED", "FAILED"]


def test_only_what_the_site_is_connected_to_is_watched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without, linked = Settings(home=tmp_path), Settings(home=tmp_path, its={"qcdb_url": "http://host:8083"})
    assert connected(None, without) == ["flex", "collimation", "schlieren"]
    assert capsys.readouterr().err == "its is not connected and not watched: SHIFTWATCH_ITS__QCDB_URL is not set\n"
    assert connected(None, linked) == ["flex", "its", "collimation", "schlieren"]
    assert connected(["its"], linked) == ["its"]
    monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path))
    assert main(["--system", "its"]) == 1
    assert "its is not connected: set SHIFTWATCH_ITS__QCDB_URL" in capsys.readouterr().err


def test_without_a_server_serve_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path))
    with pytest.raises(ShiftwatchError, match=r"9/api: no Prefect server answers.*prefect server start"):
        wait_for_server("http://127.0.0.1:9/api", 0)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert main(["--server-timeout", "0"]) == 1
    assert main(["--system", "nonsense"]) == 1
    assert "no system called 'nonsense'; there is: collimation, flex, its" in capsys.readouterr().err
