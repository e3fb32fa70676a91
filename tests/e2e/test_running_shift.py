"""The demo half an hour into its shift, in true time: all parts run, every system says how it is. README's picture."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.supervision import free_port
from tests.e2e.conftest import ROOT, OpenPage, settle

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]
PAST_MIN = 25
"""Of the shift is there at once: gas in front of side C, the laser drops out, a board fails."""
COMMAND = f"import app.demo; app.demo.PAST_S = {60 * PAST_MIN}; from app.cli import main; main()"
LONGEST_MS = 1_200_000
STATES = re.compile(r"All well|Worth a look|\d+ alarms?|\d+ notices?")
ALARM = re.compile(r"\d+ alarms?")
SEEN = {"ITS": ALARM, "AWAKE plasma": ALARM, "LHC collimation": re.compile("All well")}
"""What they say by then; which alarm is the most urgent depends on how fast the machine judges."""


@pytest.fixture
def address(tmp_path: Path, heard_interrupts: None) -> Iterator[str]:
    """Start the demo as a user does, with less of the past; return where its dashboard will be."""
    port = free_port(0)
    command = [sys.executable, "-c", COMMAND, "demo", "--speed", "1", "--port", str(port)]
    environment = {**os.environ, "SHIFTWATCH_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        while "dashboard is up" not in (line := demo.stdout.readline()):
            assert line, "the demo ended"
        yield f"http://127.0.0.1:{port}"
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
        assert demo.wait(120) in {0, 130}


def test_half_an_hour_into_the_shift_all_parts_run_and_every_system_says_how_it_is(
    address: str, open_page: OpenPage, album: Path
) -> None:
    page = open_page(address, operator="Nora Weber")
    expect(page.locator(".parts")).to_contain_text("Watches: 4 of 4", timeout=LONGEST_MS)
    for system, said in SEEN.items():
        tile = page.locator(".tile", has_text=system)
        expect(tile.locator(".tile-word")).to_have_text(said, timeout=LONGEST_MS)
    for word in page.locator(".tile-word").all():
        expect(word).to_have_text(STATES, timeout=LONGEST_MS)
    settle(page)
    page.screenshot(path=album / "shift-overview-light.jpg", type="jpeg", quality=85)
    expect(page.locator(".part.blind")).to_have_count(0)
    assert [one for one in page.locator(".tile-word").all_inner_texts() if not STATES.fullmatch(one)] == []
