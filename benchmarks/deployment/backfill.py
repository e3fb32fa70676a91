"""How fast a backfill goes with one and two workers, what an observation costs as they become many, and a kill.

``python -m benchmarks.deployment.backfill --out results/backfill.json``: everything in processes as a site runs them
(PostgreSQL, a Dask scheduler, workers, the command), on frames that are really read and judged (``spots``).
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from benchmarks.deployment.spots import BEGAN, NAME, has_spot, write_frames
from benchmarks.running import stamp
from tests.postgres import find_binaries, own_cluster

SYSTEM = "benchmarks.deployment.spots:SPOTS"
ROOT = Path(__file__).resolve().parents[2]
_COUNTED = {
    "observation": "SELECT count(*) FROM observation",
    "verdict": "SELECT count(*) FROM verdict",
}
_DONE = re.compile(r"done: (\d+) judged.* ([\d.]+) s of processor")


@dataclass(frozen=True)
class Row:
    """One backfill: how it was done and what came of it. ``told``: of frames with a spot, share that is BAD."""

    how: str
    workers: int
    frames: int
    wall_s: float
    per_s: float
    worker_cpu_ms: float
    observations: int
    verdicts: int
    told: float
    false: int
    killed: int
    load: tuple[float, float]


@dataclass(frozen=True)
class Site:
    """A home with frames, and a database server."""

    home: Path
    server: str

    def environment(self, database: str) -> dict[str, str]:
        told = {"SHIFTWATCH_HOME": str(self.home), "SHIFTWATCH_DATABASE_URL": f"{self.server}/{database}"}
        return {**os.environ, **told, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}

    def fresh(self, database: str) -> dict[str, str]:
        """Make an empty database with its tables."""
        _execute(f"{self.server}/postgres", f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        _execute(f"{self.server}/postgres", f'CREATE DATABASE "{database}"')
        environment = self.environment(database)
        subprocess.run(_shiftwatch("db", "upgrade"), env=environment, check=True, stdout=subprocess.DEVNULL)
        return environment


def measure(site: Site, how: str, workers: int, frames: int, *, kill: bool = False) -> Row:
    """Backfill the first frames into an empty database."""
    environment = site.fresh("backfill")
    until = BEGAN + timedelta(seconds=frames)
    span = ["--from", BEGAN.isoformat(), "--to", until.isoformat()]
    before, killed = os.getloadavg()[0], 0
    with _workers(how, workers, environment) as (options, members):
        began = time.monotonic()
        command = _shiftwatch("backfill", SYSTEM, *span, *options)
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            if kill:
                killed = _kill_midway(site, frames, process, members)
            said, _ = process.communicate()
        wall_s = time.monotonic() - began
    found = _DONE.search(said)
    if process.returncode != 0 or found is None:
        raise RuntimeError(said[-2000:])
    counts = _counts(f"{site.server}/backfill")
    row = Row(how, workers, frames, wall_s, frames / wall_s, float(found[2]) / frames * 1e3,
              **counts, killed=killed, load=(before, os.getloadavg()[0]))  # fmt: skip
    print(json.dumps(asdict(row)), flush=True)
    return row


def _kill_midway(
    site: Site, frames: int, process: "subprocess.Popen[str]", members: Sequence["subprocess.Popen[bytes]"]
) -> int:
    """Kill a worker once a third is done."""
    while process.poll() is None and _count(f"{site.server}/backfill", "verdict") < frames // 3:
        time.sleep(0.2)
    if members:
        members[0].kill()
        return 1
    for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        if os.getsid(int(pid)) == int(pid):
            os.kill(int(pid), 9)
            return 1
    return 0


@contextmanager
def _workers(
    how: str, workers: int, environment: dict[str, str]
) -> Iterator[tuple[list[str], list["subprocess.Popen[bytes]"]]]:
    """Yield the options of the command, and the workers that are not its own."""
    if how == "processes":
        yield ["--workers", str(workers)], []
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, folder = f"tcp://127.0.0.1:{port}", tempfile.mkdtemp()
    quiet = {**environment, "DASK_TEMPORARY_DIRECTORY": folder}
    commands = [["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]]
    commands += [["worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]] * workers
    null = subprocess.DEVNULL
    members = [
        subprocess.Popen([sys.executable, "-m", "dask", *words], env=quiet, stdout=null, stderr=null, cwd=folder)
        for words in commands
    ]
    time.sleep(8)  # until they know each other
    try:
        yield ["--dask", address], members[1:]
    finally:
        for member in members:
            member.kill()
            member.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _counts(url: str) -> dict[str, Any]:
    engine = create_engine(url)
    query = "SELECT o.conditions->>'frame', v.quality FROM observation o JOIN verdict v ON v.observation_id = o.id"
    with engine.connect() as connection:
        found = [(int(number), quality == "BAD") for number, quality in connection.execute(text(query))]
    engine.dispose()
    spots = [is_bad for number, is_bad in found if has_spot(number)]
    return {
        "observations": _count(url, "observation"),
        "verdicts": _count(url, "verdict"),
        "told": sum(spots) / max(len(spots), 1),
        "false": sum(is_bad for number, is_bad in found if not has_spot(number)),
    }


def _count(url: str, table: str) -> int:
    return int(_execute(url, _COUNTED[table]) or 0)


def _execute(url: str, statement: str) -> Any:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        result = connection.execute(text(statement))
        found = result.scalar() if result.returns_rows else None
    engine.dispose()
    return found


def _shiftwatch(*words: str) -> list[str]:
    return [sys.executable, "-c", "from app.cli import main; main()", *words]


def plan(largest: int) -> Iterator[tuple[str, int, int, bool]]:
    """Yield how, workers, frames and whether one is killed, cheapest first."""
    middle = min(10_000, largest)
    yield from (("dask", workers, min(1_000, largest), False) for workers in (1, 2))
    yield from (("dask", workers, middle, False) for workers in (1, 2))
    yield "dask", 2, middle, True
    yield from (("processes", workers, middle, False) for workers in (1, 2))
    yield "processes", 2, middle, True
    if largest > middle:
        yield "dask", 2, largest, False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; results are written after every backfill."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deployment.backfill", description=__doc__)
    parser.add_argument("--largest", type=int, default=100_000)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    binaries = find_binaries()
    if binaries is None:
        parser.error("no PostgreSQL server is installed")
    rows: list[dict[str, Any]] = []
    told = stamp() | {"database": "PostgreSQL without fsync, on the same machine"}
    with tempfile.TemporaryDirectory(prefix="shiftwatch-bench-") as home, own_cluster(binaries) as cluster:
        site, there = Site(Path(home), cluster.url), 0
        for how, workers, frames, kill in plan(options.largest):
            if frames > there:
                write_frames(site.home / "inbox" / NAME, there, frames - there)
                there = frames
            rows.append(asdict(measure(site, how, workers, frames, kill=kill)))
            options.out.write_text(json.dumps({"stamp": told, "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
