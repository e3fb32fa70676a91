"""What is told to a pool of workers on other hosts, and what a Prefect server makes of it."""

import re
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.errors import SettingsError
from core.settings import Settings
from core.signs import POOL, SCHEDULE, WATCH
from core.store import Store
from flows.pooling import job_variables, main, told
from tests.flows.conftest import ROOT, Server, wait_for
from tests.flows.fakes import NAME

DEPLOYMENT = f"watch-{NAME}"
WINDOW_S = 45
"""Long enough for a process to start in on a busy machine, and for ticks to be missed by what is fetched 10 s early."""


def test_what_is_no_variable_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(["A=1", "B=x=y"]) == {"A": "1", "B": "x=y"}
    assert main(["far", "--system", "flex", "--set", "A"]) == 1
    assert "--set A: is not NAME=VALUE" in capsys.readouterr().err


def test_what_a_run_is_given_comes_from_a_file_and_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text('image = "a:1"\nmem_limit = "2g"\n[env]\nA = "1"\nB = "2"\n')
    made = job_variables(path, None, {"B": "3"})
    assert made == {"image": "a:1", "mem_limit": "2g", "env": {"A": "1", "B": "3"}}
    assert job_variables(path, "b:2", {})["image"] == "b:2"
    assert job_variables(None, None, {"A": "1"}) == {"env": {"A": "1"}}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read as TOML"),
        (b"image = ", "cannot be read as TOML"),
        (b"\xff\xfe", "cannot be read as TOML"),
        (b"env = 3", "env: is not a table of texts"),
        (b"[env]\nPORT = 5432", "env: is not a table of texts"),
    ],
)
def test_a_file_that_says_nothing_is_named(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "job.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=rf"job\.toml: {why}"):
        job_variables(path, None, {})


@pytest.fixture
def pooled(prefect_server: Server, tmp_path: Path) -> Iterator[Server]:
    """A Prefect server that forgets the deployments of a test."""
    settings = Settings(home=tmp_path)
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
    yield prefect_server
    for known in prefect_server.post("deployments/filter", limit=200):
        if known["work_pool_name"] is not None:
            forget = urllib.request.Request(f"{prefect_server.url}/deployments/{known['id']}", method="DELETE")
            urllib.request.urlopen(forget, timeout=30).close()


def register(server: Server, home: Path, pool: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """Type ``python -m flows.pooling POOL`` for the one system that is only here for tests."""
    command = (sys.executable, "-m", "flows.pooling", pool, "--system", "tests.flows.fakes:FAKE", *options)
    variables = {**server.environment, "SHIFTWATCH_HOME": str(home)}
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120, check=False)


def starters(home: Path) -> dict[str, str]:
    """Return what the store knows of who starts the watch: not how the watch is."""
    settings = Settings(home=home)
    with Store.open(settings.url, settings.artefacts) as store:
        return {beat.flow: beat.detail for beat in store.heartbeats() if beat.system == NAME and beat.flow != WATCH}


@pytest.mark.slow
def test_a_run_whose_container_died_is_taken_over_at_once(pooled: Server, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with Store.open(settings.url, settings.artefacts) as store:
        store.heartbeat(NAME, SCHEDULE, datetime.now(UTC), True, "served until now")
    job = ROOT / "deploy/pools/docker.toml"
    said = register(pooled, tmp_path, "far", "--type", "docker", "--job", str(job))
    assert said.stdout == f"{DEPLOYMENT}: run by the workers of far\nretain-far: run by the workers of far\n", (
        said.stderr
    )
    for name in (f"watch/{DEPLOYMENT}", "retain/retain-far"):
        known = pooled.deployment(name)
        assert known["work_pool_name"] == "far"
        assert known["job_variables"] == tomllib.loads(job.read_text())
    assert starters(tmp_path) == {POOL: "far"}

    def waiting() -> list[str]:
        """The runs that were asked for at once, and that no worker took so far."""
        found = pooled.post("flow_runs/filter", deployments={"name": {"any_": [DEPLOYMENT]}}, limit=200)
        return [run["id"] for run in found if not run["auto_scheduled"] and run["state_type"] == "SCHEDULED"]

    (first,) = waiting()
    dead = {"type": "CRASHED", "message": "its container is gone"}
    pooled.post(f"flow_runs/{first}/set_state", state=dead, force=True)
    (second,) = wait_for(waiting, 60, pooled)
    assert second != first

    refused = register(pooled, tmp_path, "far", "--type", "kubernetes")
    assert (refused.returncode, refused.stderr) == (1, "pool far: is there already, and of type docker\n")
    again = register(pooled, tmp_path, "far")  # a pool that is there need not be told what it is
    assert again.returncode == 0, again.stderr


@pytest.mark.slow
def test_runs_of_a_pool_hand_over_to_each_other_under_the_readmes_worker(pooled: Server, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^(prefect worker start --pool far --type process.*?)  ", readme, re.MULTILINE)
    said = register(pooled, tmp_path, "near", "--window", str(WINDOW_S))
    assert said.returncode == 0, said.stderr

    def done() -> list[dict[str, Any]]:
        found = pooled.runs(DEPLOYMENT, scheduled=True)
        return [run for run in found if run["state_type"] == "COMPLETED"]

    variables = {"SHIFTWATCH_HOME": str(tmp_path), "PREFECT_WORKER_QUERY_SECONDS": "2", "PYTHONPATH": str(ROOT)}
    earlier = {run["id"] for run in pooled.runs(DEPLOYMENT)}
    with pooled.child(*line.replace("far", "near").split(), **variables):
        wait_for(lambda: len([run for run in done() if run["id"] not in earlier]) >= 2, 6 * WINDOW_S, pooled)
        runs = [run for run in pooled.runs(DEPLOYMENT, scheduled=True) if run["id"] not in earlier]
    first = next(number for number, run in enumerate(runs) if run["state_type"] == "COMPLETED")
    assert {run["state_type"] for run in runs[first:]} <= {"COMPLETED", "RUNNING", "PENDING"}, runs
