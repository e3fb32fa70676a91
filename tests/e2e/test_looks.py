"""What is chosen can be told from what is not, in light and dark (WCAG 2.2, 1.4.11: 3 to 1)."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import OpenPage, Serve, settle

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
ENOUGH = 3.0


@pytest.fixture(scope="module")
def address(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> str:
    return serve(tmp_path_factory.mktemp("empty"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chosen_segment_is_framed_so_that_it_stands_out(
    address: str, open_page: OpenPage, album: Path, scheme: str
) -> None:
    page = open_page(f"{address}/health", scheme)
    chosen = page.locator('.stButtonGroup button[aria-checked="true"]').first
    expect(chosen).to_be_visible(timeout=60_000)
    settle(page)
    page.screenshot(path=album / f"health-empty-{scheme}.jpg", type="jpeg", quality=85)
    ground = light_of(page.locator(".stApp"), "background-color")
    assert contrast(light_of(chosen, "border-top-color"), ground) >= ENOUGH
    other = page.locator('.stButtonGroup button[aria-checked="false"]').first
    assert contrast(light_of(other, "border-top-color"), ground) < ENOUGH


def light_of(what: Locator, name: str) -> float:
    """Return the relative luminance of a colour of an element, as WCAG defines it."""
    told = what.evaluate(f"one => getComputedStyle(one).getPropertyValue('{name}')")
    parts = [float(one) / 255 for one in re.findall(r"[\d.]+", told)[:3]]
    linear = [one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)
