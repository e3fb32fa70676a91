"""The overview in a real browser: a refresh touches what changed alone, and fits the wall."""

import pytest
from playwright.sync_api import expect

from app.dashboard.screens.overview import REFRESH_S
from core.store import Store
from tests.app.boards import cheap_store
from tests.e2e.conftest import OpenPage, Serve, settle

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SOON = 180_000
SIZES = ((1280, 720), (1920, 1080), (3840, 2160))


@pytest.fixture(scope="module")
def address(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    home = tmp_path_factory.mktemp("cheap")
    with Store.open(f"sqlite:///{home / 'shiftwatch.db'}", home / "artefacts") as store:
        cheap_store(store)
    return serve(home)


def test_a_refresh_asks_for_no_picture_and_leaves_strips_alone(address: str, open_page: OpenPage) -> None:
    page = open_page(address)
    expect(page.get_by_text("last seen").first).to_be_visible(timeout=SOON)
    settle(page)
    read_at = page.locator(".stamp span")
    before, asked = read_at.inner_text(), list[str]()
    page.evaluate("document.querySelectorAll('.strip, [class*=st-key-lately] img').forEach(one => one.kept = true)")
    page.on("request", lambda request: asked.append(request.url))
    expect(read_at).not_to_have_text(before, timeout=(3 * REFRESH_S + 60) * 1000)
    kept = page.evaluate(
        "[...document.querySelectorAll('.strip, [class*=st-key-lately] img')].map(one => one.kept === true)"
    )
    assert len(kept) > 4
    assert sum(kept) >= len(kept) - 4  # at most the strips themselves, should a period of five minutes have ended
    assert not asked


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_wall_fits_the_screen_and_its_words_are_large(
    address: str, open_page: OpenPage, width: int, height: int
) -> None:
    page = open_page(f"{address}/?wall=1")
    page.set_viewport_size({"width": width, "height": height})
    expect(page.locator(".tile")).to_have_count(4, timeout=SOON)
    expect(page.get_by_text("2 alarms").first).to_be_visible(timeout=SOON)
    settle(page)
    expect(page.locator('[data-testid="stHeader"]')).to_be_hidden()
    low = page.evaluate("document.querySelector('.parts').getBoundingClientRect().bottom")
    assert low <= height
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    size = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.tile-word')).fontSize)")
    assert size >= height / 16
