"""The operator's path in a real browser: from the overview to the record, by keyboard."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import STRANGER, OpenPage, Serve, settle

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SOON = 180_000


@pytest.fixture(scope="module")
def address(serve: Serve, filled_home: Path) -> str:
    return serve(filled_home)


def test_the_first_thing_a_fresh_server_is_asked_for_may_be_a_board(address: str, open_page: OpenPage) -> None:
    page = open_page(f"{address}/inspection?board=2")
    expect(page.get_by_text("look at these 4 places")).to_be_visible(timeout=SOON)


def test_from_the_alarm_to_the_record_by_keyboard(address: str, open_page: OpenPage) -> None:
    page = open_page(address, operator=STRANGER)
    expect(page.get_by_text("Set board 20UPGPQ2600102 aside")).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="Go to this alarm").click()
    page.get_by_role("link", name="Open the board at the inspection station").click()
    expect(page.get_by_text("look at these 4 places")).to_be_visible(timeout=SOON)
    expect(page).to_have_url(re.compile(r"/inspection\?board=\d+$"), timeout=SOON)

    page.get_by_label("Your name").fill("Anna Keller")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Anna Keller")).to_be_visible(timeout=SOON)

    settle(page)
    for key, then in (("a", "1 of 4"), ("x", "2 of 4"), ("2", "3 of 4"), ("x", "4 of 4")):
        page.keyboard.press(key)
        expect(page.get_by_text(f"{then} decided")).to_be_visible(timeout=SOON)
        settle(page)
    page.keyboard.press("s")
    expect(page.get_by_text("Stored: 20UPGPQ2600102, failed: 2 defects")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("20UPGPQ2600103: look at these 2 places")).to_be_visible(timeout=SOON)

    ((record,),) = download(page)
    assert (record["serialNumber"], record["testType"]) == ("20UPGPQ2600102", "VISUAL_INSPECTION")
    assert record["results"]["property"]["OPERATOR"] == "Anna Keller"
    assert "Red.Contamination_Wirebonding_pad" in json.dumps(record["results"]["Metadata"]["front_defects"])

    page.get_by_role("link", name="Open it again").click()
    expect(page.get_by_text("by Anna Keller")).to_be_visible(timeout=SOON)


def test_keys_pressed_in_a_burst_answer_only_what_was_shown(address: str, open_page: OpenPage) -> None:
    page = open_page(f"{address}/inspection?board=3")
    expect(page.get_by_text("0 of 2 decided")).to_be_visible(timeout=SOON)
    settle(page)
    for key in "xx":
        page.keyboard.press(key)
    expect(page.get_by_text(re.compile("[12] of 2 decided"))).to_be_visible(timeout=SOON)
    expect(page.locator(".frame.clean").first).to_be_visible()
    expect(page.locator(".frame.defect")).to_have_count(0)


def test_keys_move_and_do_nothing_while_a_name_is_typed(address: str, open_page: OpenPage) -> None:
    page = open_page(f"{address}/inspection?board=3", operator=STRANGER)
    expect(page.get_by_text("0 of 2 decided")).to_be_visible(timeout=SOON)
    settle(page)
    page.keyboard.press("j")
    expect(page.get_by_text("Place 2 of 2")).to_be_visible(timeout=SOON)
    page.keyboard.press("k")
    expect(page.get_by_text("Place 1 of 2")).to_be_visible(timeout=SOON)
    page.get_by_label("Your name").press_sequentially("Jax A")
    page.wait_for_timeout(500)
    expect(page.get_by_text("0 of 2 decided")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Jax A")).to_be_visible(timeout=SOON)
    page.reload()
    expect(page.get_by_text("Jax A")).to_be_visible(timeout=SOON)


def test_the_heat_map_replaces_the_photo_and_frames_stay_on_their_places(address: str, open_page: OpenPage) -> None:
    page = open_page(f"{address}/inspection?board=3")
    photo = page.locator(".st-key-board_view img")
    expect(photo).to_be_visible(timeout=SOON)
    before = photo.get_attribute("src")
    expect(page.get_by_role("button", name="Show heat map")).to_be_visible(timeout=SOON)
    settle(page)
    page.keyboard.press("h")
    expect(page.get_by_role("button", name="Show photo")).to_be_visible(timeout=SOON)
    assert before is not None
    expect(photo).not_to_have_attribute("src", before, timeout=SOON)
    image, frames = photo.bounding_box(), page.locator(".frames").bounding_box()
    assert image is not None
    assert frames is not None
    for side in ("x", "y", "width", "height"):
        assert abs(image[side] - frames[side]) < 3, (side, image, frames)


def test_answering_sends_no_picture_of_the_board_again(address: str, open_page: OpenPage) -> None:
    page = open_page(f"{address}/inspection?board=3")
    photo = page.locator(".st-key-board_view img")
    expect(photo).to_be_visible(timeout=SOON)
    before = photo.get_attribute("src")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    settle(page)
    page.keyboard.press("j")
    expect(page.get_by_text("Place 2 of 2")).to_be_visible(timeout=SOON)
    assert photo.get_attribute("src") == before
    assert before is not None
    assert not [url for url in asked if url.endswith(before.split("?")[0])]


def test_the_browser_asks_no_other_machine_for_anything(address: str, open_page: OpenPage) -> None:
    page = open_page("about:blank")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in ("", "/alarms", "/inspection?board=2"):
        page.goto(address + path)
        page.wait_for_timeout(2500)
    outside = [url for url in asked if not url.startswith((address, "data:", "blob:", "about:"))]
    assert not outside


def test_pages_have_alternative_texts_and_one_theme_per_preference(address: str, open_page: OpenPage) -> None:
    backgrounds = {}
    for scheme in ("light", "dark"):
        page = open_page(f"{address}/inspection?board=3", scheme)
        expect(page.locator(".st-key-board_view img")).to_be_visible(timeout=SOON)
        for picture in page.locator("img").all():
            assert picture.get_attribute("alt"), picture.get_attribute("src")
        backgrounds[scheme] = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    assert brightness(backgrounds["light"]) > 200
    assert brightness(backgrounds["dark"]) < 60


def download(page: Page) -> Any:
    with page.expect_download() as caught:
        page.get_by_role("button", name="Download the record").first.click()
    return json.loads(Path(caught.value.path()).read_text())


def brightness(colour: str) -> float:
    numbers = [float(part) for part in re.findall(r"[\d.]+", colour)[:3]]
    return sum(numbers) / 3
