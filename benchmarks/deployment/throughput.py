"""``python -m benchmarks.deployment.throughput URL``: verdicts per second that each real watch commits when much waits.

What comes in so many minutes at the design rates (`benchmarks.deployment.plant`) is there at once; the watches run one
after another, each in a process of its own, into the database at URL (an empty one), until nothing is left.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

from benchmarks.deployment.plant import PIECE_S, measure, planned, run_settings
from core.settings import load_settings
from core.store import Store
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.simulate.publishing import masked
from flows.systems import SYSTEMS

LOOK_S, STUCK_S = 0.2, 120.0
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure."""
    measure("benchmarks.deployment.throughput", __doc__, 20.0, measured)
    return 0


def measured(url: str, seconds: float, home: Path) -> dict[str, Any]:
    """Return the figures of each watch."""
    began_at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=seconds)
    with FakeQcdb() as server:
        os.environ |= {
            "SHIFTWATCH_HOME": str(home),
            "SHIFTWATCH_DATABASE_URL": url,
            "SHIFTWATCH_ITS__QCDB_URL": server.url,
            "SHIFTWATCH_ITS__LOOKBACK_S": str(seconds + 3600),
            "SHIFTWATCH_ITS__MASKED": json.dumps(masked(run_settings(began_at, seconds))),
        }
        settings = load_settings()
        with Store.open(url, settings.artefacts) as store:
            store.upgrade()
        with QcdbClient(server.url, timeout_s=10.0, attempts=1) as client:
            plan = planned(began_at, seconds, home / "spool", settings, client)
            for one in plan:
                one.give()
        waiting, database = Counter(one.system for one in plan), create_engine(url)
        return {
            "piece of the LHC, s": PIECE_S,
            "watches": {name: _run(name, waiting[name], database) for name in SYSTEMS},
        }


def _run(system: str, waiting: int, database: Engine) -> dict[str, Any]:
    """Run one watch until it has judged what waits, and count from its first look at the verdicts."""
    command = [sys.executable, "-m", "flows.watching", "--system", system, "--window", "36000"]
    watch = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    course: list[tuple[float, int, float]] = []
    try:
        moved = time.monotonic()
        while not course or course[-1][1] < waiting:
            time.sleep(LOOK_S)
            with database.connect() as connection:
                count = connection.scalar(text("SELECT count(*) FROM verdict WHERE system = :name"), {"name": system})
            if count and (not course or count > course[-1][1]):
                moved = time.monotonic()
                course.append((moved, int(count), _cpu_s(watch.pid)))
            if time.monotonic() - moved > STUCK_S:
                break
    finally:
        watch.terminate()
        watch.wait()
    if len(course) < 2:
        return {"waiting": waiting, "judged": course[-1][1] if course else 0}
    (began, first, cpu), (ended, last, cpu_end) = course[0], course[-1]
    return {
        "waiting": waiting,
        "judged": last,
        "verdicts per s": round((last - first) / (ended - began), 2),
        "CPU ms per verdict": round(1e3 * (cpu_end - cpu) / (last - first), 1),
        "load": round(os.getloadavg()[0], 1),
    }


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    sys.exit(main())
