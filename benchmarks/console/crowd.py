"""Twenty people at the console: each has a page open that refreshes as often as it does in a browser."""

import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Any

from benchmarks.console.measuring import quantiles_ms
from benchmarks.console.serving import Server
from benchmarks.console.session import Run, Session
from core.errors import ShiftwatchError

SESSIONS, LASTS_S = 20, 60.0
LOOKED_AT = ("overview", "alarms", "its", "overview", "collimation", "plasma", "one alarm", "inspection")
"""What they look at, in turns: the overview hangs on the wall more than once."""


def together(server: Server, pages: Mapping[str, tuple[str, str]], lasts_s: float = LASTS_S) -> dict[str, Any]:
    """Open twenty pages within two seconds, let each refresh for a while; return how long that took each time.

    Each page was opened once before: a server that has just started has imported and kept nothing yet.
    """
    for name in dict.fromkeys(LOOKED_AT):
        with Session(server.address) as session:
            session.open(*pages[name])
    names = list(islice(cycle(LOOKED_AT), SESSIONS))
    before, began = server.cpu_s(), time.monotonic()
    with ThreadPoolExecutor(SESSIONS) as pool:
        work = [
            pool.submit(_sit, server, pages[name], 2.0 * number / SESSIONS, began + lasts_s)
            for number, name in enumerate(names)
        ]
        done = [one.result() for one in work]
    opened = [first for first, _ in done]
    fresh = [run for _, runs in done for run in runs]
    if not fresh:
        raise ShiftwatchError("no page refreshed itself: the dashboard's log says why")
    took_s = time.monotonic() - began
    return {
        "sessions": SESSIONS,
        "lasted_s": round(took_s, 1),
        "open_median_ms": round(quantiles_ms(opened)[0], 1),
        "open_p95_ms": round(quantiles_ms(opened)[1], 1),
        "refreshes": len(fresh),
        "refresh_median_ms": round(quantiles_ms(fresh)[0], 1),
        "refresh_p95_ms": round(quantiles_ms(fresh)[1], 1),
        "cpu_share": round((server.cpu_s() - before) / took_s, 2),
        "errors": sum(run.errors for run in [*opened, *fresh]),
        "memory_mb": round(server.memory_mb(), 1),
        "load": round(os.getloadavg()[0], 1),
    }


def _sit(server: Server, page: tuple[str, str], after_s: float, until: float) -> tuple[Run, list[Run]]:
    """Open a page and run each of its parts when it is due, as the browser does."""
    time.sleep(after_s)
    fresh = []
    with Session(server.address) as session:
        first = session.open(*page)
        due = {fragment: time.monotonic() + every_s for fragment, every_s in session.fragments.items()}
        while due:
            fragment = min(due, key=due.__getitem__)
            if due[fragment] > until:
                break
            time.sleep(max(0.0, due[fragment] - time.monotonic()))
            fresh.append(session.refresh(fragment))
            due[fragment] = max(due[fragment] + session.fragments[fragment], time.monotonic())
    return first, fresh
