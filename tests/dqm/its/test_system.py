"""ALICE ITS as a system of the console: what it reads, what it makes alarms of, what it says to do."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.alarms.severity import Severity
from core.errors import InputError, ModelError, SourceError
from core.observation import Observation
from core.settings import Settings
from core.verdict import Cause as Named
from core.verdict import Quality, Region, Verdict
from dqm.its.causes import Cause
from dqm.its.cycle_files import write_npz, write_root
from dqm.its.pixels.files import write_run
from dqm.its.pixels.hits import Hits
from dqm.its.qcdb.faults import FaultKind
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.system import ITS, ItsJudge
from flows.systems import SYSTEMS, load_system, missing_setting
from tests.dqm.its.cycles import a_cycle
from tests.dqm.its.stored import store

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Told:
    """A detector that says its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def judge(self, observation: Observation) -> Verdict:
        return Verdict(Quality.GOOD, cause=Named(self.name, 1.0))


def hits() -> Hits:
    return Hits(7, 10, *(np.array([2], np.int64) for _ in range(4)))


def seen(payload: Mapping[str, Any]) -> Observation:
    return Observation("its", "ITS", "1/2", NOON, "here", "ab", {"cycle_s": 60.0}, payload)


def region(quality: str, **more: Any) -> Region:
    where = {"element": "L4_12/lane 7", "cells": "L4_12/lane_7 L4_12/lane_8", "kind": "place", "quality": quality}
    where |= {"since": (NOON - timedelta(minutes=9)).isoformat(), "cycles": 9, "ratio": 0.0213}
    return Region(where | more.pop("where", {}), 3.0, 1e-4, more.get("cause", Named("dead lane", 0.97)))


def judged(*regions: Region) -> Verdict:
    return Verdict(Quality.BAD, regions=regions)


def test_it_is_one_line_in_the_list_and_needs_a_qcdb(tmp_path: Path) -> None:
    assert load_system("its") is ITS
    assert SYSTEMS["its"].needs == "its.qcdb_url"
    assert missing_setting("its", Settings(home=tmp_path)) == "SHIFTWATCH_ITS__QCDB_URL"
    assert missing_setting("its", Settings(home=tmp_path, its={"qcdb_url": "http://h:1"})) is None
    assert missing_setting("flex", Settings(home=tmp_path)) is None


@pytest.mark.parametrize("write", [write_npz, write_root])
def test_it_reads_cycles(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "cycle.dat"
    write(path, a_cycle())
    observation = ITS.read_file(path, Settings(home=tmp_path))
    assert (observation.element, observation.key, observation.origin) == ("ITS", "559123/7", str(path))


def test_it_reads_runs_of_hits(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    write_run(path, hits(), began_at=NOON)
    observation = ITS.read_file(path, Settings(home=tmp_path))
    assert (observation.element, observation.key) == ("telescope", "run 7")


def test_it_reads_a_cycle_from_a_url_even_if_that_went_through_a_path(tmp_path: Path) -> None:
    with FakeQcdb() as server:
        store(server.versions, 4)
        observation = ITS.read_file(Path(f"{server.url}/qc?RunNumber=560123&CycleNumber=4"), Settings(home=tmp_path))
        assert observation.key == "560123/4"
        assert observation.origin.startswith(server.url)
        with pytest.raises(InputError, match=f"{server.url}/qc"):
            ITS.read_file(Path(f"{server.url}/qc?RunNumber=1&CycleNumber=4"), Settings(home=tmp_path))


@pytest.mark.parametrize("kind", [FaultKind.HALF_BODY, FaultKind.WRONG_SUM, FaultKind.ERROR])
def test_a_server_that_fails_for_every_object_costs_no_cycle(tmp_path: Path, kind: FaultKind) -> None:
    with FakeQcdb() as server:
        source = ITS.source(
            Settings(home=tmp_path, its={"qcdb_url": server.url, "attempts": 1, "timeout_s": 60, "patience_s": 0})
        )
        store(server.versions, 4)
        (arrival,) = source.arrivals(lambda tickets: set())
        server.faults.add(kind, pattern="qc/.*")
        with pytest.raises(SourceError, match=r"middle|checksum|500"):
            source.read(arrival)
        server.faults.clear()
        assert source.read(arrival).conditions["missing"] == ""
        source.close()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"root\x00\x00"])
def test_what_is_no_cycle_is_named_with_its_reason(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"odd\.npz"):
        ITS.read_file(path, Settings(home=tmp_path))


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ItsJudge:
    monkeypatch.setattr("dqm.its.detector.ItsDetector.load", lambda settings: Told("cycles"))
    return ItsJudge(Settings(home=tmp_path))


def test_cycles_and_hits_go_to_the_detectors_that_know_them(judge: ItsJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = list[Path]()
    monkeypatch.setattr("dqm.its.pixels.detector.PixelDetector.load", lambda path: loaded.append(path) or Told("hits"))
    judge._pixel_model.mkdir(parents=True)
    names = [judge.judge(seen({name: np.zeros(1)})).cause for name in ("angular", "plane", "plane")]
    assert [cause.name for cause in names if cause] == ["cycles", "hits", "hits"]
    assert loaded == [judge._pixel_model]


def test_without_a_learnt_reference_hits_say_what_to_type(judge: ItsJudge) -> None:
    with pytest.raises(ModelError, match="shiftwatch train its RUNS_DIR --product pixels"):
        judge.judge(seen({"plane": np.zeros(1)}))


def test_bad_regions_are_incidents_medium_ones_keep_them_and_others_are_none() -> None:
    assert ITS.incidents is not None
    bad, faint = ITS.incidents(seen({}), judged(region("BAD"), region("MEDIUM"), region("GOOD")))
    assert (bad.kind, bad.element, bad.quality) == ("place", "L4_12/lane 7", Quality.BAD)
    assert bad.places == {"L4_12/lane_7", "L4_12/lane_8"}
    assert bad.since == NOON - timedelta(minutes=9)
    assert bad.cause == "dead lane"
    assert bad.message == "dead lane (97%) at L4_12/lane 7, 2 places: 0.02 of what is expected"
    assert faint.quality is Quality.MEDIUM


def test_a_cause_that_becomes_known_makes_no_other_incident() -> None:
    assert ITS.incidents is not None
    unknown = region("BAD", where={"kind": "unknown"}, cause=None)
    background = region("BAD", where={"kind": "background", "element": "inner barrel A"})
    first, second = ITS.incidents(seen({}), judged(unknown, background))
    assert (first.kind, first.cause, first.message.partition(" at ")[0]) == ("place", None, "unknown cause")
    assert (second.kind, second.element) == ("background", "inner barrel A")


def test_background_from_the_other_side_is_another_incident_although_it_hits_the_same_chips() -> None:
    assert ITS.incidents is not None
    sides = [
        region("BAD", where={"kind": "background", "element": f"inner barrel {side}", "cells": "L0_01/8 L0_02/8"})
        for side in "AC"
    ]
    one, other = ITS.incidents(seen({}), judged(*sides))
    assert one.kind == other.kind
    assert one.places.isdisjoint(other.places)


def test_flags_of_chip_maps_are_one_alarm_of_the_run() -> None:
    assert ITS.incidents is not None
    flag = Region({"element": "plane 0/double column 46", "plane": 0, "column": 92}, 9.0, 1e-6, None)
    assert list(ITS.incidents(seen({}), judged(flag))) == []


def test_an_alarm_ends_after_three_good_cycles_and_one_cycle_without_a_verdict_is_none() -> None:
    assert ITS.rule.clear_count == 3
    assert (ITS.rule.count, ITS.rule.counts) == (1, {Severity.INVALID: 3})


@pytest.mark.parametrize("cause", [*Cause, "unknown", None])
def test_there_is_something_to_do_about_every_cause(cause: str | None) -> None:
    assert len(ITS.guidance(cause)) > 20


def test_how_long_it_may_be_silent_is_a_setting(tmp_path: Path) -> None:
    assert ITS.silent_after_s(Settings(home=tmp_path)) is None
    assert ITS.silent_after_s(Settings(home=tmp_path, its={"silent_after_s": 900})) == 900
