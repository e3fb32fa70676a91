"""Real processes, a real PostgreSQL, a real browser: a watch is killed, the database is away for a minute.

Each is on the overview within two refreshes of the moment at which it can be known, and nothing that arrived
meanwhile is missing afterwards, or there twice.
"""

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect
from sqlalchemy import NullPool, create_engine, text

from app.dashboard.screens.overview import OLD_AFTER_S
from app.supervision import Crew, Service, crew, free_port
from core.settings import Settings
from core.signs import BEAT_S
from core.store import Store
from tests.e2e.conftest import ROOT, OpenPage, settle
from tests.flows.fakes import drop, inbox
from tests.postgres import Cluster, find_binaries, own_cluster

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.postgresql]
TWO_REFRESHES_S = 20.0
DRAWN_S = 8.0
"""What a busy machine may need to draw a page."""
AWAY_S = 60.0
SYSTEM = ("--system", "tests.e2e.plain_system:PLAIN")


@dataclass
class Site:
    """A watch, a guard and a dashboard on one database; a scanner that never rests."""

    cluster: Cluster
    settings: Settings
    members: Crew
    environment: dict[str, str]
    dropped: list[str] = field(default_factory=list)
    rest: threading.Event = field(default_factory=threading.Event)

    def start(self, name: str, module: str, *words: str) -> None:
        self.members.start(Service(name, [sys.executable, "-m", module, *words], self.environment))

    def watch(self) -> None:
        self.start("watch", "flows.watching", *SYSTEM, "--window", "3600")

    def dashboard(self) -> str:
        """Start the dashboard and return its address."""
        port = free_port(0)
        address = f"http://127.0.0.1:{port}"
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(ROOT / "app/dashboard/main.py"),
            f"--server.port={port}",
        ]
        self.members.start(Service("dashboard", command, self.environment, f"{address}/_stcore/health"))
        self.members.wait_ready("dashboard", 180)
        return address

    def scan(self) -> None:
        while not self.rest.wait(1.0):
            name = f"20UPGPQ26{len(self.dropped):05d}"
            drop(inbox(self.settings), name, element=name)
            self.dropped.append(name)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with own_cluster(binaries) as cluster, crew(tmp_path / "logs") as members:
        engine = create_engine(f"{cluster.url}/postgres", isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(text("CREATE DATABASE shiftwatch"))
        url = f"{cluster.url}/shiftwatch"
        environment = {
            "SHIFTWATCH_HOME": str(tmp_path / "site"),
            "SHIFTWATCH_DATABASE_URL": url,
            "SHIFTWATCH_POLL_S": "0.5",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        made = Site(cluster, Settings(home=tmp_path / "site", database_url=url), members, environment)
        scanner = threading.Thread(target=made.scan)
        scanner.start()
        yield made
        made.rest.set()
        scanner.join()


def test_a_killed_watch_and_a_database_away_for_a_minute_are_seen_and_cost_nothing(
    site: Site, open_page: OpenPage, album: Path
) -> None:
    site.watch()
    site.start("guard", "flows.guarding", *SYSTEM)
    page = open_page(site.dashboard())
    tile = page.locator(".tile", has_text="FLEX boards")
    expect(tile).to_contain_text("All well", timeout=120_000)

    site.members.running["watch"].kill()
    site.members.running["watch"].wait()
    took_s = seen(tile, "Watch late", TWO_REFRESHES_S + DRAWN_S)
    print(f"a killed watch, started by hand, was on the page after {took_s:.1f} s")
    site.watch()
    seen(tile, "All well", 60)

    before = len(site.dropped)
    site.cluster.stop()
    try:
        began = time.monotonic()
        took_s = seen(page.locator(".urgent"), "The database cannot be reached", TWO_REFRESHES_S + DRAWN_S)
        print(f"a database that was stopped was on the page after {took_s:.1f} s")
        expect(tile).to_contain_text("known at")
        expect(tile).to_contain_text("All well")
        settle(page)
        page.screenshot(path=album / "overview-database-away-light.jpg", type="jpeg", quality=85)
        time.sleep(max(0.0, AWAY_S - (time.monotonic() - began)))
        assert len(site.dropped) >= before + 40
    finally:
        site.cluster.start()
    took_s = seen(tile, "All well", TWO_REFRESHES_S + DRAWN_S, without="known at")
    print(f"the page was back after {took_s:.1f} s")
    expect(page.get_by_text("cannot be reached")).to_have_count(0)

    warning = page.locator(".stamp b")
    expect(warning).to_be_hidden()
    site.members.running["dashboard"].kill()
    took_s = seen_at_last(warning, OLD_AFTER_S + DRAWN_S)
    print(f"a page whose server died says so after {took_s:.1f} s")
    page.screenshot(path=album / "overview-server-gone-light.jpg", type="jpeg", quality=85)

    site.rest.set()
    with Store.open(site.settings.url, site.settings.artefacts) as store:
        deadline = time.monotonic() + BEAT_S + 30
        while time.monotonic() < deadline and len(found := elements(store)) < len(site.dropped):
            time.sleep(0.5)
        assert sorted(found) == sorted(site.dropped)
        assert not store.alarms()
    assert site.members.running["watch"].poll() is None
    assert site.members.running["guard"].poll() is None


def seen_at_last(where: Locator, within_s: float) -> float:
    began = time.monotonic()
    expect(where).to_be_visible(timeout=within_s * 1000)
    return time.monotonic() - began


def elements(store: Store) -> list[str]:
    return [view.element for view in store.observations("flex", limit=2000)]


def seen(where: Locator, words: str, within_s: float, without: str = "") -> float:
    """Wait until the page says it by itself (nobody reloads it); return after how long."""
    began = time.monotonic()
    expect(where).to_contain_text(words, timeout=within_s * 1000)
    if without:
        expect(where).not_to_contain_text(without, timeout=within_s * 1000)
    return time.monotonic() - began
