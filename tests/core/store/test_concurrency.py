"""Several processes on one store: nothing is lost, nothing doubled, nobody is turned away."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from core.store import Store
from core.store.views import Outcome
from core.verdict import Quality

from .conftest import NOW, RULE, an_arrival

START = """
import sys
from pathlib import Path
from core.store import Store
with Store.open(sys.argv[1], Path(sys.argv[2])) as store:
    store.upgrade()
    assert store.is_current()
"""


def test_processes_that_start_together_all_find_their_tables(url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", START, url, str(tmp_path)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors


CONNECT = """
import sys, time
from core.store.engine import Database
for folder in sys.argv[2:]:
    database = Database.open(f"sqlite:///{folder}/store.db")
    while time.time() < float(sys.argv[1]) + 0.15 * sys.argv.index(folder):
        pass
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
"""


def test_first_connections_at_one_instant_are_all_let_in(tmp_path: Path) -> None:
    """SQLite refuses, without waiting, some of those who turn on its write-ahead log at one instant."""
    folders = [str(tmp_path / str(i)) for i in range(40)]
    command = [sys.executable, "-W", "error", "-c", CONNECT, str(time.time() + 2), *folders]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors


def test_writers_of_the_same_observations_settle_each_once(store: Store) -> None:
    """Four watchers see the same 40 boards under their own tickets, ten bad ones among them, all at once."""
    url = store.database.engine.url.render_as_string(hide_password=False)

    def watch(name: int) -> int:
        with Store.open(url, store.artefacts.folder) as own:
            raised = 0
            for i in range(0, 40, 4):
                batch = [
                    an_arrival(Quality.BAD if j % 4 == 0 else Quality.GOOD, f"b{j}", ticket=f"{name}/{j}")
                    for j in range(i, i + 4)
                ]
                raised += len(own.record("flex", f"inbox{name}", batch, RULE))
            return raised

    with ThreadPoolExecutor(4) as pool:
        raised = list(pool.map(watch, range(4)))
    assert sum(raised) == 10
    assert len(store.observations("flex", limit=1000)) == 40
    assert [alarm.count for alarm in store.alarms()] == [1] * 10
    outcomes = [
        ticket.outcome
        for name in range(4)
        for j in range(40)
        if (ticket := store.ticket("flex", f"inbox{name}", f"{name}/{j}"))
    ]
    assert (outcomes.count(Outcome.JUDGED), outcomes.count(Outcome.DUPLICATE)) == (40, 120)


def test_writers_on_one_element_count_every_bad_verdict(store: Store) -> None:
    url = store.database.engine.url.render_as_string(hide_password=False)

    def watch(name: int) -> None:
        with Store.open(url, store.artefacts.folder) as own:
            for i in range(8):
                own.record("flex", "inbox", [an_arrival(Quality.BAD, "board", f"{name}/{i}")], RULE)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(watch, range(4)))
    [alarm] = store.alarms()
    assert alarm.count == 32


def test_a_reader_is_not_held_up_by_a_writer(store: Store) -> None:
    store.record("flex", "inbox", [an_arrival()], RULE)
    with store.database.writing("flex") as session:
        session.connection()
        assert len(store.observations("flex")) == 1
        assert store.overview(NOW)[0].system == "flex"
