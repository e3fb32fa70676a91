"""The real dashboard on a free port, on a store filled with boards as the watch would judge them, and a browser."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from app.scanner import PRODUCT_SEED
from app.supervision import Crew, Service, crew, free_port
from core.contracts import Detector, Settled
from core.settings import FlexSettings, Settings
from core.store import Store
from core.verdict import Quality
from inspection.flex.detector import FlexDetector
from inspection.flex.simulate.boards import design, photograph
from tests.app.boards import broken, fill, judged, observed, real_picture, settled

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SLOWEST_MS = 180_000
AGAIN_MS = 30_000
STRANGER = ""
VIEW = {"width": 1440, "height": 900}
OpenPage = Callable[..., Page]
Serve = Callable[[Path], str]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Return Chromium, or skip; closed before other tests: Playwright keeps a loop running in this thread."""
    found = shutil.which("chromium") or (CHROMIUM if Path(CHROMIUM).exists() else None)
    if found is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    expect.set_options(timeout=SLOWEST_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Return a function that starts the dashboard on a home folder and returns its address."""
    with crew(tmp_path_factory.mktemp("logs")) as members:
        yield lambda home: _start(members, home)


@pytest.fixture(scope="module")
def filled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the home of a shift: two good boards, two with marked places, one file cut short."""
    home = tmp_path_factory.mktemp("home")
    now = datetime.now(UTC)
    boards = [
        judged(real_picture((), 1), "20UPGPQ2600101", Quality.GOOD, now - timedelta(minutes=22)),
        judged(
            real_picture(("burn", "fibre", "pad_stain"), 2, 1),
            "20UPGPQ2600102",
            Quality.BAD,
            now - timedelta(minutes=14),
        ),
        judged(
            real_picture(("mask_scratch", "solder_spill"), 3),
            "20UPGPQ2600103",
            Quality.MEDIUM,
            now - timedelta(minutes=8),
        ),
        judged(real_picture((), 4), "20UPGPQ2600104", Quality.GOOD, now - timedelta(minutes=5)),
    ]
    _store(home, boards, now)
    return home


@pytest.fixture(scope="module")
def shift_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the home of a like shift that nobody made up: the shipped model judged every photo."""
    home = tmp_path_factory.mktemp("shift")
    detector = FlexDetector.load(Settings(home=home, flex=FlexSettings(product="synthetic")))
    now = datetime.now(UTC)
    wanted = (
        ("20UPGPQ2600101", (), Quality.GOOD, 22),
        ("20UPGPQ2600102", ("burn", "fibre", "pad_stain"), Quality.BAD, 14),
        ("20UPGPQ2600103", ("mask_scratch",), Quality.MEDIUM, 8),
        ("20UPGPQ2600104", (), Quality.GOOD, 5),
    )
    boards = [
        _first_so_judged(detector, element, defects, quality, now - timedelta(minutes=minutes))
        for element, defects, quality, minutes in wanted
    ]
    _store(home, boards, now)
    return home


def _store(home: Path, boards: list[Settled], now: datetime) -> None:
    """Store the boards of a shift, and a file cut short that came last."""
    name, reason = "20UPGPQ2600105_PCB_RECEPTION_Front.jpg", "image file is truncated (41 bytes not processed)"
    with Store.open(f"sqlite:///{home / 'shiftwatch.db'}", home / "artefacts") as store:
        fill(store, [*boards, broken(name, reason, now - timedelta(minutes=1))], now + timedelta(minutes=5))


def _first_so_judged(
    detector: Detector, element: str, defects: tuple[str, ...], quality: Quality, at: datetime
) -> Settled:
    """Judge photo after photo of a board with these defects until one is judged so: a model errs now and then."""
    for seed in range(8):
        rng = np.random.default_rng([int(element[-4:]), seed])
        observation = observed(photograph(design(PRODUCT_SEED), rng, defects).image, element, at)
        verdict = detector.judge(observation)
        if verdict.quality is quality:
            return settled(observation, verdict)
    raise AssertionError(f"not one of eight boards with {defects or 'no defect'} was judged {quality}")


@pytest.fixture(scope="module")
def profiles(browser: Browser) -> Iterator[dict[tuple[str, str], BrowserContext]]:
    """Return the browser profiles so far; they are shared, for a fresh one must compile the whole page again."""
    known: dict[tuple[str, str], BrowserContext] = {}
    yield known
    for context in known.values():
        context.close()


@pytest.fixture
def open_page(browser: Browser, profiles: dict[tuple[str, str], BrowserContext]) -> Iterator[OpenPage]:
    """Return a function that opens an address in a tab; a ``stranger`` has told no name yet."""
    tabs: list[Page] = []

    def open_at(address: str, scheme: str = "light", operator: str = "Anna Keller") -> Page:
        if (scheme, operator) not in profiles or operator == STRANGER:
            profiles[scheme, operator] = _profile(browser, scheme, operator)
        page = profiles[scheme, operator].new_page()
        tabs.append(page)
        page.goto(address)
        return page

    yield open_at
    for page in tabs:
        page.close()


def _profile(browser: Browser, scheme: str, operator: str) -> BrowserContext:
    context = browser.new_context(viewport=VIEW, color_scheme=scheme, timezone_id="Europe/Zurich")  # type: ignore[arg-type]
    context.set_default_timeout(SLOWEST_MS)
    if operator != STRANGER:
        name = {"name": "shiftwatch_operator", "value": quote(operator), "domain": "127.0.0.1", "path": "/"}
        context.add_cookies([name])  # type: ignore[list-item]
    return context


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where screenshots go: into the documentation only when asked (SHIFTWATCH_SCREENSHOTS=1)."""
    if os.environ.get("SHIFTWATCH_SCREENSHOTS") == "1":
        folder = ROOT / "docs" / "screenshots"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    return tmp_path_factory.mktemp("screenshots")


def _start(members: Crew, home: Path) -> str:
    port = free_port(0)
    address = f"http://127.0.0.1:{port}"
    name = f"dashboard-{port}"
    script = str(ROOT / "app" / "dashboard" / "main.py")
    command = [sys.executable, "-m", "streamlit", "run", script, f"--server.port={port}"]
    environment = {"SHIFTWATCH_HOME": str(home), "PYTHONPATH": str(ROOT)}
    members.start(Service(name, command, environment, f"{address}/_stcore/health"))
    members.wait_ready(name, timeout_s=180)
    return address


def press(page: Page, key: str, shows: Callable[..., None]) -> None:
    """Press a key until it shows: again if nothing happens, as a person does where the page just refreshed itself."""
    for patience_ms in (AGAIN_MS, AGAIN_MS):
        page.keyboard.press(key)
        with suppress(AssertionError):
            shows(timeout=patience_ms)
            return
    page.keyboard.press(key)
    shows(timeout=SLOWEST_MS)


def settle(page: Page) -> None:
    """Wait until the page is drawn and its keys are alive."""
    expect(page.locator('[data-test-script-state="notRunning"]').first).to_be_visible(timeout=SLOWEST_MS)
    expect(page.locator('[data-testid="stSkeleton"]')).to_have_count(0, timeout=SLOWEST_MS)
    page.wait_for_timeout(500)
