"""Screenshots of every page in light and dark; into docs/screenshots when SHIFTWATCH_SCREENSHOTS=1."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import OpenPage, Serve, settle

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SOON = 180_000

FILLED = {
    "overview": ("/", "last seen", ""),
    "alarms": ("/alarms", "Nobody yet", ""),
    "alarm": ("/alarms?alarm=1", "History", ""),
    "inspection": ("/inspection?board=2", "Place 1 of", ""),
    "inspection-heat": ("/inspection?board=2", "Place 1 of", "h"),
    "inspection-good": ("/inspection?board=1", "No place stands out", ""),
    "inspection-unreadable": ("/inspection?board=5", "What to do", ""),
}
EMPTY = {
    "overview-empty": ("/", "No data yet", ""),
    "alarms-empty": ("/alarms", "No alarm is open", ""),
    "inspection-empty": ("/inspection", "No board waits", ""),
}


@pytest.fixture(scope="module")
def filled(serve: Serve, shift_home: Path) -> str:
    return serve(shift_home)


@pytest.fixture(scope="module")
def empty(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    return serve(tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*FILLED, *EMPTY])
def test_page_shows_what_it_should_and_no_error(
    request: pytest.FixtureRequest, album: Path, open_page: OpenPage, name: str, scheme: str
) -> None:
    path, words, key = (FILLED | EMPTY)[name]
    base: str = request.getfixturevalue("filled" if name in FILLED else "empty")
    page = open_page(base + path, scheme)
    expect(page.get_by_text(words).first).to_be_visible(timeout=SOON)
    settle(page)
    if key:
        expect(page.get_by_role("button", name="Show heat map")).to_be_visible(timeout=SOON)
        page.keyboard.press(key)
        expect(page.get_by_role("button", name="Show photo")).to_be_visible(timeout=SOON)
    settle(page)
    assert page.locator('[data-testid="stException"]').count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shot = album / f"{name}-{scheme}.jpg"
    page.screenshot(path=shot, type="jpeg", quality=85)
    assert shot.stat().st_size > 5000
