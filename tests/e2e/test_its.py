"""The ITS page in a real browser: its screenshots, and a shifter's way from the overview to the action, by keyboard."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.settings import Settings
from core.store import Store
from core.verdict import Quality
from dqm.its.system import ITS
from tests.app import its_cycles
from tests.app.its_cycles import Seen
from tests.e2e.conftest import OpenPage, Serve, press, settle

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SOON = 180_000
ESSENTIALS = {"width": 1280, "height": 800}
SHOTS = {
    "its-healthy": ("healthy", "/its", "Nothing unusual", ""),
    "its-background": ("background", "/its", "Beam background from side A", ""),
    "its-dead-lane": ("dead lane", "/its", "Dead lane", ""),
    "its-occupancy": ("dead lane", "/its", "Clusters per readout frame and chip", "h"),
    "its-not-judged": ("not judged", "/its", "could not be judged", ""),
    "its-empty": ("empty", "/its", "No QCDB is connected", ""),
    "its-overview": ("background", "/", "ITS, last seen", ""),
}


@pytest.fixture(scope="module")
def addresses(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the address of a dashboard for each story: simulated runs, judged by the model that ships."""
    now = datetime.now(UTC) - timedelta(seconds=20)
    healthy = _run((), now)
    stories: dict[str, list[Seen]] = {
        "healthy": healthy,
        "background": _run(("background",), now),
        "dead lane": _run(("dead lane",), now),
        "not judged": [*healthy[:-1], its_cycles.emptied(healthy[-1])],
        "empty": [],
    }
    return {
        name: serve(_home(tmp_path_factory.mktemp("its"), seen, calm=name == "healthy"))
        for name, seen in stories.items()
    }


def _run(faults: tuple[str, ...], until: datetime) -> list[Seen]:
    """Two hours in cycles as long as the experiment's, the fault in the last 40 minutes; the cut end is left out."""
    seen = its_cycles.run(faults, minutes=120.0, until=until, cycle_s=180.0, healthy=80.0)
    return [one for one in seen if float(one.observation.conditions["cycle_s"] or 0) > 170]


def _home(home: Path, seen: list[Seen], *, calm: bool) -> Path:
    """Judge and store a run; a ``calm`` one up to its last good cycle (one in ten or so is worth a look)."""
    settled = its_cycles.judged_by(ITS.detector(Settings(home=home)), seen) if seen else []
    while calm and settled[-1].verdict.quality is not Quality.GOOD:
        settled.pop()
    with Store.open(f"sqlite:///{home / 'shiftwatch.db'}", home / "artefacts") as store:
        store.upgrade()
        if settled:
            store.record("its", "sim", settled, ITS.rule)
            store.heartbeat("its", "watch", datetime.now(UTC) + timedelta(minutes=5), ok=True)
    return home


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SHOTS)
def test_page_shows_the_essentials_without_scrolling_and_no_error(
    addresses: dict[str, str], album: Path, open_page: OpenPage, name: str, scheme: str
) -> None:
    story, path, words, key = SHOTS[name]
    page = open_page(addresses[story] + path, scheme)
    page.set_viewport_size(ESSENTIALS)  # type: ignore[arg-type]
    if key:
        expect(page.get_by_role("button", name="Show occupancy")).to_be_visible(timeout=SOON)
        settle(page)
        page.keyboard.press(key)
    expect(page.get_by_text(words).first).to_be_visible(timeout=SOON)
    settle(page)
    assert page.locator('[data-testid="stException"]').count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for essential in page.locator(".barrel img, .its-title, [class*='st-key-incident_now'], .chart").all():
        box = essential.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= ESSENTIALS["height"]
    shot = album / f"{name}-{scheme}.jpg"
    page.screenshot(path=shot, type="jpeg", quality=85)
    assert shot.stat().st_size > 5000


def test_from_the_overview_to_the_action_by_keyboard(addresses: dict[str, str], open_page: OpenPage) -> None:
    page = open_page(addresses["dead lane"])
    expect(page.get_by_text("Dead lane: L4_12/lane 7.")).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="Go to this alarm").click()
    page.get_by_role("link", name="Open this cycle on the ITS page").click()
    expect(page.get_by_text("Look at the lane status").first).to_be_visible(timeout=SOON)
    settle(page)
    press(page, "l", expect(page.get_by_role("button", name="Latest")).to_be_disabled)
    settle(page)
    press(page, "ArrowLeft", expect(page.get_by_text("not the latest")).to_be_visible)
    expect(page).to_have_url(re.compile("cycle="), timeout=SOON)
    settle(page)
    press(page, "h", expect(page.get_by_text("usual in the layer")).to_be_visible)


def test_the_overlay_lies_on_the_picture(addresses: dict[str, str], open_page: OpenPage) -> None:
    """The frame of the chosen lane is where the picture shows it, at two sizes of the window."""
    page = open_page(f"{addresses['dead lane']}/its")
    for size in (ESSENTIALS, {"width": 1920, "height": 1000}):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        expect(page.locator(".barrel .edge").first).to_be_visible(timeout=SOON)
        picture = page.locator(".barrel img").bounding_box()
        edges = [box for edge in page.locator(".barrel .edge").all() if (box := edge.bounding_box())]
        assert picture is not None
        middle_x = sum(box["x"] + box["width"] / 2 for box in edges) / len(edges)
        middle_y = sum(box["y"] + box["height"] / 2 for box in edges) / len(edges)
        left, top, width, tall = its_cycles.box("L4_12/lane 7")
        assert middle_x == pytest.approx(picture["x"] + picture["width"] * (left + width / 2), abs=2)
        assert middle_y == pytest.approx(picture["y"] + picture["height"] * (top + tall / 2), abs=2)
