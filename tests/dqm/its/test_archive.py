"""Runs of the past out of a QCDB, and the same verdicts whoever judges which run."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from core.clock import ManualClock, SystemClock
from core.contracts import Archive
from core.errors import InputError, SettingsError, SourceError
from core.settings import Settings, load_settings
from core.shifts import Span
from core.store import Store
from dqm.its.archive import QcdbArchive
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.publishing import publish
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.simulate.publishing import to_cycle
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings
from dqm.its.source import read_url
from dqm.its.system import ITS
from flows.catching_up import backfill
from flows.past import Errand, Part
from tests.dqm.its.stored import NOON, store

VERDICTS = """SELECT o.key, v.quality, v.score, v.p_value, v.cause, v.regions, v.measurements
              FROM observation o JOIN verdict v ON v.observation_id = o.id ORDER BY o.observed_at"""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def server(clock: ManualClock) -> Iterator[FakeQcdb]:
    with FakeQcdb(clock=clock) as running:
        yield running


def archive_of(server: FakeQcdb) -> QcdbArchive:
    return QcdbArchive(Settings(its={"qcdb_url": server.url, "attempts": 1}))


def test_it_is_an_archive(server: FakeQcdb) -> None:
    archive: Archive = archive_of(server)
    with closing(archive):
        assert (archive.name, list(archive.stretches(NOON, NOON + timedelta(hours=1)))) == ("qcdb", [])
    with pytest.raises(SettingsError, match="no QCDB is set"):
        QcdbArchive(Settings())


def numbers(stretches: Any) -> list[list[tuple[int, int]]]:
    return [[(one.detail["run"], one.detail["cycle"]) for one in stretch] for stretch in stretches]


def test_whole_runs_from_their_first_cycle(server: FakeQcdb, clock: ManualClock) -> None:
    for run, count in ((7, 50), (8, 30)):
        for number in range(1, count + 1):
            clock.sleep(180)
            store(server.versions, number, run, only=("cluster_occupation_L0",), ended_at=clock.now())
    with closing(archive_of(server)) as archive:
        found = numbers(archive.stretches(NOON + timedelta(minutes=130), NOON + timedelta(minutes=170)))
        assert found == [[(7, number) for number in range(1, 51)], [(8, number) for number in range(1, 7)]]
        assert numbers(archive.stretches(NOON + timedelta(hours=9), NOON + timedelta(hours=30))) == []


def test_a_cycle_is_read_as_by_its_name(server: FakeQcdb, clock: ManualClock) -> None:
    store(server.versions, 1)
    store(server.versions, 2)
    now = clock.now()
    with closing(archive_of(server)) as archive:
        ((first, second),) = archive.stretches(now - timedelta(minutes=5), now + timedelta(minutes=5))
        for arrival in (first, second):
            seen, named = archive.read(arrival), read_url(arrival.origin, Settings())
            assert (seen.identity, seen.sha256, seen.conditions) == (named.identity, named.sha256, named.conditions)
        gone = replace(first, detail={**first.detail, "cycle": 99})
        with closing(archive_of(server)) as again, pytest.raises(InputError, match="is not listed any more"):
            again.read(gone)
        server.down()
        with closing(archive_of(server)) as again, pytest.raises(SourceError):
            again.read(first)


@pytest.mark.slow
def test_runs_judged_last_first_are_those_of_one_detector_per_run(
    server: FakeQcdb, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, published = datetime.now(UTC) - timedelta(hours=3), 0
    with QcdbClient(server.url) as client:
        for number in range(2):
            began_at = began + timedelta(minutes=10 * number)
            settings = RunSettings(run=560_001 + number, duration_s=240.0, cycle_s=60.0, began_at=began_at)
            for simulated in simulate_run(settings, 5 + number):
                made = to_cycle(settings, simulated)
                clock.at = made.ended_at
                publish(client, made)
                published += 1
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHIFTWATCH_ITS__QCDB_URL", server.url)
    site = load_settings()
    site.home.mkdir()
    span = Span(began, began + timedelta(hours=1))
    with Store.open(site.url, site.artefacts) as opened:
        opened.upgrade()
        tally = backfill(Errand("its", span), site, opened, SystemClock(), _last_first, lambda _: None)
        assert (tally.judged, tally.unusable) == (published, 0)
        assert not (site.home / "its").exists()
    engine = create_engine(site.url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(VERDICTS))]
    engine.dispose()
    assert [row[:3] for row in found] == [row[:3] for row in _serially(site, [row[0] for row in found], tmp_path)]


def _last_first(work: Callable[[Part], Any], parts: Sequence[Part]) -> Iterator[tuple[int, Any]]:
    for number in reversed(range(len(parts))):
        yield number, work(parts[number])


def _serially(site: Settings, keys: list[str], folder: Path) -> Iterator[tuple[str, str, float | None]]:
    """One detector for each run, cycle after cycle."""
    detectors: dict[str, Any] = {}
    for key in keys:
        run, number = key.split("/")
        home = site.model_copy(update={"home": folder / run})
        detector = detectors.setdefault(run, ITS.detector(home))
        seen = read_url(f"{site.its.qcdb_url}/qc?RunNumber={run}&CycleNumber={number}", site)
        verdict = detector.judge(seen)
        yield key, verdict.quality.value, verdict.score
