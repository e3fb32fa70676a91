"""A signal ends every part in good order: status 0 within Docker's grace, nothing lost or doubled, no child left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from app.supervision import answers, free_port
from core.logs import FORMAT
from core.settings import Settings
from core.store import Store
from tests.flows.conftest import ROOT, Server, wait_for
from tests.flows.fakes import NAME, drop, inbox

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
GRACE_S = float(COMPOSE["x-part"]["stop_grace_period"].removesuffix("s"))
FILES = 30
SIGNALS = [signal.SIGTERM, signal.SIGINT]
SYSTEM = "tests.flows.fakes:FAKE"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path)
    with Store.open(made.url, made.artefacts) as store:
        store.upgrade()
    return made


@contextmanager
def part(settings: Settings, *command: str, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a part of the console in a group of its own, with logs as JSON; whatever is left is killed."""
    environment = {**os.environ, "SHIFTWATCH_HOME": str(settings.home), FORMAT: "json", **variables}
    with (settings.home / "part.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=environment, stderr=log, stdout=log, start_new_session=True
        )
    try:
        yield process
    finally:
        for pid in group(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()


def group(number: int) -> list[int]:
    """Return the living processes of a group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == number and fields[0] != "Z":
            found.append(int(folder.name))
    return found


def ended(process: "subprocess.Popen[bytes]", number: signal.Signals) -> float:
    """Send a signal to the process alone, as an engine does; return how long the end took."""
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(timeout=GRACE_S) == 0
    took_s = time.monotonic() - began
    assert not group(process.pid)
    return took_s


def log_lines(settings: Settings) -> list[dict[str, object]]:
    return [json.loads(line) for line in (settings.home / "part.log").read_text().splitlines()]


def seen(settings: Settings) -> Counter[str]:
    with Store.open(settings.url, settings.artefacts) as store:
        return Counter(view.element for view in store.observations(NAME, limit=10 * FILES))


def deliver(settings: Settings) -> set[str]:
    for number in range(FILES):
        drop(inbox(settings), f"f{number:03d}", element=f"E{number}", serial=number)
    return {f"E{number}" for number in range(FILES)}


@pytest.mark.slow
def test_a_worker_without_a_server_takes_its_stand_ins_with_it(settings: Settings) -> None:
    every = deliver(settings)
    variables = {"SHIFTWATCH_POLL_S": "0.2", "FAKE_DELAY_S": "0.2"}
    script = (
        "from flows.leaving import leave_by_signals\nfrom flows.standing_in import stand_in\n"
        f"leave_by_signals()\nstand_in([{SYSTEM!r}], lambda: False)"
    )
    with part(settings, "-c", script, **variables) as process:
        until(lambda: len(seen(settings)) > 3)
        ended(process, signal.SIGTERM)
    assert seen(settings).keys() < every
    assert set(seen(settings).values()) == {1}


@pytest.mark.slow
def test_the_worker_gives_back_what_it_has_in_hand(
    prefect_server: Server, settings: Settings, heard_interrupts: None
) -> None:
    every = deliver(settings)
    variables = {**prefect_server.environment, "SHIFTWATCH_POLL_S": "0.2", "FAKE_DELAY_S": "0.3"}
    serve = ("-m", "flows.serve", "--system", SYSTEM, "--window", "600")
    with part(settings, *serve, **variables) as process:
        wait_for(lambda: len(seen(settings)) > 3, 90, prefect_server)
        ended(process, signal.SIGTERM)
    half = seen(settings)
    assert 3 < len(half) < FILES  # in the midst of its work
    with part(settings, *serve, **variables) as process:  # the schedule was not paused, no place is held
        wait_for(lambda: set(seen(settings)) == every, 120, prefect_server)
        ended(process, signal.SIGINT)
    assert set(seen(settings).values()) == {1}
    assert {line["part"] for line in log_lines(settings)} == {"worker"}  # Prefect's lines among them


@pytest.mark.parametrize("number", SIGNALS)
def test_a_watch_by_hand_finishes_its_batch(settings: Settings, number: signal.Signals, heard_interrupts: None) -> None:
    every = deliver(settings)
    variables = {"SHIFTWATCH_POLL_S": "0.2", "FAKE_DELAY_S": "0.1"}
    watch = ("-m", "flows.watching", "--system", SYSTEM, "--window", "600")
    with part(settings, *watch, **variables) as process:
        until(lambda: len(seen(settings)) > 3)
        ended(process, number)
    assert 3 < len(seen(settings)) < FILES
    with part(settings, *watch, **variables) as process:
        until(lambda: set(seen(settings)) == every)
        ended(process, number)
    assert set(seen(settings).values()) == {1}
    assert {line["part"] for line in log_lines(settings)} == {"watch"}


@pytest.mark.parametrize("number", SIGNALS)
def test_the_guard_ends_its_round(settings: Settings, number: signal.Signals, heard_interrupts: None) -> None:
    with part(settings, "-m", "flows.guarding", "--system", SYSTEM, "--every", "60") as process:
        with Store.open(settings.url, settings.artefacts) as store:
            until(lambda: [beat for beat in store.heartbeats() if beat.flow == "guard"])
        assert ended(process, number) < 5
    log_lines(settings)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_dashboard_ends_with_a_page_open(
    settings: Settings, number: signal.Signals, heard_interrupts: None
) -> None:
    port = free_port(0)
    run = ("-m", "streamlit", "run", str(ROOT / "app/dashboard/main.py"), f"--server.port={port}")
    with part(settings, *run, STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE="true") as process:
        until(lambda: answers(f"http://127.0.0.1:{port}/_stcore/health"))
        with connect(f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=[Subprotocol("streamlit")]):
            assert ended(process, number) < 10


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)
