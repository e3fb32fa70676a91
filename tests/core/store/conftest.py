"""Every store test runs on SQLite and on a real PostgreSQL."""

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text

from core.contracts import AlarmRule, Arrival, Settled
from core.observation import Observation
from core.store import Store
from core.verdict import Cause, Evidence, Measurement, Model, Quality, Region, Verdict, unreadable
from tests.postgres import cluster, find_binaries

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
RULE = AlarmRule()
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with cluster(binaries) as url:
        yield url


@dataclass(frozen=True)
class Server:
    """Makes databases, empty or with the tables already in them (from a template, since that takes a tenth)."""

    url: str | None
    folder: Path
    template: str

    def make(self, folder: Path, *, tables: bool) -> str:
        if self.url is None:
            path = folder / "shiftwatch.db"
            if tables:
                shutil.copy(self.template, path)
            return f"sqlite:///{path}"
        name = f"shiftwatch_{next(_numbers)}"
        _execute(self.url, f"CREATE DATABASE {name}" + (f" TEMPLATE {self.template}" if tables else ""))
        return f"{self.url}/{name}"

    def drop(self, url: str) -> None:
        if self.url is not None:
            _execute(self.url, f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")


def _execute(server: str, statement: str) -> None:
    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(statement))


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder = tmp_path_factory.mktemp("template")
    if request.param == "sqlite":
        url, template = None, str(folder / "template.db")
        template_url = f"sqlite:///{template}"
    else:
        url, template = request.getfixturevalue("postgres_url"), "template_shiftwatch"
        _execute(url, f"CREATE DATABASE {template}")
        template_url = f"{url}/{template}"
    with Store.open(template_url, folder) as store:
        store.upgrade()
    return Server(url, folder, template)


@pytest.fixture
def url(server: Server, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    made = server.make(tmp_path, tables=False)
    yield made
    server.drop(made)


@pytest.fixture
def store(server: Server, tmp_path: Path) -> Iterator[Store]:
    """An empty store with its tables."""
    made = server.make(tmp_path, tables=True)
    with Store.open(made, tmp_path / "artefacts") as opened:
        yield opened
    server.drop(made)


def a_verdict(quality: Quality = Quality.GOOD, **changes: object) -> Verdict:
    """A verdict with everything in it."""
    if quality is Quality.NULL:
        return unreadable("registration failed: half a board")
    regions = (
        Region({"x": 10, "y": 20, "width": 30, "height": 40}, 7.5, 0.001, Cause("scratch", 0.8)),
        Region({"x": 1, "y": 2, "width": 3, "height": 4}, 5.5, 0.01, None),
    )
    values = {
        "quality": quality,
        "score": 7.5,
        "threshold": 6.0,
        "p_value": 0.001,
        "cause": Cause("scratch", 0.8),
        "regions": () if quality is Quality.GOOD else regions,
        "measurements": {"registration_residual": Measurement(0.4, None, "px")},
        "model": Model("synthetic", "1"),
        "evidence": {"thumbnail": Evidence(f"thumbnail {quality}".encode(), "image/jpeg")},
    }
    return Verdict(**(values | changes))  # type: ignore[arg-type]


def an_arrival(
    quality: Quality = Quality.GOOD,
    element: str = "20UPGFC0000001",
    key: str = "k1",
    *,
    ticket: str | None = None,
    at: datetime = NOW,
    observed_at: datetime | None = None,
    verdict: Verdict | None = None,
) -> Settled:
    """One settled arrival."""
    observation = Observation(
        system="flex",
        element=element,
        key=key,
        observed_at=observed_at or at - timedelta(seconds=3),
        origin=f"/inbox/{element}.jpg",
        sha256="ab" * 32,
        conditions={"serial": element, "stage": "RECEPTION", "width": 100},
    )
    arrival = Arrival(ticket or f"{element}|{key}", observation.origin)
    return Settled(arrival, observation, verdict or a_verdict(quality), at)


def a_broken_arrival(ticket: str = "broken.png|0|1", at: datetime = NOW) -> Settled:
    """An arrival that could not be read."""
    return Settled(Arrival(ticket, "/inbox/broken.png"), None, unreadable("no image at all"), at)
