"""A scanner that stops, seen in a real browser: the watch lives, nothing comes, and the overview says so by itself."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from app.supervision import Service, crew
from core.settings import Settings
from core.signs import BEAT_S
from core.store import Store
from tests.e2e.conftest import ROOT, OpenPage, Serve, settle
from tests.flows.fakes import drop, inbox

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SILENT_AFTER_S = 15.0
TWO_REFRESHES_S, DRAWN_S = 20.0, 8.0
SYSTEM = ("--system", "tests.e2e.plain_system:PLAIN")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A watch of a folder on SQLite; a board that does not come for 15 s is late."""
    home = tmp_path / "site"
    known = {
        "SHIFTWATCH_HOME": str(home),
        "SHIFTWATCH_FLEX__SILENT_AFTER_S": str(SILENT_AFTER_S),
        "SHIFTWATCH_POLL_S": "0.5",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    for name, value in known.items():
        monkeypatch.setenv(name, value)
    with crew(tmp_path / "logs") as members:
        command = [sys.executable, "-m", "flows.watching", *SYSTEM, "--window", "3600"]
        members.start(Service("watch", command, known))
        yield Settings(home=home)
        assert members.running["watch"].poll() is None


def test_a_scanner_that_stops_is_on_the_overview_by_itself_and_its_alarm_stays(
    site: Settings, serve: Serve, open_page: OpenPage, album: Path
) -> None:
    for number in range(1, 4):
        drop(inbox(site), f"20UPGPQ260000{number}", element=f"20UPGPQ260000{number}")
    address = serve(site.home)
    page = open_page(address)
    tile = page.locator(".tile", has_text="FLEX boards")
    last = newest(tile)

    known_s = SILENT_AFTER_S + BEAT_S + TWO_REFRESHES_S + DRAWN_S
    expect(tile).to_contain_text("Source silent", timeout=known_s * 1000)
    print(f"a source that stopped was on the page {time.monotonic() - last:.1f} s after the last board came into view")
    expect(page.locator(".tile-word", has_text="Source silent")).to_be_visible()
    expect(tile).to_contain_text("Nothing came for")
    expect(page.locator(".urgent").first).to_contain_text("FLEX boards")
    settle(page)
    page.screenshot(path=album / "overview-source-silent-light.jpg", type="jpeg", quality=85)

    page.goto(f"{address}/alarms")
    settle(page)
    expect(page.get_by_text("nothing came since").first).to_be_visible()

    page.goto(address)
    drop(inbox(site), "20UPGPQ2600009", element="20UPGPQ2600009")
    expect(tile).not_to_contain_text("Source silent", timeout=(BEAT_S + TWO_REFRESHES_S + DRAWN_S) * 1000)
    with Store.open(site.url, site.artefacts) as store:
        silent = [alarm for alarm in store.alarms() if "nothing came" in alarm.message]
        assert len(silent) == 1
        assert silent[0].recovered_at is not None
        assert silent[0].is_open, "it stays until somebody has seen it"


def newest(tile: Locator) -> float:
    expect(tile).to_contain_text("newest data", timeout=120_000)
    return time.monotonic()
