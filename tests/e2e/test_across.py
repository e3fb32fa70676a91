"""Across systems in a real browser: its screenshots, and the way from what is connected to an alarm and back."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect

from benchmarks.across.filling import make_home
from tests.e2e.conftest import OpenPage, Serve, settle

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SOON = 180_000
SIZES = {"": {"width": 1280, "height": 720}, "-hd": {"width": 1920, "height": 1080}}


@pytest.fixture(scope="module")
def address(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of a dashboard over two weeks in which margin and background went together at last."""
    home = tmp_path_factory.mktemp("across")
    make_home(home, datetime.now(UTC))
    return serve(home)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_axis_fits_the_screen_and_says_what_is_possibly_connected(
    address: str, album: Path, open_page: OpenPage, scheme: str, size: str
) -> None:
    page = open_page(f"{address}/across", scheme)
    page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
    expect(page.get_by_text("Possibly connected:").first).to_be_visible(timeout=SOON)
    settle(page)
    shot = album / f"across{size}-{scheme}.jpg"
    page.screenshot(path=shot, type="jpeg", quality=85)
    assert shot.stat().st_size > 5000
    assert page.locator('[data-testid="stException"]').count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    box = page.locator(".axis").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= SIZES[size]["height"]
    assert page.locator(".ax-span").count() == 1


def test_from_what_is_connected_to_an_alarm_and_back_to_its_time(address: str, open_page: OpenPage) -> None:
    page = open_page(f"{address}/across")
    expect(page.get_by_text("Possibly connected:").first).to_be_visible(timeout=SOON)
    settle(page)
    page.get_by_role("link", name="ITS, Inner barrel, side A").click()
    expect(page).to_have_url(re.compile("alarm="), timeout=SOON)
    expect(page.get_by_text("Possibly connected: LHC collimation and ITS")).to_be_visible(timeout=SOON)
    settle(page)
    page.get_by_role("link", name="All systems at that time").click()
    expect(page.locator(".axis")).to_be_visible(timeout=SOON)
    settle(page)
    page.get_by_role("link", name="Earlier").click()
    expect(page.get_by_text("as it was then")).to_be_visible(timeout=SOON)
    expect(page).to_have_url(re.compile("until="), timeout=SOON)


def test_without_data_it_says_what_will_be_here(serve: Serve, tmp_path: Path, open_page: OpenPage) -> None:
    page = open_page(f"{serve(tmp_path)}/across")
    expect(page.get_by_text("No system has told anything yet")).to_be_visible(timeout=SOON)
