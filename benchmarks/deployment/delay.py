"""``python -m benchmarks.deployment.delay URL``: from an observation to its verdict, and to an alarm on a screen.

All four systems at their design rates (`benchmarks.deployment.plant`), watched by the real watches into the database at
URL (an empty one), with the alarm list open in Chromium. The clock starts when an observation is there as a whole.
"""

import json
import os
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page
from sqlalchemy import Engine, create_engine, text

from app.supervision import Service, crew
from benchmarks.console.painting import browser
from benchmarks.console.serving import serving
from benchmarks.deployment.plant import Planned, measure, planned, run_settings
from core.settings import load_settings
from core.store import Store
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.simulate.publishing import masked
from flows.systems import SYSTEMS

LOOK_S = 0.1
CALM_S = 120.0
_SEEN = "() => [...document.querySelectorAll('a[href*=\"alarm=\"]')].map(one => one.href.match(/alarm=(\\d+)/)[1])"


@dataclass
class Course:
    """What happened when, in seconds of one clock; alarms by number, observations by what the store knows them by."""

    given: dict[tuple[str, str], float] = field(default_factory=dict)
    late: list[float] = field(default_factory=list)
    judged: dict[tuple[str, str], float] = field(default_factory=dict)
    raised_by: dict[int, tuple[str, str]] = field(default_factory=dict)
    shown: dict[int, float] = field(default_factory=dict)


def main() -> int:
    """Measure; 1 if something was given and never judged."""
    found = measure("benchmarks.deployment.delay", __doc__, 10.0, measured)
    return 1 if found["not judged"] else 0


def measured(url: str, seconds: float, home: Path) -> dict[str, Any]:
    """Return the figures of so many seconds."""
    began_at = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=seconds)
    with FakeQcdb() as server:
        environment = {
            "SHIFTWATCH_HOME": str(home),
            "SHIFTWATCH_DATABASE_URL": url,
            "SHIFTWATCH_ITS__QCDB_URL": server.url,
            "SHIFTWATCH_ITS__POLL_S": "1",
            "SHIFTWATCH_ITS__MASKED": json.dumps(masked(run_settings(began_at, seconds))),
        }
        os.environ |= environment
        settings = load_settings()
        with Store.open(url, settings.artefacts) as store:
            store.upgrade()
        with (
            QcdbClient(server.url, timeout_s=10.0, attempts=1) as client,
            _watched(home, environment),
            serving(url, home, home / "logs") as dashboard,
            browser() as context,
        ):
            plan = planned(began_at, seconds, home / "spool", settings, client)
            page = context.new_page()
            page.goto(f"{dashboard.address}/alarms", wait_until="commit")
            course = _played(plan, create_engine(url), page)
    shutil.rmtree(home / "spool", ignore_errors=True)
    return figures(course, plan, seconds)


@contextmanager
def _watched(home: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Run the four watches, as they run while Prefect is away."""
    with crew(home / "logs") as members:
        for system in SYSTEMS:
            command = [sys.executable, "-m", "flows.watching", "--system", system, "--window", "36000"]
            members.start(Service(system, command, environment))
        yield


def _played(plan: Sequence[Planned], database: Engine, page: Page) -> Course:
    """Give everything at its time; look at database and screen meanwhile, and until nothing is missing."""
    course, over = Course(), threading.Event()
    giver = threading.Thread(target=_give, args=(plan, course, over), daemon=True)
    looker = threading.Thread(target=_look, args=(database, course, over), daemon=True)
    giver.start()
    looker.start()
    calm_until = None
    while True:
        page.wait_for_timeout(1000 * LOOK_S)
        for number in page.evaluate(_SEEN):
            course.shown.setdefault(int(number), time.monotonic())
        if giver.is_alive():
            continue
        calm_until = calm_until or time.monotonic() + CALM_S
        everything = course.judged.keys() >= course.given.keys() and course.shown.keys() >= course.raised_by.keys()
        if everything or time.monotonic() > calm_until:
            over.set()
            looker.join()
            return course


def _give(plan: Sequence[Planned], course: Course, over: threading.Event) -> None:
    began = time.monotonic() + 2.0
    for one in plan:
        if over.wait(max(began + one.due_s - time.monotonic(), 0.0)):
            return
        course.late.append(time.monotonic() - began - one.due_s)
        one.give()
        course.given[one.system, one.known_by] = time.monotonic()


def _look(database: Engine, course: Course, over: threading.Event) -> None:
    """Note when somebody else can read a verdict, and which observation raised which alarm."""
    seen: set[int] = set()
    names: dict[int, tuple[str, str]] = {}
    while not over.wait(LOOK_S):
        with database.connect() as connection:
            newest = max(seen, default=0)
            rows = connection.execute(
                text("SELECT id, system, key, origin FROM observation WHERE id > :after"), {"after": newest - 50}
            ).all()
            alarms = connection.execute(
                text("SELECT alarm_id, observation_id FROM alarm_event WHERE kind = 'RAISED'")
            ).all()
        instant = time.monotonic()
        for number, system, key, origin in rows:
            if number not in seen:
                seen.add(number)
                names[number] = (system, key if system == "its" else Path(origin).name)
                course.judged.setdefault(names[number], instant)
        for alarm, observation in alarms:
            if observation in names:
                course.raised_by.setdefault(alarm, names[observation])


def figures(course: Course, plan: Sequence[Planned], seconds: float) -> dict[str, Any]:
    """Return what came of it."""
    judged: dict[str, list[float]] = {system: [] for system in SYSTEMS}
    shown: dict[str, list[float]] = {system: [] for system in (*SYSTEMS, "all")}
    for (system, known_by), at in course.judged.items():
        if (system, known_by) in course.given:
            judged[system].append(at - course.given[system, known_by])
    for alarm, at in course.shown.items():
        if (origin := course.raised_by.get(alarm)) in course.given:
            for name in (origin[0], "all"):
                shown[name].append(at - course.given[origin])
    return {
        "seconds": seconds,
        "given": dict(Counter(one.system for one in plan)),
        "not judged": sorted(f"{system}: {name}" for system, name in course.given.keys() - course.judged.keys()),
        "given late by s, at most": round(max(course.late), 2),
        "to the verdict, s": {name: _told(values) for name, values in judged.items()},
        "to the alarm on the screen, s": {name: _told(values) for name, values in shown.items()},
        "alarms never shown": sorted(course.raised_by.keys() - course.shown.keys()),
    }


def _told(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    middle, high, most = np.quantile(values, (0.5, 0.95, 1.0))
    return {"n": len(values), "median": round(middle, 2), "95 %": round(high, 2), "most": round(most, 2)}


if __name__ == "__main__":
    sys.exit(main())
