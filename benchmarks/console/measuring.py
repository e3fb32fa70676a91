"""Server time of every page, memory of a page that stays open, twenty sessions at once."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select

from benchmarks.console.serving import Server, serving
from benchmarks.console.session import Run, Session
from core.store import Store
from core.store.models import ObservationRow

WARM, SESSIONS, REFRESHES = 2, 20, 500
SETTLED = 100
"""Refreshes after which memory is looked at: until then caches fill."""


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one page: a whole run, a refresh, the processor's share of a run; what was sent."""

    page: str
    runs: int
    median_ms: float
    p95_ms: float
    refresh_median_ms: float
    refresh_p95_ms: float
    cpu_ms: float
    kilobytes: float
    errors: int


def pages(url: str, home: Path) -> dict[str, tuple[str, str]]:
    """Return the pages to open: name, address, query."""
    with Store.open(url, home / "artefacts") as store:
        alarm = store.alarms(limit=1)[0].id
        flex = store.observations("flex", 1)[0].id
    return {
        "overview": ("", ""),
        "alarms": ("alarms", ""),
        "one alarm": ("alarms", f"alarm={alarm}"),
        "its": ("its", ""),
        "collimation": ("collimation", ""),
        "plasma": ("plasma", ""),
        "inspection": ("inspection", f"board={flex}"),
        "alarm health, 24 hours": ("health", ""),
        "alarm health, 30 days": ("health", "over=30+days"),
        "shift report": ("report", ""),
        "models, its": ("models", "models_of=its"),
        "models, flex": ("models", "models_of=flex"),
    }


def measure(url: str, home: Path, logs: Path, runs: int) -> dict[str, Any]:
    """Return all figures of one store."""
    with serving(url, home, logs) as server:
        times = []
        for name, page in pages(url, home).items():
            times.append(times_of(server, name, *page, runs))
            print(f"{name}: {times[-1].median_ms:.0f} ms, CPU {times[-1].cpu_ms:.0f} ms", flush=True)
        many = together(server)
        memory = open_for_long(server)
    return {
        "store": _size(url, home),
        "load": os.getloadavg()[1],
        "pages": [asdict(one) for one in times],
        "twenty": many,
        "memory": memory,
    }


def times_of(server: Server, name: str, page: str, query: str, runs: int) -> Times:
    """Open a page again and again in one session after two warming runs, and let it refresh."""
    with Session(server.address) as session:
        for _ in range(WARM):
            session.open(page, query)
        before = server.cpu_s()
        whole = [session.open(page, query) for _ in range(runs)]
        cpu = (server.cpu_s() - before) / runs
        fresh = [session.refresh() for _ in range(runs)]
    return Times(
        name,
        runs,
        *_quantiles(whole),
        *_quantiles(fresh),
        1000 * cpu,
        float(np.median([run.bytes for run in whole])) / 1000,
        sum(run.errors for run in [*whole, *fresh]),
    )


def together(server: Server) -> dict[str, float]:
    """Twenty sessions on the overview refresh at once, five times."""
    with ExitStack() as stack:
        sessions = [stack.enter_context(Session(server.address)) for _ in range(SESSIONS)]
        with ThreadPoolExecutor(SESSIONS) as pool:
            opened = list(pool.map(lambda one: one.open(""), sessions))
            fresh = [run for _ in range(5) for run in pool.map(lambda one: one.refresh(), sessions)]
    return {
        "sessions": SESSIONS,
        "open_median_ms": _quantiles(opened)[0],
        "refresh_median_ms": _quantiles(fresh)[0],
        "refresh_p95_ms": _quantiles(fresh)[1],
        "errors": sum(run.errors for run in [*opened, *fresh]),
        "memory_mb": server.memory_mb(),
    }


def open_for_long(server: Server) -> dict[str, float]:
    """Memory of the server while the overview and the ITS page refresh 500 times each."""
    found: dict[str, float] = {"refreshes": REFRESHES}
    for name, page in (("overview", ""), ("its", "its")):
        with Session(server.address) as session:
            session.open(page)
            seen = []
            for _ in range(REFRESHES):
                session.refresh()
                seen.append(server.memory_mb())
        found[f"{name}_mb_at_{SETTLED}"] = seen[SETTLED - 1]
        found[f"{name}_mb_at_end"] = seen[-1]
        found[f"{name}_growth"] = seen[-1] / seen[SETTLED - 1] - 1
    return found


def _quantiles(runs: Sequence[Run]) -> tuple[float, float]:
    seconds = [run.seconds for run in runs]
    return 1000 * float(np.median(seconds)), 1000 * float(np.quantile(seconds, 0.95))


def _size(url: str, home: Path) -> dict[str, Any]:
    with Store.open(url, home / "artefacts") as store, store.database.reading() as session:
        return {
            "database": url.partition(":")[0].partition("+")[0],
            "observations": session.scalar(select(func.count()).select_from(ObservationRow)),
        }
