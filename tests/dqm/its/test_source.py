"""Cycles out of a (fake) QCDB: once each, whole or with what is missing named, through every failure of the server."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from core.contracts import Arrival, Source
from core.errors import IncompleteInputError, InputError, SettingsError, SourceError
from core.settings import Settings
from dqm.its.objects import OBJECTS
from dqm.its.qcdb.faults import FaultKind
from dqm.its.source import QcdbSource
from tests.dqm.its.scene import FEW, START, Scene
from tests.dqm.its.stored import body, store


def test_it_is_a_source(scene: Scene) -> None:
    source: Source = scene.source
    assert source.name == "qcdb"
    assert scene.arrivals() == []


def test_a_complete_cycle_becomes_one_observation(scene: Scene) -> None:
    store(scene.server.versions, 1)
    (arrival,) = scene.arrivals()
    assert arrival.ticket == "qc/560123/1"
    assert arrival.origin == f"{scene.server.url}/qc?RunNumber=560123&CycleNumber=1"
    seen = scene.source.read(arrival)
    assert seen.identity == ("its", "ITS", "560123/1")
    assert (seen.observed_at, seen.origin) == (START, arrival.origin)
    assert {"run": 560123, "fill": 9000, "beam_type": "PbPb", "missing": "", "cycle_s": 180.0}.items() <= (
        seen.conditions.items()
    )
    assert seen.payload.keys() == OBJECTS.keys()
    np.testing.assert_array_equal(seen.payload["vertex_z"], np.ones(OBJECTS["vertex_z"].shape))


def test_cycles_come_oldest_first_and_settled_ones_no_more(scene: Scene) -> None:
    for number in (1, 2, 3):
        scene.clock.sleep(10)
        store(scene.server.versions, number, ended_at=scene.clock.now())
    assert scene.numbers() == [1, 2, 3]
    scene.done.add("qc/560123/2")
    assert scene.numbers() == [1, 3]
    assert scene.settle() == [1, 3]
    store(scene.server.versions, 4)
    assert scene.settle() == [4]
    assert scene.settle() == []


def test_a_source_made_anew_offers_what_is_not_settled(scene: Scene) -> None:
    store(scene.server.versions, 1)
    scene.clock.sleep(600)
    store(scene.server.versions, 2)
    scene.done.add("qc/560123/1")
    with closing(scene.fresh()) as source:
        assert [arrival.detail["cycle"] for arrival in source.arrivals(scene.settled)] == [2]


def test_cycles_older_than_the_lookback_are_left_alone(scene: Scene) -> None:
    store(scene.server.versions, 1, only=FEW)
    scene.clock.sleep(700)
    store(scene.server.versions, 2)
    with closing(scene.fresh(lookback_s=600, patience_s=0)) as source:
        assert [arrival.detail["cycle"] for arrival in source.arrivals(scene.settled)] == [2]


def test_an_incomplete_cycle_is_waited_for_and_then_states_what_is_missing(scene: Scene) -> None:
    store(scene.server.versions, 1, but=FEW)
    assert scene.arrivals() == []
    scene.clock.sleep(59)
    assert scene.arrivals() == []
    scene.clock.sleep(1)
    (arrival,) = scene.arrivals()
    seen = scene.source.read(arrival)
    assert seen.conditions["missing"] == ", ".join(name for name in OBJECTS if name in FEW)
    assert not set(FEW) & seen.payload.keys()


def test_a_cycle_that_is_completed_in_time_is_whole(scene: Scene) -> None:
    store(scene.server.versions, 1, but=FEW)
    assert scene.arrivals() == []
    scene.clock.sleep(30)
    store(scene.server.versions, 1, only=FEW)
    (arrival,) = scene.arrivals()
    assert scene.source.read(arrival).conditions["missing"] == ""


def test_an_incomplete_cycle_does_not_hold_up_the_next(scene: Scene) -> None:
    store(scene.server.versions, 1, but=FEW)
    store(scene.server.versions, 2)
    assert scene.settle() == [2]
    scene.clock.sleep(60)
    assert scene.settle() == [1]


def test_an_object_that_the_run_never_had_is_waited_for_once(scene: Scene) -> None:
    for number in (1, 2, 3):
        store(scene.server.versions, number, but=FEW, ended_at=scene.clock.now())
        if number == 1:
            assert scene.settle() == []
            scene.clock.sleep(60)
        assert scene.settle() == [number]
        scene.clock.sleep(120 if number == 1 else 180)


def test_another_task_is_waited_for_while_its_next_version_may_be_nearer(scene: Scene) -> None:
    """Hits every 40 s; those that end 10 s after the cycle are nearer to its end than those 30 s before."""
    versions, hits = scene.server.versions, [payload for payload in OBJECTS if payload.startswith("hit_")]
    for off in (-110, -70, -30):
        store(versions, 100 + off, only=hits, ended_at=START + timedelta(seconds=off), lasts_s=40)
    store(versions, 1, but=hits)
    assert scene.arrivals() == []
    scene.clock.sleep(10)
    store(versions, 102, only=hits, level=2, ended_at=START + timedelta(seconds=10), lasts_s=40)
    (arrival,) = scene.arrivals()
    seen = scene.source.read(arrival)
    np.testing.assert_allclose(seen.payload["hit_occupancy_L0"], (1 + 1 + 1 + 2) / 4)  # four of them make one cycle
    assert (seen.conditions["hit_lag_s"], seen.conditions["missing"]) == (10.0, "")


def test_what_is_too_far_from_the_cycle_is_missing_and_said(scene: Scene) -> None:
    store(scene.server.versions, 1, only=["vertex_z"], ended_at=START - timedelta(seconds=140))
    store(scene.server.versions, 1, but=["vertex_z"])
    scene.clock.sleep(60)
    assert scene.arrivals() == []  # first seen now
    scene.clock.sleep(60)
    (arrival,) = scene.arrivals()
    told = scene.source.read(arrival).conditions
    assert (told["missing"], told["why_missing"]) == (
        "vertex_z",
        "vertex_z: the nearest version ends 140 s before the cycle",
    )


def test_a_second_version_of_an_object_is_no_second_observation(scene: Scene) -> None:
    store(scene.server.versions, 1)
    store(scene.server.versions, 1, only=["vertex_z"], level=5)
    (arrival,) = scene.arrivals()
    assert scene.source.read(arrival).payload["vertex_z"].max() == 5  # the newest created
    assert scene.settle() == [1]
    store(scene.server.versions, 1, only=["vertex_z"], level=6)
    scene.clock.sleep(100)
    assert scene.arrivals() == []


def test_two_cycles_valid_at_the_same_time_are_told_apart(scene: Scene) -> None:
    """Objects that are not reset are valid from the start of the run in every cycle."""
    store(scene.server.versions, 1, level=1, ended_at=START)
    store(scene.server.versions, 2, level=2, ended_at=START)
    levels = {
        arrival.detail["cycle"]: scene.source.read(arrival).payload["bc_clusters"].max() for arrival in scene.arrivals()
    }
    assert levels == {1: 1, 2: 2}


def test_objects_thinned_away_between_list_and_reading_are_stated(scene: Scene) -> None:
    store(scene.server.versions, 1)
    (arrival,) = scene.arrivals()
    scene.server.versions.truncate(OBJECTS["angular"].path())
    seen = scene.source.read(arrival)
    assert seen.conditions["missing"] == "angular"
    assert "no longer" in str(seen.conditions["why_missing"])


def test_a_cycle_of_which_all_is_gone_can_never_be_used(scene: Scene) -> None:
    store(scene.server.versions, 1)
    (arrival,) = scene.arrivals()
    scene.server.versions.truncate(".*")
    with pytest.raises(InputError, match="none of the") as raised:
        scene.source.read(arrival)
    assert str(raised.value).startswith(arrival.origin)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (FaultKind.NOT_FOUND, "no such object"),
        (FaultKind.HALF_BODY, "ends in the middle"),
        (FaultKind.WRONG_SUM, "checksum"),
        (FaultKind.WRONG_TYPE, "TH1D"),
        (FaultKind.CHANGED_BINNING, "8"),
    ],
)
def test_a_single_unusable_object_is_missing_with_its_reason(scene: Scene, kind: FaultKind, reason: str) -> None:
    store(scene.server.versions, 1)
    scene.server.faults.add(kind, pattern=OBJECTS["cluster_occupation_L0"].path())
    (arrival,) = scene.arrivals()
    seen = scene.source.read(arrival)
    assert seen.conditions["missing"] == "cluster_occupation_L0"
    assert reason in str(seen.conditions["why_missing"])


def test_bodies_that_are_no_root_files_are_missing(scene: Scene) -> None:
    store(scene.server.versions, 1, but=["angular"])
    told, end_ms = {"RunNumber": "560123", "CycleNumber": "1"}, int(START.timestamp() * 1000)
    scene.server.versions.put(OBJECTS["angular"].path(), end_ms - 180_000, end_ms, b"<html>", told)
    (arrival,) = scene.arrivals()
    assert "not a ROOT file" in str(scene.source.read(arrival).conditions["why_missing"])


def test_a_server_that_is_down_is_told_and_asked_again(scene: Scene) -> None:
    store(scene.server.versions, 1)
    scene.server.down()
    with pytest.raises(SourceError, match="refused") as raised:
        scene.arrivals()
    assert scene.server.url in str(raised.value)
    scene.server.up()
    (arrival,) = scene.arrivals()
    scene.server.down()
    with pytest.raises(SourceError, match="refused"):
        scene.source.read(arrival)
    scene.clock.sleep(3600)
    with pytest.raises(SourceError, match="refused"):  # however long: nothing is judged without data
        scene.source.read(arrival)
    scene.server.up()
    assert scene.source.read(arrival).conditions["missing"] == ""


def test_an_object_that_the_server_never_delivers_is_given_up_after_a_while(scene: Scene) -> None:
    store(scene.server.versions, 1)
    scene.server.faults.add(FaultKind.ERROR, pattern=OBJECTS["angular"].path())
    (arrival,) = scene.arrivals()
    with pytest.raises(SourceError, match="status 500"):
        scene.source.read(arrival)
    scene.clock.sleep(60)
    seen = scene.source.read(arrival)
    assert seen.conditions["missing"] == "angular"
    assert "status 500" in str(seen.conditions["why_missing"])


@pytest.mark.parametrize("kind", [FaultKind.NO_LISTING, FaultKind.ERROR])
def test_a_list_that_fails_loses_nothing(scene: Scene, kind: FaultKind) -> None:
    assert scene.arrivals() == []
    store(scene.server.versions, 1)
    scene.server.faults.add(kind, times=2)
    for _ in range(2):
        with pytest.raises(SourceError):
            scene.arrivals()
        scene.clock.sleep(1000)
    assert scene.numbers() == [1]


@pytest.mark.parametrize("jump_s", [-7200, 7200])
def test_no_cycle_is_lost_when_the_clock_of_the_server_jumps(scene: Scene, jump_s: float) -> None:
    store(scene.server.versions, 1)
    assert scene.settle() == [1]
    scene.server.faults.clock_offset_s = jump_s
    store(scene.server.versions, 2)
    scene.clock.sleep(10)
    before = scene.settle()
    store(scene.server.versions, 3)
    scene.clock.sleep(10)
    assert before + scene.settle() == [2, 3]
    scene.server.faults.clock_offset_s = 0
    store(scene.server.versions, 4)
    scene.clock.sleep(10)
    found = scene.settle()
    store(scene.server.versions, 5)
    scene.clock.sleep(10)
    assert found + scene.settle() == [4, 5]


def test_objects_that_show_up_late_are_found(scene: Scene) -> None:
    """Stored a while before they can be listed: written to the database behind, or copied from another one."""
    assert scene.arrivals() == []
    scene.server.faults.clock_offset_s = -200
    store(scene.server.versions, 1)
    scene.server.faults.clock_offset_s = 0
    assert scene.numbers() == [1]


def test_no_cycle_ends_in_the_future(scene: Scene) -> None:
    scene.server.faults.clock_offset_s = 7200
    store(scene.server.versions, 1, ended_at=START + timedelta(hours=2))
    (arrival,) = scene.arrivals()
    assert scene.source.read(arrival).observed_at == START


def test_lists_are_asked_for_no_more_often_than_told(scene: Scene) -> None:
    with closing(scene.fresh(poll_s=10)) as source:
        assert list(source.arrivals(scene.settled)) == []
        store(scene.server.versions, 1)
        scene.clock.sleep(9)
        assert list(source.arrivals(scene.settled)) == []
        assert not source.has_news()
        scene.clock.sleep(1)
        assert source.has_news()
        assert len(list(source.arrivals(scene.settled))) == 1


def test_a_server_that_takes_long_is_left_alone_for_as_long(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(scene.fresh(poll_s=10)) as source:
        monkeypatch.setattr(source, "_poll", lambda: scene.clock.sleep(30))
        assert list(source.arrivals(scene.settled)) == []
        scene.clock.sleep(29)
        assert not source.has_news()
        scene.clock.sleep(1)
        assert source.has_news()


def test_objects_of_others_and_without_a_cycle_are_left_out(scene: Scene) -> None:
    store(scene.server.versions, 1)
    scene.server.versions.put(
        "qc/ITS/MO/ITSClusterTask/Something/Else", 1, 2, b"", {"RunNumber": "1", "CycleNumber": "1"}
    )
    scene.server.versions.put(OBJECTS["angular"].path(), 1, 2, b"", {"RunNumber": "x", "CycleNumber": "1"})
    assert scene.numbers() == [1]


def test_a_database_that_tells_no_cycles_is_an_error(scene: Scene) -> None:
    scene.server.versions.put(OBJECTS["angular"].path(), 1, 2, body("angular"), {})
    with pytest.raises(SourceError, match="has no RunNumber and CycleNumber"):
        scene.arrivals()


def test_masked_places_are_told(scene: Scene) -> None:
    store(scene.server.versions, 1)
    with closing(scene.fresh(masked=("L0_03/4",))) as source:
        (arrival,) = source.arrivals(scene.settled)
        assert source.read(arrival).conditions["masked"] == "L0_03/4"


def test_an_unlisted_cycle_is_offered_again_later(scene: Scene) -> None:
    with pytest.raises(IncompleteInputError):
        scene.source.read(Arrival("qc/1/1", "x", {"run": 1, "cycle": 1}))


def test_no_address_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="QCDB_URL"):
        list(QcdbSource(Settings()).arrivals(lambda _: set()))
