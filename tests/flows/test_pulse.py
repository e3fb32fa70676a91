"""Signs of life beside a watch: while it judges something large, not once it hangs, and when the clock is set back."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import ManualClock, SystemClock
from core.signs import BEAT_S, STUCK_S, WATCH
from core.store import Store
from core.store.views import Heartbeat
from flows import pulse as pulse_module
from flows.beside import beside
from flows.pulse import Pulse, signing
from tests.flows.fakes import FAKE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}", tmp_path / "artefacts") as made:
        made.upgrade()
        yield made


def sign(store: Store) -> Heartbeat:
    (found,) = [beat for beat in store.heartbeats() if beat.flow == WATCH]
    return found


def test_the_last_sign_is_given_again_while_the_watch_is_busy(store: Store) -> None:
    clock = ManualClock()
    pulse = Pulse(FAKE, store, clock, None)
    pulse.again()
    assert not store.heartbeats(), "it has said nothing that could be said again"
    pulse.beat(["the scanner is away"])
    first = sign(store)
    clock.sleep(BEAT_S)
    pulse.again()
    assert sign(store) == first, "the watch itself has a second to do it"
    clock.sleep(2)
    pulse.again()
    assert sign(store).at == clock.now()
    assert (sign(store).ok, sign(store).detail) == (False, "the scanner is away")


def test_a_watch_that_hangs_gives_no_more_signs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, elapsed = ManualClock(), [1000.0]
    monkeypatch.setattr(pulse_module.time, "monotonic", lambda: elapsed[0])
    pulse = Pulse(FAKE, store, clock, None)
    pulse.beat([])
    clock.sleep(STUCK_S)
    elapsed[0] += STUCK_S
    pulse.again()
    assert sign(store).at == clock.now()
    clock.sleep(60)
    elapsed[0] += 60
    pulse.again()
    assert sign(store).at == clock.now() - timedelta(seconds=60)
    pulse.moved()
    pulse.again()
    assert sign(store).at == clock.now()


def test_signs_go_on_when_the_clock_is_set_back(store: Store) -> None:
    clock = ManualClock()
    pulse = Pulse(FAKE, store, clock, None)
    pulse.beat([])
    clock.at -= timedelta(hours=1)
    assert pulse.due_in_s() <= BEAT_S
    pulse.beat([])
    assert sign(store).at == clock.now()


def test_a_sign_is_given_while_the_main_thread_does_something_else(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse_module, "AGAIN_S", 0.02)
    monkeypatch.setattr(pulse_module, "BEAT_S", 0.1)
    pulse = Pulse(FAKE, store, SystemClock(), None)
    pulse.beat([])
    first, again, write = sign(store).at, threading.Event(), store.heartbeat

    def heartbeat(*what: object, **more: object) -> None:
        write(*what, **more)  # type: ignore[arg-type]
        again.set()

    monkeypatch.setattr(store, "heartbeat", heartbeat)
    with signing(pulse):
        assert again.wait(10)
    assert sign(store).at > first
    assert not [thread for thread in threading.enumerate() if thread.name == "signs of life"]


def test_a_look_that_fails_is_done_again() -> None:
    stop, looks = threading.Event(), list[int]()

    def look() -> None:
        looks.append(1)
        if len(looks) == 3:
            stop.set()
        raise RuntimeError("once more")

    beside(look, stop, 0.01, "looking").join(10)
    assert len(looks) == 3
