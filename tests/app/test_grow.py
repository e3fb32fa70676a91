"""The README's commands to connect one's data and to grow, typed as they stand there."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner, Result

from app.cli import app
from core.settings import load_settings
from flows.pooling import KINDS

ROOT = Path(__file__).resolve().parents[2]
IN_MARCH = datetime(2026, 3, 10, tzinfo=UTC)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def typed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as a process: what starts processes of its own wants a main module that is a file."""
    command = [sys.executable, "-c", "from app.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def commands(section: str) -> list[list[str]]:
    """The commands of a section of the README, as words, each without its remark."""
    found = re.findall(
        rf"<!-- {section} -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    (lines,) = found
    return [line.partition(" #")[0].split() for line in lines.splitlines() if line.strip()]


def test_an_example_is_copied_and_looked_at(home: Path) -> None:
    copy, look = commands("connect")
    assert copy[0] == "cp"
    (home / copy[2]).write_text((ROOT / copy[1]).read_text())
    assert look[:2] == ["shiftwatch", "doctor"]
    result = run(*look[1:])
    assert "ok      settings: shiftwatch.toml is read" in result.stdout
    assert "error   scanner folder (flex): /scans/flex does not exist\n        do: mount it" in result.stdout
    assert result.exit_code == 1


@contextmanager
def running(lines: list[list[str]], address: str, folder: Path) -> Iterator[None]:
    """Run ``dask …`` lines as processes."""
    log = (folder / "dask.log").open("ab")
    members = []
    for line in lines:
        words = [address if word.startswith("tcp://") else word for word in line[1:]]
        words = [address.rpartition(":")[2] if word == "8786" else word for word in words]
        command = [sys.executable, "-m", "dask", *words, "--no-dashboard"]
        members.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
    try:
        yield
    finally:
        for member in members:
            member.kill()
            member.wait()
        log.close()


@pytest.mark.slow
def test_the_past_is_judged_by_processes_and_by_dask(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.supervision import free_port

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    archive = home / "archive"
    assert run("simulate", "collimation", "--out", str(archive), "--count", "3").exit_code == 0
    (archive / "truth.json").unlink()
    for path in archive.glob("lossmap_????_???.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"date": IN_MARCH.isoformat()}))
    lines = commands("grow")
    backfills = [line for line in lines if line[:2] == ["shiftwatch", "backfill"]]
    cluster = [line for line in lines if line[0] == "dask"]
    assert (len(backfills), [line[1] for line in cluster]) == (2, ["scheduler", "worker"])
    address = f"tcp://127.0.0.1:{free_port(0)}"
    there = {"/data/2026": str(archive), "tcp://127.0.0.1:8786": address}
    monkeypatch.setenv("SHIFTWATCH_DATABASE_URL", f"sqlite:///{home / 'store.db'}")
    run("db", "upgrade")
    with running(cluster, address, home):
        for line in reversed(backfills):  # by Dask, then again by processes: nothing is left for them
            result = typed(*[there.get(word, word) for word in line[1:]])
            assert result.returncode == 0, result.stdout + result.stderr
            assert judged() == 3
        assert "0 arrivals in 0 parts" in result.stdout


def judged() -> int:
    """Return how many observations a backfill stored."""
    settings = load_settings()
    engine = create_engine(settings.url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT count(*) FROM observation WHERE is_backfill")).scalar_one()
    engine.dispose()
    return int(found)


def test_the_rest_names_what_is_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"shiftwatch\[(\w+)\]", readme)) <= set(extras)
    lines = commands("grow")
    assert ["python", "-m", "flows.pooling", "far"] in lines
    assert ["prefect", "worker", "start", "--pool", "far", "--type", "process", "--prefetch-seconds", "0"] in lines
    assert "process" in KINDS
