"""A real Prefect server, once for all tests that need one, which keeps to itself; and a bench for watches."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.flows.bench import Bench

ROOT = Path(__file__).resolve().parents[2]
START_S = 180.0


@dataclass(frozen=True)
class Server:
    """Where it listens, and the variables that make a child process use it."""

    url: str
    environment: dict[str, str]
    logs: Path

    def post(self, path: str, **content: Any) -> Any:
        """Ask the API."""
        request = urllib.request.Request(
            f"{self.url}/{path}", json.dumps(content).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def deployment(self, name: str) -> Any:
        """Return what the server knows of a deployment (``FLOW/NAME``)."""
        with urllib.request.urlopen(f"{self.url}/deployments/name/{name}", timeout=30) as answer:
            return json.load(answer)

    def runs(self, deployment: str, *, scheduled: bool | None = None) -> list[dict[str, Any]]:
        """Return the runs of a deployment that are not in the future, by time; only (un)scheduled ones if asked."""
        found = self.post("flow_runs/filter", deployments={"name": {"any_": [deployment]}}, limit=200)
        found = [r for r in found if r["state_type"] != "SCHEDULED" and scheduled in (None, r["auto_scheduled"])]
        return sorted(found, key=lambda run: str(run["expected_start_time"]))

    @contextmanager
    def child(self, *command: str, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run ``python -m …`` in a session of its own; whatever is left of it is killed at the end."""
        with (self.logs / "children.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=self.environment | variables,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            kill_all(process)

    def said(self) -> str:
        """Return the end of what the children logged."""
        return (self.logs / "children.log").read_text(errors="replace")[-4000:]


def kill_all(process: "subprocess.Popen[bytes]") -> None:
    """Kill a child with everything that it started, without warning."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(what: Any, timeout_s: float, server: Server) -> Any:
    """Wait until ``what()`` is true and return it."""
    deadline = time.monotonic() + timeout_s
    while not (found := what()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout_s:g} s in vain\n{server.said()}")
        time.sleep(0.25)
    return found


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = new_server(tmp_path_factory.mktemp("prefect"))
    with up(server):
        yield server


def new_server(folder: Path) -> Server:
    """Return a server that keeps its things in a folder; ``up`` runs it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "SHIFTWATCH_"))
    }
    environment |= {
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "OMP_NUM_THREADS": "1",
    }
    return Server(url, environment, folder)


@contextmanager
def up(server: Server) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server; it is killed at the end."""
    port = server.url.rpartition(":")[2].partition("/")[0]
    with server.child("prefect", "server", "start", "--host", "127.0.0.1", "--port", port) as process:
        wait_for(lambda: answers(server.url), START_S, server)
        yield process


def answers(url: str) -> bool:
    """Whether the server is up."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()
