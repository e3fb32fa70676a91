"""The ALICE side of the demo: what it stores, and that its times are true."""

import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest

from app import experiment
from core.clock import ManualClock
from dqm.its.qcdb.faults import FaultKind
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.qcdb.versions import Held

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ANY = "qc/ITS/MO/ITSTrackTask/VertexZ"


def wait_for(condition: object, timeout_s: float = 20.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def stored(server: FakeQcdb) -> list[Held]:
    return sorted(server.versions.browse(ANY, {}, 0, 2**62), key=lambda held: held.valid_from_ms)


def ended(held: Held) -> datetime:
    return datetime.fromtimestamp(held.valid_until_ms / 1000, UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def test_what_is_past_is_there_at_once_and_the_rest_when_it_ends(
    monkeypatch: pytest.MonkeyPatch, clock: ManualClock
) -> None:
    monkeypatch.setattr(experiment, "PAST_S", 130.0)
    stop, lines = threading.Event(), list[str]()
    with FakeQcdb() as server:
        shift = experiment.Shift(server, clock, stop, lines.append)
        player = threading.Thread(target=shift.play, args=(1,))
        player.start()
        try:
            assert wait_for(lambda: len(lines) >= 3)
            time.sleep(0.3)
            before = stored(server)
            assert all(NOW - timedelta(seconds=70) < ended(held) <= NOW for held in before[-1:])
            clock.sleep(60)
            assert wait_for(lambda: len(stored(server)) == len(before) + 1)
        finally:
            stop.set()
            player.join()
        cycles = stored(server)
    assert [held.metadata["CycleNumber"] for held in cycles] == [str(n + 1) for n in range(len(cycles))]
    assert all(late.valid_from_ms == early.valid_until_ms for early, late in pairwise(cycles))
    assert ended(cycles[-1]) <= clock.now()


def test_a_cycle_is_stored_again_until_the_qcdb_takes_it(monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> None:
    monkeypatch.setattr(experiment, "RETRY_S", 0.05)
    settings = next(experiment.runs(NOW - timedelta(minutes=30)))
    cycle, _ = next(iter(experiment.played(settings, 1)))
    lines = list[str]()
    with FakeQcdb() as server, experiment.QcdbClient(server.url, attempts=1) as client:
        shift = experiment.Shift(server, clock, threading.Event(), lines.append)
        server.down()
        storing = threading.Thread(target=shift._store, args=(client, cycle))
        storing.start()
        assert wait_for(lambda: lines)
        server.up()
        storing.join(20)
        assert len(stored(server)) == 1
    assert "not stored yet" in lines[0]


def test_runs_follow_each_other_and_have_the_same_plot() -> None:
    first, second = islice(experiment.runs(NOW), 2)
    assert second.run == first.run + 1
    assert second.began_at > first.began_at + timedelta(seconds=first.duration_s)
    assert first.faults == second.faults
    assert all(0 < fault.began_s < fault.ended_s <= first.duration_s for fault in first.faults)
    assert all(outage.at_s > experiment.PAST_S for outage in experiment.OUTAGES), "it happens while people look on"
    assert {outage.fault for outage in experiment.OUTAGES} == {None, FaultKind.ERROR, FaultKind.SLOW}


def test_people_are_told_what_is_wrong_and_the_published_cycle_is_not() -> None:
    settings = next(experiment.runs(NOW))
    told = [(cycle, text) for cycle, text in islice(experiment.played(settings, 1), 9)]
    assert told[0][1] == ""
    assert told[-1][1] == ": beam background A"
    assert "background" not in str(told[-1][0].metadata)
