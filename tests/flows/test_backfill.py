"""A past span judged by processes: once each, marked, silent, the same whoever judges, whatever dies."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from app.cli import app
from core.clock import SystemClock
from core.errors import ShiftwatchError
from core.settings import Settings, load_settings
from core.shifts import Span
from core.store import Store
from core.verdict import Quality
from flows.backfilling import judge_part, look_at_part
from flows.catching_up import backfill
from flows.dividing import divide
from flows.fanning import Fan, locally
from flows.past import Errand, Part, Tally
from flows.systems import load_system
from flows.watching import pipeline
from tests.flows.fakes import drop, inbox

FAKE, TIED = "tests.flows.fakes:FAKE", "tests.flows.past_fakes:TIED"
DAY = datetime(2026, 3, 1, tzinfo=UTC)
WEEK = Span(DAY, DAY + timedelta(days=7))
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        yield store


def give(name: str, at: datetime, **said: Any) -> Path:
    """Put a file into the folder that was last changed at a time, which is when it was observed."""
    path = drop(inbox(load_settings()), name, **said)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def here(work: Callable[[Part], Any], parts: Any) -> Iterator[tuple[int, Any]]:
    """Do everything in this process, last part first."""
    for number in reversed(range(len(parts))):
        yield number, work(parts[number])


def fill(store: Store, system: str = FAKE, span: Span = WEEK, fan: Fan = here, **more: Any) -> Tally:
    return backfill(Errand(system, span, **more), load_settings(), store, SystemClock(), fan, lambda _: None)


def rows(query: str, settings: Settings | None = None) -> list[Any]:
    engine = create_engine((settings or load_settings()).url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


VERDICTS = """SELECT o.element, o.observed_at, v.quality, v.score FROM observation o
              JOIN verdict v ON v.observation_id = o.id ORDER BY o.element"""


def test_what_was_seen_in_the_span_is_judged_once_and_nothing_else(site: Store) -> None:
    for number in range(30):
        give(f"f{number}", DAY + timedelta(hours=number), element=f"E{number}", judge="bad" if number == 3 else "good")
    give("before", DAY - timedelta(seconds=1), element="early")
    give("after", WEEK.ends, element="late")
    give("broken", DAY, element="x", read="unusable")
    tally = fill(site)
    assert (tally.judged, tally.known, tally.outside, tally.unusable) == (30, 0, 2, 1)
    assert "no image at all" in tally.reasons[0]
    assert {row[0] for row in rows(VERDICTS)} == {f"E{number}" for number in range(30)}
    again = fill(site)
    assert (again.judged, again.unusable) == (0, 1)
    assert len(rows(VERDICTS)) == 30


def test_nobody_is_alarmed_and_no_page_takes_it_for_news(site: Store) -> None:
    for number in range(3):
        give(f"f{number}", DAY + timedelta(hours=number), element="E", serial=number, judge="bad")
    fill(site)
    now = datetime.now(UTC)
    assert rows("SELECT * FROM alarm") == rows("SELECT * FROM watermark") == []
    assert rows("SELECT DISTINCT source FROM ticket") == [("backfill",)]
    assert site.observations("fake") == []
    assert [one.quality for one in site.history("fake", "E")] == [Quality.BAD] * 3
    (state,) = site.overview(now)
    assert sum(state.counts.values()) == 0
    assert state.last_processed_at == DAY + timedelta(hours=2)
    settled_at = datetime.fromisoformat(str(rows("SELECT max(settled_at) FROM ticket")[0][0])).replace(tzinfo=UTC)
    assert abs((settled_at - now).total_seconds()) < 60
    assert rows("SELECT DISTINCT is_backfill FROM observation") == [(1,)]


def test_a_watch_of_the_same_folder_goes_on_as_if_nothing_were(site: Store) -> None:
    give("old", DAY, element="old", judge="bad")
    fill(site)
    give("new", datetime.now(UTC) - timedelta(seconds=5), element="new", judge="bad")
    pipeline(load_system(FAKE), site, load_settings(), SystemClock(), lambda: count("ticket") >= 3)
    assert [one.element for one in site.observations("fake")] == ["new"]
    assert [row[0] for row in rows("SELECT element FROM alarm")] == ["new"]
    assert sorted(rows("SELECT source, outcome FROM ticket")) == [
        ("backfill", "JUDGED"), ("folder", "DUPLICATE"), ("folder", "JUDGED"),
    ]  # fmt: skip


def test_what_the_watch_judged_is_left_alone(site: Store) -> None:
    for number in range(5):
        give(f"f{number}", DAY + timedelta(hours=number), element=f"E{number}")
    pipeline(load_system(FAKE), site, load_settings(), SystemClock(), lambda: count("ticket") >= 5)
    assert fill(site) == Tally()
    assert rows("SELECT DISTINCT is_backfill FROM observation") == [(0,)]


@pytest.mark.parametrize(
    ("span", "said"),
    [(Span(WEEK.ends, DAY), "before --to"), (Span(DAY, datetime(2100, 1, 1, tzinfo=UTC)), "belongs to the watch")],
)
def test_only_what_is_past(site: Store, span: Span, said: str) -> None:
    with pytest.raises(ShiftwatchError, match=said):
        fill(site, span=span)


def scatter(runs: int, each: int) -> None:
    """Files of several runs, out of order on the disk, and some that stand alone."""
    for number in range(each):
        for run in range(runs):
            at = DAY + timedelta(hours=run * each + (number * 7) % each)
            give(f"f{(number * 5) % each:03d}-{run}", at, element=f"R{run}-{number}")
    for number in range(4):
        give(f"g{number}", DAY + timedelta(hours=number), element=f"{number}")


def test_each_run_is_judged_in_its_order_by_a_detector_that_knows_no_other(site: Store) -> None:
    scatter(4, 6)
    fill(site, TIED)
    detector_by_run: dict[str, Any] = {}
    expected = []
    source = load_system(FAKE).source(load_settings())
    seen = sorted((source.read(one) for one in source.arrivals(lambda _: set())), key=lambda one: one.observed_at)
    for one in seen:
        run = one.element.partition("-")[0] if "-" in one.element else one.element
        settings = load_settings().model_copy(update={"home": Path.cwd() / "serial" / run})
        detector = detector_by_run.setdefault(run, load_system(TIED).detector(settings))
        if "-" in one.element:
            verdict = detector.judge(one)
            expected.append((one.element, verdict.quality.value, verdict.score))
    found = [(name, quality, score) for name, _, quality, score in rows(VERDICTS) if "-" in name]
    assert found == sorted(expected)


def test_a_verdict_does_not_depend_on_the_span_that_was_asked_for(site: Store) -> None:
    scatter(2, 8)
    middle = Span(DAY + timedelta(hours=3), DAY + timedelta(hours=6))
    assert fill(site, TIED, span=middle).outside > 0
    part = rows(VERDICTS)
    assert {row[0].partition("-")[0] for row in part if "-" in row[0]} == {"R0"}
    fill(site, TIED)
    assert set(part) <= set(rows(VERDICTS))


def test_two_processes_say_what_one_says(site: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scatter(5, 12)
    assert fill(site, TIED, fan=locally(2)).judged == 64
    shared = rows(VERDICTS)
    other = load_settings().model_copy(update={"database_url": f"sqlite:///{tmp_path / 'alone.db'}"})
    monkeypatch.setenv("SHIFTWATCH_DATABASE_URL", str(other.database_url))
    with Store.open(other.url, other.artefacts) as alone:
        alone.upgrade()
        fill(alone, TIED)
    assert rows(VERDICTS, other) == shared


def test_fills_that_share_a_piece_stay_together(site: Store) -> None:
    scatter(3, 4)
    parts = divide(Errand(TIED, WEEK), load_system(TIED), load_settings(), site, lambda one: here(look_at_part, one))
    assert [(len(part.arrivals), part.in_order) for part in parts] == [(4, True)] * 3 + [(4, False)]


def children(pid: int) -> list[int]:
    """Return the worker processes of a backfill: all below it that judge."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def typed(*words: str, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    """Run ``shiftwatch`` as a person types it."""
    command = [sys.executable, "-c", "from app.cli import main; main()", *words]
    environment = {**os.environ, **variables, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


SPAN = ("--from", f"{WEEK.begins:%Y-%m-%d}T00:00Z", "--to", f"{WEEK.ends:%Y-%m-%d}T00:00Z")


def wait_until(is_so: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def count(table: str) -> int:
    return int(rows(f"SELECT count(*) FROM {table}")[0][0])


def test_a_killed_worker_costs_nothing_but_time(site: Store) -> None:
    for number in range(400):
        give(f"f{number:03d}", DAY + timedelta(minutes=number), element=f"E{number}")
    with typed("backfill", FAKE, *SPAN, "--workers", "2", FAKE_DELAY_S="0.02") as process:
        wait_until(lambda: count("verdict") >= 40)
        victims = [pid for pid in children(process.pid) if os.getsid(pid) == pid]
        os.kill(victims[0], signal.SIGKILL)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert count("observation") == count("verdict") == count("ticket") == 400
    assert all(not Path(f"/proc/{pid}").exists() for pid in victims)
    assert min(os.getpriority(os.PRIO_PROCESS, 0), 0) == 0


@contextmanager
def dask(home: Path, workers: int, **variables: str) -> Iterator[tuple[str, list["subprocess.Popen[bytes]"]]]:
    """Run a scheduler and workers, each a process of its own, as on several machines."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    port = address.rpartition(":")[2]
    quiet = {"DASK_DISTRIBUTED__WORKER__USE_FILE_LOCKING": "false", "DASK_TEMPORARY_DIRECTORY": str(home / "dask")}
    environment = {**os.environ, **quiet, **variables, "PYTHONPATH": str(ROOT)}
    commands = [["scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard", "--no-show"]]
    commands += [["worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]] * workers
    log = (home / "dask.log").open("ab")
    members = [
        subprocess.Popen([sys.executable, "-m", "dask", *words], env=environment, stdout=log, stderr=log, cwd=home)
        for words in commands
    ]
    try:
        yield address, members[1:]
    finally:
        for member in members:
            member.kill()
            member.wait()
        log.close()


def test_dask_workers_say_the_same_also_when_one_is_killed(site: Store, tmp_path: Path) -> None:
    for number in range(400):
        give(f"f{number:03d}", DAY + timedelta(minutes=number), element=f"E{number}")
    with (
        dask(tmp_path, 2, FAKE_DELAY_S="0.02") as (address, workers),
        typed("backfill", FAKE, *SPAN, "--dask", address) as process,
    ):
        wait_until(lambda: count("verdict") >= 40)
        workers[0].kill()
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert count("observation") == count("verdict") == count("ticket") == 400


def test_no_scheduler_is_said_so(site: Store) -> None:
    give("f", DAY, element="E")
    result = CliRunner().invoke(app, ["backfill", FAKE, *SPAN, "--dask", "tcp://127.0.0.1:1"])
    assert "no Dask scheduler answers" in str(result.exception)


def test_a_worker_in_another_database_is_found_out(site: Store, tmp_path: Path) -> None:
    give("f", DAY, element="E")

    def elsewhere(work: Callable[[Part], Any], parts: Any) -> Iterator[tuple[int, Any]]:
        yield from ((number, Tally(judged=1, sample=("E", "nowhere"))) for number in range(len(parts)))

    with pytest.raises(ShiftwatchError, match="another database"):
        fill(site, fan=elsewhere)


def test_a_part_is_tried_again_while_the_store_is_away(site: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.clock import ManualClock
    from core.errors import StoreError

    give("f", DAY, element="E")
    (part,) = divide(Errand(FAKE, WEEK), load_system(FAKE), load_settings(), site, lambda one: here(look_at_part, one))
    whole, falls = Store.record_past, iter(range(3))

    def falling(self: Store, *words: Any) -> None:
        if next(falls, None) is not None:
            raise StoreError("away")
        whole(self, *words)

    monkeypatch.setattr(Store, "record_past", falling)
    assert judge_part(part, ManualClock()).judged == 1
