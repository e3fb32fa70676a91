"""The collimation page in a real browser: its screenshots, and an engineer's way from the overview to the map."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.reading import read_file
from accelerator.collimation.simulate.emulator import Emulator
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.states import State
from accelerator.collimation.system import COLLIMATION, incidents
from app import lossmaps
from app.lossmaps import Recipe
from core.contracts import Arrival, Settled
from core.settings import Settings
from tests.app import collimation_maps as maps
from tests.e2e.conftest import OpenPage, Serve, press, settle

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SOON = 180_000
ESSENTIALS = {"width": 1280, "height": 800}
SHOTS = {
    "collimation-nominal": ("judged nominal", "/collimation", "Hierarchy intact", ""),
    "collimation-tcp-retracted": ("judged retracted", "/collimation", "retracted by", ""),
    "collimation-ir7": ("retracted", "/collimation", "retracted by", "h"),
    "collimation-tct-exposed": ("judged exposed", "/collimation", "TCTPH.4L1.B1", ""),
    "collimation-drift": ("drift", "/collimation", "Gone at", ""),
    "collimation-cannot-tell": ("cannot tell", "/collimation", "Cannot tell", ""),
    "collimation-off-momentum": ("off-momentum", "/collimation", "Off-momentum map", ""),
    "collimation-not-judged": ("not judged", "/collimation", "could not be judged", ""),
    "collimation-empty": ("empty", "/collimation", "No loss map yet", ""),
    "collimation-overview": ("retracted", "/", "LHC collimation", ""),
    "collimation-alarm": ("retracted", "/alarms?alarm=1", "History", ""),
}


@pytest.fixture(scope="module")
def addresses(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the address of a dashboard for each story."""
    now = datetime.now(UTC) - timedelta(seconds=40)
    good = [maps.nominal()] * 4
    stories = {
        "judged nominal": _judged(tmp_path_factory.mktemp("nominal"), now),
        "judged retracted": _judged(tmp_path_factory.mktemp("tcp"), now, Setting("tcp.c6l7.b1", Quantity.GAP, 0.6)),
        "judged exposed": _judged(tmp_path_factory.mktemp("tct"), now, Setting("tctph.4l1.b1", Quantity.GAP, -3.0)),
        "retracted": maps.settle([*good, maps.tcp_retracted()], now),
        "drift": maps.settle([*good, maps.drifting(now)], now),
        "cannot tell": maps.settle([*good, maps.cannot_tell()], now),
        "off-momentum": maps.settle([*good, maps.off_momentum()], now),
        "not judged": [*maps.settle(good, now - timedelta(minutes=9)), maps.not_judged("cut short at byte 1822", now)],
        "empty": [],
    }
    return {name: serve(maps.home(tmp_path_factory.mktemp("coll"), found)) for name, found in stories.items()}


def _judged(folder: Path, now: datetime, *wrong: Setting) -> list[Settled]:
    """Return a campaign of simulated maps, the last one with an error, judged by the model that ships."""
    planes = ((1, "H"), (1, "V"), (2, "H"), (2, "V"), (1, "H"))
    detector, emulator, settled = COLLIMATION.detector(Settings(home=folder)), Emulator.load(), list[Settled]()
    for number, (beam, plane) in enumerate(planes):
        path, at = folder / f"{number}_B{beam}{plane}.json", now - timedelta(minutes=7 * (len(planes) - 1 - number))
        errors = wrong if number == len(planes) - 1 else ()
        lossmaps.write(path, Recipe(beam, plane, State.COLLISIONS, 1_000_000, errors), emulator, at, 100 + number)
        seen = read_file(path, Settings(home=folder))
        verdict = detector.judge(seen)
        told = tuple(incidents(seen, verdict))
        settled.append(Settled(Arrival(seen.key, seen.origin), seen, verdict, at + timedelta(seconds=2), told))
    return settled


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SHOTS)
def test_page_shows_the_essentials_without_scrolling_and_no_error(
    addresses: dict[str, str], album: Path, open_page: OpenPage, name: str, scheme: str
) -> None:
    story, path, words, key = SHOTS[name]
    page = open_page(addresses[story] + path, scheme)
    page.set_viewport_size(ESSENTIALS)  # type: ignore[arg-type]
    expect(page.get_by_text(words).first).to_be_visible(timeout=SOON)
    settle(page)
    if key:
        page.keyboard.press(key)
        expect(page.locator(".lossmap.ir7")).to_be_visible(timeout=SOON)
        settle(page)
    shot = album / f"{name}-{scheme}.jpg"
    page.screenshot(path=shot, type="jpeg", quality=85)
    assert shot.stat().st_size > 5000
    assert page.locator('[data-testid="stException"]').count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for essential in page.locator(".lossmap img, .its-title, [class*='st-key-incident_now'], .hierarchy, .chart").all():
        box = essential.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= ESSENTIALS["height"]


def test_from_the_overview_to_the_map_by_keyboard(addresses: dict[str, str], open_page: OpenPage) -> None:
    page = open_page(addresses["retracted"])
    expect(page.get_by_text("TCP retracted: TCP.C6L7.B1.")).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="Go to this alarm").click()
    page.get_by_role("link", name="Open this map on the collimation page").click()
    expect(page.get_by_text("instead of 5.0").first).to_be_visible(timeout=SOON)
    settle(page)
    press(page, "h", expect(page.locator(".lossmap.ir7")).to_be_visible)
    settle(page)
    press(page, "ArrowLeft", expect(page.get_by_text("Hierarchy intact")).to_be_visible)
    expect(page).to_have_url(re.compile("map="), timeout=SOON)
    settle(page)
    press(page, "l", expect(page.get_by_role("button", name="Latest")).to_be_disabled)


def test_the_overlay_lies_on_the_picture(addresses: dict[str, str], open_page: OpenPage) -> None:
    """The box that tells of a collimator is over its marker, at two sizes of the window."""
    from accelerator.collimation.drawing_layout import WIDTH, sections

    found = maps.tcp_retracted().diagnosis
    slot = next(
        slot
        for section in sections(found.channels)
        for slot in section.slots
        if found.channels[slot.index].name == "tcp.b6l7.b1"
    )
    page = open_page(f"{addresses['retracted']}/collimation")
    for size in (ESSENTIALS, {"width": 1920, "height": 1000}):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        picture = page.locator(".lossmap.cascade img").bounding_box()
        box = page.locator(".lossmap.cascade i[title^='TCP.B6L7.B1']").bounding_box()
        assert picture is not None
        assert box is not None
        middle = picture["x"] + picture["width"] * slot.middle / WIDTH
        assert box["x"] + box["width"] / 2 == pytest.approx(middle, abs=2)
