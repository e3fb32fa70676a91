"""A site that is backed up, and a clean machine."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.backup.taking import take
from core.settings import Settings, load_settings
from core.store import Store
from core.store.audit import Deed
from core.store.engine import Database
from core.store.views import Judgement
from core.verdict import Evidence, Quality, Verdict
from tests.core.store.conftest import NOW, RULE, Server, a_broken_arrival, a_verdict, an_arrival

DEED = Deed(NOW, "ops", "expert", "command line", "restore", "backup")


class At:
    """A clock that stands."""

    def now(self) -> object:
        return NOW

    def sleep(self, seconds: float) -> None: ...


CLOCK = At()


@pytest.fixture
def site(server: Server, tmp_path: Path) -> Iterator[tuple[Store, Settings]]:
    """A store that has seen something, and a home with all that collects there."""
    settings = at_home(tmp_path / "old")
    url = server.make(settings.home, tables=True)
    with Store.open(url, settings.artefacts) as store:
        fill(store)
        store_files(settings)
        yield store, settings
    server.drop(url)


@pytest.fixture
def clean(server: Server, tmp_path: Path) -> Iterator[tuple[Database, Settings]]:
    """A machine on which nothing is yet."""
    settings = at_home(tmp_path / "new")
    url = server.make(settings.home, tables=False)
    database = Database.open(url)
    yield database, settings
    database.close()
    server.drop(url)


def at_home(home: Path) -> Settings:
    home.mkdir(parents=True)
    return load_settings(home=home)


def fill(store: Store) -> None:
    """Good, bad, unreadable; an alarm taken care of, one that is over, words and a decision of people, a model."""
    batch = [an_arrival(Quality.GOOD, f"board {n}", verdict=pictured(n)) for n in range(20)]
    batch += [an_arrival(Quality.BAD, "bad board"), an_arrival(Quality.BAD, "worse board"), a_broken_arrival()]
    store.record("flex", "inbox", batch, RULE, {"taken_at": NOW.isoformat()})
    store.record("flex", "inbox", [an_arrival(Quality.GOOD, "bad board", "k2", at=NOW + timedelta(minutes=1))], RULE)
    store.add_feedback(21, "ana", NOW, Judgement.RIGHT, comment='said "so"; näïve ☃')
    store.decide(22, "ana", NOW, [], {"passed": False, "share": 0.1})
    store.heartbeat("flex", "watch", NOW - timedelta(hours=1), ok=True)


def pictured(number: int) -> Verdict:
    return a_verdict(evidence={"thumbnail": Evidence(f"picture {number}".encode() * 100, "image/png")})


def store_files(settings: Settings) -> None:
    for name in (
        *("its/memory.npz", "collimation/fill.json", "models/its/card.json", "versions/flex/m/1/card.json"),
        *("inbox/flex/a.jpg", "inbox/flex/deep/b.jpg", "inbox/flex/.hidden", "inbox/flex/new.jpg.part"),
        *("quarantine/flex/c.png", "quarantine/flex/c.png.reason.json", "logs/worker.log", "prefect/prefect.db"),
    ):
        path = settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 50)
        os.utime(path, ns=(1_700_000_000_123_456_789, 1_700_000_000_123_456_789))


def files(home: Path) -> dict[str, tuple[bytes, int]]:
    left_out = {"logs", "prefect", "backups"}
    return {
        str(path.relative_to(home)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.relative_to(home).parts[0] not in left_out and ".db" not in path.name
        and not path.name.startswith(".") and not path.name.endswith(".part")
    }  # fmt: skip


@pytest.fixture
def made(site: tuple[Store, Settings], tmp_path: Path) -> Path:
    return take(site[0].database, site[1], tmp_path / "made.tar", CLOCK).path  # type: ignore[arg-type]
