"""The ALICE side of the demo: what it stores, and that its times are true."""

import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest

from app import experiment
from app.story import fill, script
from app.story.playback import Playback
from core.clock import ManualClock
from dqm.its.causes import Cause
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.qcdb.versions import Held

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATE = Playback.late(NOW, 3600)
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
    clock: ManualClock,
) -> None:
    stop, lines = threading.Event(), list[str]()
    with FakeQcdb() as server:
        late = Playback.late(NOW, script.RUN_BEGINS_S + 130)
        shift = experiment.Shift(server, late, clock, stop, lines.append)
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
    settings = next(experiment.runs(LATE))
    cycle, _ = next(iter(experiment.played(settings, 1)))
    lines = list[str]()
    with FakeQcdb() as server, experiment.QcdbClient(server.url, attempts=1) as client:
        shift = experiment.Shift(server, LATE, clock, threading.Event(), lines.append)
        server.down()
        storing = threading.Thread(target=shift._store, args=(client, cycle))
        storing.start()
        assert wait_for(lambda: lines)
        server.up()
        storing.join(20)
        assert len(stored(server)) == 1
    assert "not stored yet" in lines[0]


def test_runs_follow_each_other_in_the_fill_and_have_the_same_plot() -> None:
    first, second = islice(experiment.runs(LATE), 2)
    assert (second.run, second.fill_number) == (first.run + 1, first.fill_number + 1)
    assert first.fill_number == fill.FIRST_FILL
    assert second.began_at == first.began_at + timedelta(seconds=script.SHIFT_S)
    assert first.began_at == LATE.began_at + timedelta(seconds=script.RUN_BEGINS_S)
    assert first.faults == second.faults
    assert all(0 < fault.began_s < fault.ended_s <= first.duration_s for fault in first.faults)


def test_the_server_dies_once_in_each_shift_while_somebody_looks_on(clock: ManualClock) -> None:
    lines = list[str]()
    with FakeQcdb() as server:
        fast = Playback.fast(NOW, 20.0, script.LENGTH_S)
        clock.at = fast.due(fast.at(script.OUTAGE_BEGINS_S))
        experiment.Shift(server, fast, clock, threading.Event(), lines.append)._die(0)
        assert wait_for(lambda: server._thread is None)
        past = Playback.late(NOW, script.OUTAGE_BEGINS_S + 1)
        experiment.Shift(server, past, clock, threading.Event(), lines.append)._die(0)
    assert len(lines) == 1
    assert "is down for" in lines[0]


def test_people_are_told_what_is_wrong_and_the_published_cycle_is_not() -> None:
    settings = next(experiment.runs(LATE))
    told = [(cycle, text) for cycle, text in islice(experiment.played(settings, 1), 10)]
    assert told[0][1] == ""
    assert told[-1][1] == f": {Cause.BEAM_BACKGROUND_C}"
    assert "background" not in str(told[-1][0].metadata)
