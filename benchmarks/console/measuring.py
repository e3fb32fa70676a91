"""Server time of every page and of every part of it that refreshes itself."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select

from benchmarks.console.serving import Server
from benchmarks.console.session import Run, Session
from core.store import Store
from core.store.models import ObservationRow

WARM = 2


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one page, or of a part of it that refreshes every so many seconds (None: the whole page).

    ``cpu_ms``: the server's processor time of a run; ``load``: of the machine meanwhile, over a minute.
    """

    page: str
    every_s: float | None
    runs: int
    median_ms: float
    p95_ms: float
    cpu_ms: float
    kilobytes: float
    errors: int
    load: float


def pages(url: str, home: Path) -> dict[str, tuple[str, str]]:
    """Return the pages to open: name, address, query."""
    with Store.open(url, home / "artefacts") as store:
        alarm = store.alarms(limit=1)[0].id
        flex = store.observations("flex", 1)[0].id
    return {
        "overview": ("", ""),
        "alarms": ("alarms", ""),
        "alarms, closed": ("alarms", "view=closed"),
        "across systems": ("across", ""),
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
        "who did what": ("trail", "since=All"),
    }


def page_times(server: Server, known: dict[str, tuple[str, str]], runs: int) -> list[dict[str, Any]]:
    """Return the times of every page and of its parts."""
    found = []
    for name, page in known.items():
        times = times_of(server, name, *page, runs)
        found += [asdict(one) for one in times]
        print("; ".join(f"{one.page}: {one.median_ms:.0f} ms, CPU {one.cpu_ms:.0f} ms" for one in times), flush=True)
    return found


def times_of(server: Server, name: str, page: str, query: str, runs: int) -> list[Times]:
    """Open a page again and again in one session after two warming runs, then let each part of it refresh."""
    with Session(server.address) as session:
        for _ in range(WARM):
            session.open(page, query)
        before = server.cpu_s()
        whole = [session.open(page, query) for _ in range(runs)]
        found = [_times(name, None, whole, server.cpu_s() - before)]
        for number, (fragment, every_s) in enumerate(dict(session.fragments).items(), start=1):
            before = server.cpu_s()
            fresh = [session.refresh(fragment) for _ in range(runs)]
            found.append(_times(f"{name}, part {number}", every_s, fresh, server.cpu_s() - before))
    return found


def quantiles_ms(runs: Sequence[Run]) -> tuple[float, float]:
    """Return median and 95 % quantile of the times of runs."""
    seconds = [run.seconds for run in runs]
    return 1000 * float(np.median(seconds)), 1000 * float(np.quantile(seconds, 0.95))


def size(url: str, home: Path) -> dict[str, Any]:
    """Return which database it is and how much is in it."""
    with Store.open(url, home / "artefacts") as store, store.database.reading() as session:
        return {
            "database": url.partition(":")[0].partition("+")[0],
            "observations": session.scalar(select(func.count()).select_from(ObservationRow)),
        }


def _times(name: str, every_s: float | None, runs: Sequence[Run], cpu_s: float) -> Times:
    return Times(
        page=name,
        every_s=every_s,
        runs=len(runs),
        median_ms=round(quantiles_ms(runs)[0], 1),
        p95_ms=round(quantiles_ms(runs)[1], 1),
        cpu_ms=round(1000 * cpu_s / len(runs), 1),
        kilobytes=round(float(np.median([run.bytes for run in runs])) / 1000, 1),
        errors=sum(run.errors for run in runs),
        load=round(os.getloadavg()[0], 1),
    )
