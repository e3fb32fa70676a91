"""Somebody who has never seen the program keeps the demo's shift: finds what went wrong, answers, hands over."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from app.rehearsal import Rehearsal
from app.story import playback, truth
from app.story.checking import Checked, check, table
from app.supervision import Crew, free_port
from core.settings import Settings
from core.store import Store
from tests.e2e.conftest import OpenPage, settle
from tests.e2e.test_demo import COMMAND, ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(2400)]
SOON = 180_000
LONGEST_S = 1800.0
MOST_CLICKS = 3
NEWCOMER = "Nora Weber"

SAID = {
    "a primary collimator drifts": r"TCP\.C6L7\.B1",
    "a secondary collimator jumps": r"TCSPM\.B4R7\.B2",
    "gas in front of side C": r"background from side C",
    "background follows the drift": r"background from side A",
    "a lane dies": r"L4_12.*lane 7|stave 12.*lane 7",
    "a chip is noisy": r"L1_05/3|L1_05.*chip 3",
    "frames of a stave are lost": r"L5_20|stave 20",
    "the QCDB server dies": r"nothing came since|source:qcdb",
    "the laser drops out": r"no ionisation",
    "the vapour density drifts": r"vapour density drifts",
    "the camera hands out old pictures": r"camera stale",
    "the knife edge creeps": r"knife edge or stop drifted",
    "the camera is frozen": r"camera frozen",
    "a file is cut short": r"photo could not be judged",
}
"""What the list says of each, by which a person finds it; boards are found by their serial number."""


@dataclass
class Shift:
    """The played shift: where its dashboard is, and what the check says."""

    address: str
    checked: Checked
    lines: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def shift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shift]:
    """Play the shift twenty times as fast, wait until all of it is judged, and leave the console running."""
    home, port = tmp_path_factory.mktemp("demo"), free_port(0)
    environment = {**os.environ, "SHIFTWATCH_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [*COMMAND, "--speed", "20", "--port", str(port)]
    with subprocess.Popen(command, env=environment, cwd=home, stdout=subprocess.DEVNULL) as demo:
        try:
            yield played(home, f"http://127.0.0.1:{port}", demo)
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(60)


def played(home: Path, address: str, demo: "subprocess.Popen[bytes]") -> Shift:
    """Return the shift once everything of it is judged."""
    settings, until = Settings(home=home), time.monotonic() + LONGEST_S
    while not (home / truth.FILE).exists() or not (home / "shiftwatch.db").exists():
        assert demo.poll() is None
        assert time.monotonic() < until
        time.sleep(1)
    show = playback.read(home / truth.FILE)
    with Store.open(settings.url, settings.artefacts) as store:
        while not store.is_current():
            time.sleep(1)
        nobody = Crew(home / "logs", "")
        Rehearsal(nobody, store, show.playback, until, print).wait()
        checked = check(store, truth.injected(show.seed), show.playback)
    return Shift(address, checked, list(table(checked, show.playback)))


def test_every_incident_is_one_alarm_and_no_system_has_more_than_one_false_one(shift: Shift) -> None:
    assert shift.checked.troubles() == (), "\n".join(shift.lines)


class Clicks:
    """Clicks, counted: what the newcomer needs to get somewhere."""

    def __init__(self) -> None:
        self.count = 0

    def on(self, target: Locator) -> None:
        self.count += 1
        target.click()


def overview(page: Page, shift: Shift) -> None:
    page.goto(shift.address)
    expect(page.get_by_role("link", name="Alarms").first).to_be_visible(timeout=SOON)
    settle(page)


def row_of(page: Page, said: str) -> Locator:
    """The way from the row of the list that says this to the page of its alarm."""
    rows = page.locator('[data-testid="stHorizontalBlock"]').filter(has_text=re.compile(said, re.IGNORECASE))
    return rows.last.get_by_role("link", name=re.compile("open", re.IGNORECASE))


def find(page: Page, shift: Shift, said: str) -> tuple[int, int]:
    """Go from the overview to the alarm that says this; return its number and the clicks that it took."""
    clicks = Clicks()
    overview(page, shift)
    clicks.on(page.get_by_role("link", name="Alarms").first)
    expect(page.get_by_text("Need somebody").first).to_be_visible(timeout=SOON)
    settle(page)
    wanted = page.get_by_text(re.compile(said, re.IGNORECASE)).first
    expect(wanted).to_be_attached(timeout=SOON)
    if not row_of(page, said).is_visible():
        clicks.on(page.get_by_text(re.compile(r"^Show the \d+")).filter(has_text=re.compile(said, re.IGNORECASE)))
    clicks.on(row_of(page, said))
    page.wait_for_url(re.compile(r"alarm=\d+"), timeout=SOON)
    expect(page.get_by_text("What to do:").first).to_be_visible(timeout=SOON)
    settle(page)
    found = re.search(r"alarm=(\d+)", page.url)
    assert found is not None
    return int(found[1]), clicks.count


def test_each_incident_is_found_from_the_overview_in_three_clicks(
    shift: Shift, open_page: OpenPage, album: Path
) -> None:
    page = open_page(shift.address, operator=NEWCOMER)
    overview(page, shift)
    page.screenshot(path=album / "shift-over-light.jpg", type="jpeg", quality=85)
    needed = {}
    for one in shift.checked.outcomes:
        said = SAID.get(one.injected.name) or one.injected.elements[0]
        number, needed[one.injected.name] = find(page, shift, said)
        assert number in {alarm.id for alarm in one.alarms}, one.injected.name
        assert page.locator('[data-testid="stException"]').count() == 0
    assert max(needed.values()) <= MOST_CLICKS, needed


def test_the_list_of_the_shift_is_short_enough_to_read(shift: Shift, open_page: OpenPage, album: Path) -> None:
    page = open_page(f"{shift.address}/alarms", operator=NEWCOMER)
    expect(page.get_by_text("Need somebody").first).to_be_visible(timeout=SOON)
    settle(page)
    page.screenshot(path=album / "shift-alarms-light.jpg", type="jpeg", quality=85)
    rows = page.get_by_role("link", name=re.compile("^.*open.*$", re.IGNORECASE)).count()
    assert rows <= len(shift.checked.outcomes) + 10
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_one_is_acknowledged_one_set_aside_one_was_a_false_alarm_and_the_shift_is_handed_over(
    shift: Shift, open_page: OpenPage, album: Path
) -> None:
    page = open_page(shift.address, operator=NEWCOMER)
    find(page, shift, SAID["a primary collimator drifts"])
    page.get_by_label("Note (optional)").fill("Told the collimation engineer")
    page.keyboard.press("Tab")
    settle(page)
    page.get_by_role("button", name=re.compile("I take care of it")).click()
    expect(page.get_by_text(re.compile(f"by {NEWCOMER}: Told the")).first).to_be_visible(timeout=SOON)
    settle(page)
    page.screenshot(path=album / "shift-alarm-light.jpg", type="jpeg", quality=85)

    find(page, shift, SAID["a chip is noisy"])
    page.get_by_role("button", name="Set aside").click()
    page.get_by_label("Why (everybody sees it)").fill("Masked in the next run")
    page.keyboard.press("Tab")
    settle(page)
    page.get_by_role("button", name="Set it aside").click()
    expect(page.get_by_text(re.compile("Masked in the next run")).first).to_be_visible(timeout=SOON)

    find(page, shift, SAID["the camera is frozen"])
    page.get_by_role("button", name=re.compile("False alarm")).click()
    expect(page.get_by_text(re.compile(f"{NEWCOMER} said: false alarm")).first).to_be_visible(timeout=SOON)

    overview(page, shift)
    page.get_by_text("Shift", exact=True).first.click()
    page.get_by_text("Shift report", exact=True).first.click()
    expect(page.get_by_text("Open for the next shift").first).to_be_visible(timeout=SOON)
    settle(page)
    report = page.locator(".st-key-handover")
    for words in (NEWCOMER, "Told the collimation engineer", "Masked in the next run", "false alarm", "TCP.C6L7.B1"):
        expect(report.get_by_text(re.compile(re.escape(words), re.IGNORECASE)).first).to_be_attached(timeout=SOON)
    page.screenshot(path=album / "shift-report-light.jpg", type="jpeg", quality=85)
    with page.expect_download() as caught:
        page.get_by_role("button", name="PDF").click()
    assert Path(caught.value.path()).read_bytes()[:5] == b"%PDF-"
