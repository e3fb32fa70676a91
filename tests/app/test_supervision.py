"""Children are started, waited for, and all gone afterwards, grandchildren included."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.supervision import Service, ServiceError, answers, crew, free_port, marked

SLEEPER = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; print(1, flush=True); time.sleep(60)"
)
PARENT = (
    "import subprocess, sys, time;"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True); time.sleep(60)"
)
ROOT = Path(__file__).resolve().parents[2]


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def wait_for(condition: object, timeout_s: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found through /proc")
def test_nothing_is_left_behind_not_even_a_grandchild_in_a_session_of_its_own(tmp_path: Path) -> None:
    with crew(tmp_path) as members:
        members.start(Service("parent", python(PARENT)))
        members.start(Service("sleeper", python(SLEEPER)))
        assert wait_for(lambda: len(marked(members.mark)) == 3)
        mark = members.mark
    assert wait_for(lambda: not marked(mark))


def test_a_child_that_ignores_polite_signals_is_killed(tmp_path: Path) -> None:
    with crew(tmp_path) as members:
        members.start(Service("stubborn", python(STUBBORN)))
        child = members.running["stubborn"]
        assert wait_for((tmp_path / "stubborn.log").read_text)
        members.stop(grace_s=0.5)
        assert child.poll() == -signal.SIGKILL


def test_children_end_also_when_the_body_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), crew(tmp_path) as members:  # noqa: PT012
        members.start(Service("sleeper", python(SLEEPER)))
        child = members.running["sleeper"]
        raise ZeroDivisionError
    assert child.poll() is not None


def test_a_child_that_ends_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with crew(tmp_path) as members:
        members.start(
            Service("failing", python("print('the reason'); raise SystemExit(7)"), ready_url="http://127.0.0.1:9/")
        )
        with pytest.raises(ServiceError, match=r"failing stopped with status 7(?s:.*)the reason"):
            members.wait_ready("failing", timeout_s=20)


def test_a_silent_child_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    with crew(tmp_path) as members:
        members.start(Service("silent", python(SLEEPER), ready_url=f"http://127.0.0.1:{free_port(0)}/"))
        with pytest.raises(ServiceError, match="silent did not answer within 1 s"):
            members.wait_ready("silent", timeout_s=1)


def test_a_service_that_answers_is_ready(tmp_path: Path) -> None:
    port = free_port(0)
    url = f"http://127.0.0.1:{port}/"
    with crew(tmp_path) as members:
        command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
        members.start(Service("web", command, ready_url=url))
        members.wait_ready("web", timeout_s=20)
        assert answers(url)
    assert not answers(url)


def test_a_taken_port_gives_another_one() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert free_port(taken.getsockname()[1]) != taken.getsockname()[1]


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found through /proc")
@pytest.mark.usefixtures("heard_interrupts")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_children_end_with_the_command_however_it_ends(tmp_path: Path, number: signal.Signals) -> None:
    code = (
        "import sys, time; from pathlib import Path; from app.supervision import *\n"
        "with crew(Path(sys.argv[1])) as members:\n"
        "    members.start(Service('sleeper', [sys.executable, '-c', 'import time; time.sleep(60)']))\n"
        "    print(members.mark, flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [*python(code), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    ) as run:
        assert run.stdout is not None
        mark = run.stdout.readline().strip()
        assert wait_for(lambda: len(marked(mark)) == 1)
        time.sleep(0.3)
        run.send_signal(number)
        run.wait(20)
    assert wait_for(lambda: not marked(mark))


def test_what_ended_is_started_again_ever_later_and_its_log_is_kept(tmp_path: Path) -> None:
    said: list[str] = []
    with crew(tmp_path) as members:
        members.start(Service("mayfly", python("import os; print('lived', os.getpid())")))
        members.start(Service("sleeper", python(SLEEPER)))
        sleeper = members.running["sleeper"]

        def falls() -> int:
            members.revive(said.append)
            return len(said)

        assert wait_for(lambda: falls() == 3, 15.0)
        assert ["1 s" in said[0], "2 s" in said[1], "4 s" in said[2]] == [True] * 3
        assert "mayfly stopped with status 0" in said[0]
        assert len(set((tmp_path / "mayfly.log").read_text().split()) - {"lived"}) == 3
        assert members.running["sleeper"] is sleeper
        os.killpg(sleeper.pid, signal.SIGKILL)
        assert wait_for(lambda: falls() and members.running["sleeper"] is not sleeper)
        assert members.running["sleeper"].poll() is None
