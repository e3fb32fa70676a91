"""The plasma page in a real browser: its screenshots, and a shifter's way from the overview to the shot."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import expect

from accelerator.schlieren.incidents import incidents
from accelerator.schlieren.simulate.shift import Episode, ShiftSettings, simulate_shift
from accelerator.schlieren.system import SCHLIEREN
from core.contracts import Arrival, Settled
from core.settings import Settings
from tests.app import schlieren_shots as shots
from tests.e2e.conftest import OpenPage, Serve, press, settle

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
SOON = 180_000
ESSENTIALS = {"width": 1280, "height": 720}
SHOTS = {
    "schlieren-good": ("judged good", "/plasma", "Nothing needs you right now"),
    "schlieren-no-ionisation": ("judged no ionisation", "/plasma", "Bad shot"),
    "schlieren-drift": ("judged drift", "/plasma", "since the run began"),
    "schlieren-frozen": ("frozen", "/plasma", "Camera frozen"),
    "schlieren-not-judged": ("not judged", "/plasma", "could not be judged"),
    "schlieren-empty": ("empty", "/plasma", "No shot yet"),
    "schlieren-overview": ("no ionisation", "/", "AWAKE plasma"),
    "schlieren-alarm": ("no ionisation", "/alarms?alarm=1", "History"),
}


@pytest.fixture(scope="module")
def addresses(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the address of a dashboard for each story; what is judged, the real detector judged."""
    now = datetime.now(UTC) + timedelta(minutes=3)  # so that the last shot is no old one when its picture is taken
    stories = {
        "judged good": _judged(tmp_path_factory.mktemp("good"), now, shots.good()),
        "judged no ionisation": _judged(tmp_path_factory.mktemp("none"), now, shots.no_ionisation()),
        "judged drift": _judged(tmp_path_factory.mktemp("drift"), now, shots.drift()),
        "no ionisation": shots.settle(shots.no_ionisation(), now),
        "frozen": shots.settle(shots.frozen(), now),
        "not judged": [
            *shots.settle(shots.good(), now - timedelta(minutes=1)),
            shots.not_judged("is no HDF5 file that can be read: truncated file", now),
        ],
        "empty": [],
    }
    return {name: serve(shots.home(tmp_path_factory.mktemp("plasma"), found)) for name, found in stories.items()}


def _judged(folder: Path, until: datetime, episodes: tuple[Episode, ...]) -> list[Settled]:
    """Return a run as the watch would settle it, judged by the detector that runs."""
    began = until - shots.PERIOD * (shots.GOOD - 1)
    run = ShiftSettings(shots.RUN, began, shots.GOOD, shots.PERIOD.total_seconds(), episodes=episodes)
    detector, settled = SCHLIEREN.detector(Settings(home=folder)), list[Settled]()
    for event in simulate_shift(run, 3):
        seen = shots.observe(event)
        verdict = detector.judge(seen)
        told = tuple(incidents(seen, verdict))
        at = seen.observed_at + timedelta(seconds=2)
        settled.append(Settled(Arrival(seen.key, seen.origin), seen, verdict, at, told))
    return settled


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SHOTS)
def test_page_shows_the_essentials_without_scrolling_and_no_error(
    addresses: dict[str, str], album: Path, open_page: OpenPage, name: str, scheme: str
) -> None:
    story, path, words = SHOTS[name]
    page = open_page(addresses[story] + path, scheme)
    page.set_viewport_size(ESSENTIALS)  # type: ignore[arg-type]
    expect(page.get_by_text(words).first).to_be_visible(timeout=SOON)
    settle(page)
    expect(page.locator('[data-stale="true"]')).to_have_count(0, timeout=SOON)
    shot = album / f"{name}-{scheme}.jpg"
    page.screenshot(path=shot, type="jpeg", quality=85)
    assert shot.stat().st_size > 5000
    assert page.locator('[data-testid="stException"]').count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    boxes = []
    for essential in page.locator(".its-title, .shot img, .params, [class*='st-key-incident_now'], .chart").all():
        box = essential.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= ESSENTIALS["height"]
        boxes.append((box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]))
    overlapping = [(one, other) for n, one in enumerate(boxes) for other in boxes[n + 1 :] if _overlap(one, other)]
    assert not overlapping


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] - 1 and other[0] < one[2] - 1 and one[1] < other[3] - 1 and other[1] < one[3] - 1


def test_from_the_overview_to_the_shot_by_keyboard(addresses: dict[str, str], open_page: OpenPage) -> None:
    page = open_page(addresses["no ionisation"])
    expect(page.get_by_text("No ionisation. Look at the energy meters")).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="Go to this alarm").click()
    page.get_by_role("link", name="Open this shot on the plasma page").click()
    expect(page.locator(".shot img").first).to_be_visible(timeout=SOON)
    settle(page)
    assert page.locator(".shot i.edge").count() == 0
    for number in (23, 22, 21):
        press(page, "ArrowLeft", expect(page.get_by_text(f"shot {number} ·")).to_be_visible)
        settle(page)
    expect(page.get_by_text("Good shot")).to_be_visible(timeout=SOON)
    expect(page).to_have_url(re.compile("shot="), timeout=SOON)
    expect(page.locator(".shot i.edge")).to_have_count(6, timeout=SOON)
    press(page, "h", partial(expect(page.locator(".shot i.edge")).to_have_count, 0))
    press(page, "l", expect(page.get_by_role("button", name="Latest")).to_be_disabled)


def test_the_table_is_downloaded(addresses: dict[str, str], open_page: OpenPage) -> None:
    page = open_page(f"{addresses['no ionisation']}/plasma")
    expect(page.get_by_role("button", name="CSV")).to_be_visible(timeout=SOON)
    settle(page)
    with page.expect_download(timeout=SOON) as waiting:
        page.get_by_role("button", name="CSV").click()
    lines = Path(waiting.value.path()).read_text().splitlines()
    assert lines[0].startswith("observed_at,run,event,camera,quality,cause")
    assert len(lines) == 1 + shots.GOOD
    assert waiting.value.suggested_filename.endswith(".csv")


def test_a_new_shot_appears_by_itself(serve: Serve, open_page: OpenPage, tmp_path: Path) -> None:
    now = datetime.now(UTC) - timedelta(seconds=5)
    settled = shots.settle(shots.good(), now, shots=4)
    page = open_page(f"{serve(shots.home(tmp_path, settled[:3]))}/plasma")
    expect(page.get_by_text("shot 3 ·")).to_be_visible(timeout=SOON)
    shots.home(tmp_path, settled[3:])
    expect(page.get_by_text("shot 4 ·")).to_be_visible(timeout=20_000)
