"""The guard: notifications over a real web server, failures are retried, dead watches are alarms, nothing waits."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core.alarms.events import AlarmAction
from core.alarms.severity import Severity
from core.clock import ManualClock
from core.contracts import AlarmRule
from core.errors import NotifyError, StoreError
from core.settings import ChannelSettings, NotifySettings, Settings
from core.signs import CONSOLE, GUARD, MODEL
from core.store import Store
from core.store.views import Heartbeat
from flows.delivering import deliver, scrubbed
from flows.guarding import CONFIRMED, LATE, Guard, guard

SECRET = "s3cr3t-t0ken"
FLEX = "flex"


@dataclass
class Hook:
    """A web server that keeps what it is sent, or refuses it, or does not answer for a while."""

    got: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    delay_s: float = 0.0
    port: int = 0

    @property
    def url(self) -> str:
        return f"json://me:{SECRET}@127.0.0.1:{self.port}/hook/{SECRET}?rto=1&cto=1"


@pytest.fixture
def hook() -> Iterator[Hook]:
    kept = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(kept.delay_s)
            if kept.status == 200:
                kept.got.append(json.loads(body))
            self.send_response(kept.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Post:
    """A guard at a store, with a channel called ``room``."""

    store: Store
    guard: Guard
    clock: ManualClock

    def alarm(self, element: str = "board", severity: Severity = Severity.MAJOR) -> int:
        self.store.condition(FLEX, element, severity, self.clock.now(), f"{element} looks bad")
        return self.store.alarms()[0].id

    def later(self, **span: float) -> None:
        self.clock.at += timedelta(**span)
        self.guard.round()


@pytest.fixture
def post(tmp_path: Path, hook: Hook) -> Iterator[Post]:
    channels = {"room": ChannelSettings(url=hook.url, most_per_10_min=3)}  # type: ignore[arg-type]
    settings = Settings(home=tmp_path, notify=NotifySettings(console_url="http://console:8501", channels=channels))
    clock = ManualClock()
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        made = Guard(store, settings, {FLEX: AlarmRule()}, clock, deliver)
        made.begin()
        yield Post(store, made, clock)


def test_an_alarm_and_that_nobody_came_are_told_once_each(post: Post, hook: Hook) -> None:
    number = post.alarm()
    for _ in range(3):
        post.later(seconds=5)
    [first] = hook.got
    assert first["title"] == "MAJOR: flex, board"
    assert f"http://console:8501/alarms?alarm={number}" in first["message"]
    post.later(minutes=14)
    assert len(hook.got) == 1
    post.later(minutes=2)
    post.later(minutes=30)
    assert [message["title"] for message in hook.got[1:]] == ["OVERDUE, MAJOR: flex, board"]
    assert post.store.alarms()[0].overdue_at is not None


def test_who_is_quick_is_not_told(post: Post, hook: Hook) -> None:
    number = post.alarm()
    post.store.act(number, AlarmAction.ACKNOWLEDGE, "Ana", "", post.clock.now())
    post.later(minutes=40)
    assert not hook.got


def test_what_was_before_the_guard_and_minor_ones_are_not_told(post: Post, hook: Hook) -> None:
    post.alarm("early")
    with post.store.database.writing(FLEX) as session:
        from core.store.console_models import NotificationRow
        from core.store.models import WatermarkRow

        session.query(NotificationRow).delete()
        session.query(WatermarkRow).delete()
    post.guard.begin()
    post.alarm("minor", Severity.MINOR)
    post.later(seconds=5)
    assert not hook.got


def test_a_flood_is_a_few_messages(post: Post, hook: Hook) -> None:
    for number in range(30):
        post.alarm(f"b{number}")
        post.later(seconds=5)
    assert len(hook.got) == 3
    post.later(minutes=10)
    assert len(hook.got) == 4
    told = "\n".join(f"{message['title']}\n{message['message']}" for message in hook.got)
    assert "28 alarms (flex)" in told or "more" in told
    assert not post.store.channels(["room"])[0].waiting


def test_a_failed_delivery_is_kept_told_and_tried_again(post: Post, hook: Hook) -> None:
    hook.status = 500
    post.alarm()
    post.later(seconds=5)
    [state] = post.store.channels(["room"])
    assert (state.waiting, state.failing_since) == (1, post.clock.now())
    assert state.error
    assert SECRET not in state.error
    post.later(seconds=5)
    assert post.store.channels(["room"])[0].waiting == 1
    hook.status = 200
    post.later(minutes=5)
    assert len(hook.got) == 1
    assert post.store.channels(["room"])[0].error == ""


def test_what_could_not_be_told_before_somebody_came_is_told_nobody(post: Post, hook: Hook) -> None:
    hook.status = 500
    number = post.alarm()
    post.later(seconds=5)
    hook.status = 200
    post.store.act(number, AlarmAction.ACKNOWLEDGE, "Ana", "", post.clock.now())
    post.later(minutes=5)
    assert not hook.got
    assert not post.store.channels(["room"])[0].waiting


def test_a_server_that_does_not_answer_holds_up_no_watch(post: Post, hook: Hook) -> None:
    """While the guard waits for it, alarms go on being recorded."""
    hook.delay_s = 3.0
    post.alarm()
    thread = threading.Thread(target=post.guard.round)
    thread.start()
    time.sleep(0.3)
    began = time.monotonic()
    post.alarm("another")
    took = time.monotonic() - began
    assert thread.is_alive()
    thread.join()
    assert took < 1.0
    assert post.store.channels(["room"])[0].failing_since is not None


def test_no_part_of_an_address_is_told_or_shown(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    assert SECRET not in repr(post.guard.settings) + str(post.guard.settings.notify.channels)
    with pytest.raises(NotifyError) as caught:
        deliver(f"json://me:{SECRET}@127.0.0.1:1/{SECRET}", "title", "body")
    with pytest.raises(NotifyError) as unknown:
        deliver(f"nonsense://{SECRET}", "title", "body")
    assert SECRET not in f"{caught.value} {unknown.value} {caplog.text}"
    assert scrubbed("no tok%2Fen1 tok/en1 at host.cern.ch", "mmost://host.cern.ch/tok%2Fen1") == "no … … at …"


def test_a_watch_that_dies_and_one_that_fails_are_alarms_until_they_live(post: Post) -> None:
    post.store.heartbeat(FLEX, "watch", post.clock.now(), True, "")
    post.later(seconds=100)
    assert not post.store.alarms()
    post.later(seconds=LATE.total_seconds())
    assert not post.store.alarms(), "a clock that was set may look so once"
    for _ in range(CONFIRMED - 1):
        post.later(seconds=1)
    [alarm] = post.store.alarms()
    assert (alarm.element, alarm.severity) == ("watch", Severity.INVALID)
    assert "no sign of life since 2026-01-01 00:00:00" in alarm.message
    post.store.heartbeat(FLEX, "watch", post.clock.now(), True, "")
    post.later(seconds=1)
    assert post.store.alarms()[0].recovered_at is not None
    post.clock.at += LATE
    post.store.heartbeat(FLEX, "watch", post.clock.now(), False, "QCDB: no route")
    for _ in range(CONFIRMED):
        post.later(seconds=10)
    [alarm] = post.store.alarms()
    assert alarm.recovered_at is None
    assert "QCDB: no route" in alarm.message


def test_a_watch_that_has_not_succeeded_yet_gets_as_long_as_any_other(post: Post) -> None:
    def fails(seconds: float) -> int:
        post.clock.at += timedelta(seconds=seconds)
        post.store.heartbeat(FLEX, "watch", post.clock.now(), False, "QCDB: no route")
        for _ in range(CONFIRMED):
            post.guard.round()
        return len(post.store.alarms())

    assert fails(0) == 0
    assert fails(LATE.total_seconds() - 5) == 0
    assert fails(10) == 1
    assert "from its beginning: QCDB: no route" in post.store.alarms()[0].message


def signs(post: Post) -> dict[tuple[str, str], Heartbeat]:
    return {(beat.system, beat.flow): beat for beat in post.store.heartbeats()}


def test_the_guard_gives_signs_of_life_every_ten_seconds_and_looks_at_models_every_ten_minutes(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    monkeypatch.setattr("flows.guarding.standing", lambda *asked: looks.append(asked[2]) or ["It is retired."])
    written: list[Any] = []
    for _ in range(200):
        post.later(seconds=5)
        written.append(signs(post)[CONSOLE, GUARD].at)
    assert signs(post)[CONSOLE, GUARD].ok
    assert len(set(written)) == 100
    assert looks == [FLEX, FLEX]
    model = signs(post)[FLEX, MODEL]
    assert (model.ok, model.detail) == (False, "It is retired.")


def test_a_guard_that_fails_says_so_and_a_model_that_cannot_be_looked_at_holds_nothing_up(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> list[str]:
        raise ZeroDivisionError("odd data")

    monkeypatch.setattr("flows.guarding.standing", broken)
    post.later(seconds=5)
    assert signs(post)[CONSOLE, GUARD].ok
    assert (FLEX, MODEL) not in signs(post)
    monkeypatch.setattr("flows.guarding.notify", broken)
    guard(post.guard, lambda: not signs(post)[CONSOLE, GUARD].ok, every_s=1.0)
    assert "odd data" in signs(post)[CONSOLE, GUARD].detail


def test_no_error_ends_the_guard(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([StoreError("away"), ZeroDivisionError("a bug"), None])
    rounds: list[str] = []

    def round_(_: Guard) -> None:
        answer = next(answers)
        rounds.append(str(answer))
        if answer is not None:
            raise answer

    monkeypatch.setattr(Guard, "round", round_)
    guard(post.guard, lambda: len(rounds) == 3, every_s=1.0)
    assert rounds == ["away", "a bug", "None"]


def test_a_clock_that_is_set_for_a_moment_makes_no_watch_dead(post: Post) -> None:
    post.store.heartbeat(FLEX, "watch", post.clock.now(), True, "")
    post.later(seconds=3600)
    post.store.heartbeat(FLEX, "watch", post.clock.now(), True, "")
    post.later(seconds=5)
    post.clock.at -= timedelta(seconds=3600)
    post.later(seconds=5)
    assert not post.store.alarms()
