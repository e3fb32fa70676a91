"""A watch killed at random points, again and again, loses nothing and doubles nothing."""

import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from core.alarms.events import ChangeKind
from core.settings import Settings
from core.store import Store
from core.store.views import Outcome
from core.verdict import Quality
from tests.flows.fakes import NAME, drop, inbox

KILLS = 50
FILES = 400
BUDGET_S = 150.0


def watch(home: str, seconds: float) -> None:
    """Run a watch as ``python -m flows.watching`` does (in a fresh process with its imports already made)."""
    from flows.watching import main

    os.environ |= {"SHIFTWATCH_HOME": home, "SHIFTWATCH_POLL_S": "0.05", "FAKE_DELAY_S": "0.01"}
    with Path(home, "watch.log").open("a") as sys.stderr:
        sys.exit(main(["--system", "tests.flows.fakes:FAKE", "--window", str(seconds)]))


def deliver(folder: Path, number: int) -> None:
    """Drop a file: every 10th is bad, every 7th unusable, every 9th a copy of the one before."""
    said = {"element": f"E{number}", "judge": "bad" if number % 10 == 0 else "good", "serial": number}
    if number % 7 == 0:
        said["read"] = "unusable"
    if number % 9 == 0:
        said |= {"element": f"E{number - 1}", "serial": number - 1, "judge": "bad" if number % 10 == 1 else "good"}
        said.pop("read", None)
        if (number - 1) % 7 == 0:
            said["read"] = "unusable"
    drop(folder, f"f{number:04d}", **said)


@pytest.mark.slow
def test_fifty_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    settings, rng = Settings(home=tmp_path), random.Random(20260104)
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
    for number in range(FILES // 2):
        deliver(inbox(settings), number)
    context = multiprocessing.get_context("forkserver")  # one warm process is forked: 50 imports would take minutes
    context.set_forkserver_preload(["flows.watching", "core.store.schema", "tests.flows.fakes"])
    deadline, progress, delivered, start_s = time.monotonic() + BUDGET_S, [0], FILES // 2, 0.0
    for kill in range(KILLS):
        process = context.Process(target=watch, args=(str(tmp_path), 600.0))
        process.start()
        began = time.monotonic()
        if kill == 0:  # how long a start takes on this machine, as busy as it is now
            while count(settings, "ticket") == 0 and time.monotonic() < began + 30:
                time.sleep(0.02)
            start_s = min(time.monotonic() - began, 1.5)
        else:
            time.sleep(rng.uniform(0.0, 1.5 * start_s + 0.3))
        assert process.pid is not None
        assert process.is_alive(), (tmp_path / "watch.log").read_text()[-2000:]
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        progress.append(count(settings, "ticket"))
        while delivered < FILES * (kill + 1 + KILLS) // (2 * KILLS):
            deliver(inbox(settings), delivered)
            delivered += 1
        assert time.monotonic() < deadline
    assert delivered == FILES
    assert len(set(progress)) > KILLS // 4  # the kills fell into the work, not before it or after
    while count(settings, "ticket") < FILES:
        process = context.Process(target=watch, args=(str(tmp_path), 2.0))
        process.start()
        process.join()
        assert process.exitcode == 0, (tmp_path / "watch.log").read_text()[-2000:]
        assert time.monotonic() < deadline
    check(settings)


def count(settings: Settings, table: str) -> int:
    engine = create_engine(settings.url)
    with engine.connect() as connection:
        number = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
    engine.dispose()
    return int(number)


def check(settings: Settings) -> None:
    """Everything is there, exactly once, and readable."""
    contents = {path: json.loads(path.read_text()) for path in inbox(settings).glob("*.json")}
    readable = {said["element"]: said for said in contents.values() if "read" not in said}
    unusable = [path for path, said in contents.items() if "read" in said]
    with Store.open(settings.url, settings.artefacts) as store:
        views = store.observations(NAME, limit=10 * FILES)
        seen = Counter(view.element for view in views)
        assert seen == Counter(readable.keys()) + Counter({"unreadable": len(unusable)})
        qualities = {view.element: view.quality for view in views}
        assert {e for e, q in qualities.items() if q is Quality.BAD} == {
            e for e, said in readable.items() if said["judge"] == "bad"
        }
        check_evidence(store)
        check_alarms(store, qualities)
        check_tickets(store, contents, readable)
    assert count(settings, "verdict") == count(settings, "observation") == len(views)
    assert count(settings, "ticket") == len(contents) == FILES
    check_quarantine(settings, unusable)


def check_evidence(store: Store) -> None:
    for view in store.observations(NAME, limit=10 * FILES):
        detail = store.observation(view.id)
        assert detail is not None
        if view.quality is not Quality.NULL:
            assert set(detail.evidence) == {"board", "thumbnail"}
        for digest in detail.evidence.values():
            store.artefacts.get(digest)  # raises if absent, cut short or damaged


def check_alarms(store: Store, qualities: dict[str, Quality]) -> None:
    alarms = store.alarms(open_only=False, limit=1000)
    bad = {element for element, quality in qualities.items() if quality is not Quality.GOOD}
    assert Counter(alarm.element for alarm in alarms) == Counter(bad)
    for alarm in alarms:
        detail = store.alarm(alarm.id)
        assert detail is not None
        assert [event.kind for event in detail.events] == [ChangeKind.RAISED]
        assert alarm.element == "unreadable" or alarm.count == 1


def check_tickets(store: Store, contents: dict[Path, dict[str, object]], readable: dict[str, object]) -> None:
    outcomes: Counter[Outcome] = Counter()
    for path in contents:
        facts = path.stat()
        ticket = store.ticket(NAME, "folder", f"{path.name}:{facts.st_size}:{facts.st_mtime_ns}")
        assert ticket is not None
        outcomes[ticket.outcome] += 1
    unusable = sum("read" in said for said in contents.values())
    assert outcomes[Outcome.QUARANTINED] == unusable
    assert outcomes[Outcome.JUDGED] == len(readable)
    assert outcomes[Outcome.DUPLICATE] == FILES - unusable - len(readable) > 0


def check_quarantine(settings: Settings, unusable: list[Path]) -> None:
    folder = settings.quarantine / NAME
    notes = [json.loads(path.read_text()) for path in folder.glob("*.reason.json")]
    assert sorted(note["origin"] for note in notes) == sorted(str(path) for path in unusable)
    for note in notes:
        assert (folder / note["file"]).read_bytes() == Path(note["origin"]).read_bytes()
    assert len(list(folder.iterdir())) == 2 * len(unusable)  # no part of a copy is left
