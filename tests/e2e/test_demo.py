"""The demo as a user types it: the whole path through the scheduled watch, and a clean end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.supervision import MARK, answers, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "from app.cli import main; main()", "demo")


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "SHIFTWATCH_HOME": str(home), "PYTHONPATH": str(ROOT)}


def children_of_any_crew(home: Path) -> list[int]:
    """Return the processes that a demo with this home has left, found by the mark and the home they carry."""
    wanted = (MARK.encode(), f"SHIFTWATCH_HOME={home}".encode())
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes()
        except OSError:
            continue
        if all(part in variables for part in wanted):
            found.append(int(folder.name))
    return found


def test_once_plays_the_shift_and_finds_every_incident_as_one_alarm(tmp_path: Path) -> None:
    """The first minutes, for all of it is played by test_newcomer: laser, gas, a board."""
    command = [*COMMAND, "--once", "--minutes", "22", "--port", str(free_port(0)), "--timeout", "1500"]
    done = subprocess.run(
        command, env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=1700, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "dashboard is up: http://127.0.0.1:" in said
    assert "the laser drops out" in said
    assert "MISSED" not in said
    assert "DOUBLED" not in said
    assert "done: all 3 incidents found, one alarm each" in said
    assert not children_of_any_crew(tmp_path)


@pytest.mark.usefixtures("heard_interrupts")
def test_the_dashboard_is_up_first_and_an_interrupt_ends_everything(tmp_path: Path) -> None:
    port = free_port(0)
    command = [*COMMAND, "--port", str(port)]
    with subprocess.Popen(command, env=environment(tmp_path), cwd=tmp_path, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert "starting" in demo.stdout.readline()
        assert "dashboard is up" in demo.stdout.readline()
        assert answers(f"http://127.0.0.1:{port}/_stcore/health")
        time.sleep(2)
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()
        assert demo.wait(60) == 0, rest
    assert "stopping" in rest
    assert "Traceback" not in rest
    assert not children_of_any_crew(tmp_path)
