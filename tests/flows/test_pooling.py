"""Watches by a worker of a pool, which works in another folder with another home, as on another host."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.settings import Settings
from core.store import Store
from flows.pooling import main, told
from tests.flows.conftest import ROOT, Server, wait_for
from tests.flows.fakes import NAME, drop, inbox
from tests.postgres import find_binaries, own_cluster


@pytest.fixture
def database() -> Iterator[str]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with own_cluster(binaries) as cluster:
        yield f"{cluster.url}/postgres"


@pytest.fixture
def nothing_left(prefect_server: Server) -> Iterator[None]:
    """Take the deployment away: as long as it is in a pool, what is served under its name would go there."""
    yield
    number = prefect_server.deployment(f"watch/watch-{NAME}")["id"]
    asked = urllib.request.Request(f"{prefect_server.url}/deployments/{number}", method="DELETE")
    urllib.request.urlopen(asked, timeout=30).close()


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.usefixtures("nothing_left")
def test_a_worker_elsewhere_watches_into_the_same_database(
    prefect_server: Server, database: str, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for place in (here, there):
        place.mkdir()
    elsewhere = {"SHIFTWATCH_HOME": str(there / "home"), "SHIFTWATCH_DATABASE_URL": database}
    words = ["--system", "tests.flows.fakes:FAKE", "--window", "600", "--set", "SHIFTWATCH_POLL_S=0.2"]
    with prefect_server.child("flows.pooling", "far", *words, SHIFTWATCH_HOME=str(here)) as registering:
        assert registering.wait(timeout=120) == 0, prefect_server.said()
    settings = Settings(home=there / "home", database_url=database)
    drop(inbox(settings), "FAR", element="FAR")
    with prefect_server.child(
        "prefect",
        "worker",
        "start",
        "--pool",
        "far",
        **elsewhere,
        PYTHONPATH=str(ROOT),
        PREFECT_WORKER_QUERY_SECONDS="1",
    ):
        number = prefect_server.deployment(f"watch/watch-{NAME}")["id"]
        prefect_server.post(f"deployments/{number}/create_flow_run", state={"type": "SCHEDULED"})

        def seen() -> list[object]:
            with Store.open(settings.url, settings.artefacts) as store:
                return list(store.history(NAME, "FAR")) if store.is_current() else []

        assert wait_for(seen, 360, prefect_server)
    assert not (here / "shiftwatch.db").exists()


def test_what_is_no_variable_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(["A=1", "B=x=y"]) == {"A": "1", "B": "x=y"}
    assert main(["far", "--system", "flex", "--set", "A"]) == 1
    assert "--set A: is not NAME=VALUE" in capsys.readouterr().err
