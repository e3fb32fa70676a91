"""The commands of the README's sections "Metrics and logs" and "Security", typed as they stand there."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.supervision import free_port
from core.store import Store
from tests.app.metric_site import samples

ROOT = Path(__file__).resolve().parents[2]


def commands(name: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(rf"<!-- {name} -->\n+```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return [line.split("  #")[0].strip() for line in block[1].splitlines()]


METRICS, PROMTOOL, LOGS = commands("metrics")
AUDIT, SBOM = commands("security")


def surroundings(**variables: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PREFECT_API_URL": "http://127.0.0.1:9/api", **variables}


@contextmanager
def typed(line: str, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        ["sh", "-c", f"exec env {line}"],
        cwd=ROOT,
        env=surroundings(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def home(tmp_path: Path) -> str:
    with Store.open(f"sqlite:///{tmp_path / 'shiftwatch.db'}", tmp_path / "artefacts") as store:
        store.upgrade()
    return str(tmp_path)


def test_metrics(home: str) -> None:
    port = free_port(0)
    with typed(METRICS.replace("9464", str(port)), SHIFTWATCH_HOME=home) as process:
        assert process.stdout is not None
        assert str(port) in process.stdout.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            assert samples(answer.read().decode())["shiftwatch_up"] == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_logs(home: str) -> None:
    with typed(LOGS, SHIFTWATCH_HOME=home, SHIFTWATCH_DATABASE_URL="postgresql+psycopg://me@127.0.0.1:9/x") as process:
        time.sleep(0.1)
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert (told["part"], told["level"]) == ("guard", "WARNING")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_promtool() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("no promtool on this machine (Debian: apt-get install prometheus)")
    subprocess.run(PROMTOOL.split(), cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("line", [AUDIT, SBOM])
def test_audit_and_list(line: str, tmp_path: Path) -> None:
    made = [*line.split(), f"BIN={Path(sys.executable).parent}", "--old-file=.venv/.test"]
    offline = surroundings(SHIFTWATCH_OSV_URL="http://127.0.0.1:9/")
    done = subprocess.run(made, cwd=ROOT, env=offline, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "packages" in done.stdout or "audit SKIPPED" in done.stderr
