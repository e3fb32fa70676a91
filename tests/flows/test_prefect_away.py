"""The Prefect server dies under running watches: it is said within seconds, what arrives is judged, all comes back."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from core.clock import ManualClock
from core.settings import Settings
from core.signs import SCHEDULE, WATCH
from core.store import Store
from core.store.views import Heartbeat
from flows.deploying import GAVE_UP, is_outage
from flows.schedule import REFUSED, Schedule, answer
from tests.flows.conftest import Server, new_server, up, wait_for
from tests.flows.fakes import NAME, drop, inbox
from tests.flows.test_serve import SERVE, kill_run

DEPLOYMENT = f"watch-{NAME}"


@pytest.mark.slow
def test_a_server_that_dies_is_told_of_and_nobody_waits_for_it(tmp_path: Path) -> None:
    settings, server = Settings(home=tmp_path / "site"), new_server(tmp_path)
    variables = {"SHIFTWATCH_HOME": str(settings.home), "SHIFTWATCH_POLL_S": "0.2"}
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()

        def sign(flow: str) -> Heartbeat:
            return next(beat for beat in store.heartbeats() if (beat.system, beat.flow) == (NAME, flow))

        def arrives(element: str, timeout_s: float) -> None:
            drop(inbox(settings), element, element=element)
            wait_for(lambda: store.history(NAME, element), timeout_s, server)

        running = _running(server)
        with up(server) as process, server.child(*SERVE, **variables) as serving:
            arrives("FIRST", 90)
            wait_for(running, 60, server)
            assert sign(SCHEDULE).ok
            kill_run(serving)
            wait_for(lambda: not sign(WATCH).ok and "died" in sign(WATCH).detail, 10, server)
            arrives("SECOND", 60)
            wait_for(lambda: sign(WATCH).ok, 30, server)
            process.kill()
            process.wait()
            wait_for(lambda: not sign(SCHEDULE).ok, 15, server)
            assert server.url in sign(SCHEDULE).detail
            arrives("THIRD", 120)
            with up(server):
                wait_for(lambda: sign(SCHEDULE).ok, 15, server)
                wait_for(running, 120, server)
                arrives("FOURTH", 60)
        assert sorted(view.element for view in store.observations(NAME)) == ["FIRST", "FOURTH", "SECOND", "THIRD"]


def _running(server: Server) -> Callable[[], bool]:
    return lambda: any(run["state_type"] == "RUNNING" for run in server.runs(DEPLOYMENT))


def test_a_busy_server_is_no_dead_one_and_one_that_starts_has_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, clock, said = Settings(home=tmp_path), ManualClock(), "timed out"
    monkeypatch.setattr("flows.schedule.answer", lambda _: said)
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        schedule = Schedule(store, ["flex", "its"], "http://host/api", clock)

        def fine(seconds: float) -> bool:
            clock.sleep(seconds)
            schedule.look()
            signs = {beat.system: beat for beat in store.heartbeats()}
            assert {beat.at for beat in signs.values()} == {clock.now()}
            assert signs["flex"].ok is signs["its"].ok
            return signs["flex"].ok

        assert fine(0)
        assert fine(60)
        assert not fine(90)
        said = None
        assert fine(5)
        said = "timed out"
        assert fine(10)
        assert not fine(10)
        said = None
        assert fine(5)
        said = REFUSED
        assert not fine(5)


def test_a_store_that_is_away_does_not_end_the_signs(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'empty.db'}", tmp_path) as without_tables:
        Schedule(without_tables, ["flex"], "http://127.0.0.1:9/api", ManualClock()).look()
    assert answer("http://127.0.0.1:9/api") == REFUSED


def test_only_a_server_that_does_not_answer_counts_as_an_outage() -> None:
    request = httpx.Request("GET", "http://host")
    outage = RuntimeError(f"Service {GAVE_UP}.")
    assert is_outage(ExceptionGroup("tasks", [ExceptionGroup("loops", [outage])]))
    assert is_outage(httpx.ConnectError("refused"))
    assert is_outage(httpx.HTTPStatusError("", request=request, response=httpx.Response(503)))
    assert not is_outage(httpx.HTTPStatusError("", request=request, response=httpx.Response(422)))
    assert not is_outage(ExceptionGroup("tasks", [ValueError("a bug")]))
