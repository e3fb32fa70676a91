"""The fake QCDB over real HTTP, asked by the client: what it holds, and every fault that it can be told."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from core.clock import ManualClock
from core.errors import InputError, SourceError
from dqm.its.histogram import decode
from dqm.its.objects import OBJECTS
from dqm.its.qcdb.client import NotFoundError, QcdbClient, Stored
from dqm.its.qcdb.faults import FaultKind
from dqm.its.qcdb.server import FakeQcdb
from tests.dqm.its.stored import NOON, body

NAME = "cluster_occupation_L0"
PATH = OBJECTS[NAME].path()
TOLD = {"RunNumber": "560123", "CycleNumber": "7", "Comment": "a/b = ü"}
FROM = int(NOON.timestamp() * 1000)


@pytest.fixture(params=["plain", "redirects", "old spelling"])
def server(request: pytest.FixtureRequest) -> Iterator[FakeQcdb]:
    with FakeQcdb(redirects=request.param == "redirects", old_spelling=request.param == "old spelling") as made:
        yield made


@pytest.fixture
def plain() -> Iterator[FakeQcdb]:
    with FakeQcdb(clock=ManualClock(NOON)) as made:
        yield made


def client(server: FakeQcdb, attempts: int = 1, timeout_s: float = 5.0) -> QcdbClient:
    return QcdbClient(server.url, attempts=attempts, timeout_s=timeout_s, sleep=lambda _: None)


def put(server: FakeQcdb, told: dict[str, str] | None = None, since: int = FROM) -> None:
    with client(server) as asked:
        asked.put(PATH, since, since + 180_000, body(NAME), {**TOLD, **(told or {})})


def get(server: FakeQcdb) -> Stored:
    with client(server) as asked:
        found = asked.get(PATH, FROM)
    assert found is not None
    return found


def test_what_is_put_is_listed_and_fetched(server: FakeQcdb) -> None:
    put(server, {"Comment": "plain"})
    put(server, {"CycleNumber": "8"}, FROM + 180_000)
    with client(server) as asked:
        listing = asked.browse("qc/ITS/MO/ITSClusterTask/.*")
        second, first = listing.versions
        assert [first.metadata["CycleNumber"], second.metadata["CycleNumber"]] == ["7", "8"]
        assert (first.path, first.valid_from_ms, first.size) == (PATH, FROM, len(body(NAME)))
        assert [version.etag for version in asked.latest("qc/ITS/.*").versions] == [second.etag]
        assert asked.browse("qc/TPC/.*").versions == ()
        found = asked.version(first)
        assert (found.body, found.etag) == (body(NAME), first.etag)
        assert asked.get(PATH, FROM, etag=first.etag) is None
        with pytest.raises(NotFoundError):
            asked.get(PATH, FROM - 1)


def test_a_version_that_does_not_tell_its_cycle_is_found_by_its_creation(server: FakeQcdb) -> None:
    """Objects that hold the run are all valid from its start on, and older QC did not number its cycles."""
    with client(server) as asked:
        for _ in range(3):
            asked.put(PATH, FROM, FROM + 180_000, body(NAME), {"RunNumber": "560123"})
        versions = asked.browse(PATH).versions
        assert [asked.version(version).etag for version in versions] == [version.etag for version in versions]
        server.versions.remove(versions[1].etag)
        with pytest.raises(NotFoundError):
            asked.version(versions[1])


def test_lists_are_limited_by_creation_number_and_metadata(plain: FakeQcdb) -> None:
    for number in range(4):
        put(plain, {"CycleNumber": str(number)}, FROM + number)
    with client(plain) as asked:
        everything = asked.browse(".*").versions
        assert len(everything) == 4
        assert asked.browse(".*", since_ms=everything[1].created_ms).versions == everything[:2]
        assert asked.browse(".*", until_ms=everything[2].created_ms).versions == everything[2:]
        assert asked.browse(".*", limit=3).versions == everything[:3]
        assert asked.browse(".*", {"CycleNumber": "2"}).versions == everything[1:2]


def test_the_date_is_the_servers_and_its_clock_can_jump(plain: FakeQcdb) -> None:
    with client(plain) as asked:
        assert asked.browse(".*").answered_at == NOON
        plain.faults.clock_offset_s = -3600
        put(plain)
        listing = asked.browse(".*")
    assert listing.answered_at is not None
    assert (listing.answered_at - NOON).total_seconds() == -3600
    assert listing.versions[0].created_ms == FROM - 3600_000


def test_metadata_of_any_letters_survive(plain: FakeQcdb) -> None:
    with client(plain) as asked:
        asked.put(PATH, FROM, FROM + 1, body(NAME), {"RunNumber": "1", "Comment": "a b"})
        assert asked.browse(".*").versions[0].metadata == {"RunNumber": "1", "Comment": "a b"}


@pytest.mark.parametrize(
    ("kind", "error", "reason"),
    [
        (FaultKind.NOT_FOUND, NotFoundError, "no such object"),
        (FaultKind.ERROR, SourceError, "status 500"),
        (FaultKind.HALF_BODY, InputError, "ends in the middle"),
        (FaultKind.WRONG_SUM, InputError, "checksum"),
    ],
)
def test_faults_of_delivery(plain: FakeQcdb, kind: FaultKind, error: type[Exception], reason: str) -> None:
    put(plain, {"Comment": "plain"})
    plain.faults.add(kind, pattern="qc/ITS/.*", times=1)
    with pytest.raises(error, match=reason):
        get(plain)
    assert get(plain).body == body(NAME)


@pytest.mark.parametrize("kind", [FaultKind.HALF_BODY, FaultKind.ERROR, FaultKind.WRONG_SUM])
def test_a_passing_fault_is_overcome(plain: FakeQcdb, kind: FaultKind) -> None:
    put(plain, {"Comment": "plain"})
    plain.faults.add(kind, times=2)
    with client(plain, attempts=3) as asked:
        found = asked.get(PATH, FROM)
    assert found is not None
    assert hashlib.sha256(found.body).digest() == hashlib.sha256(body(NAME)).digest()


def test_a_slow_server_is_waited_for_no_longer_than_told(plain: FakeQcdb) -> None:
    plain.faults.add(FaultKind.SLOW, seconds=0.5)
    with client(plain, timeout_s=0.1) as asked, pytest.raises(SourceError, match=r"no answer within 0\.1 s"):
        asked.browse(".*")


def test_objects_of_another_type_or_binning(plain: FakeQcdb) -> None:
    put(plain, {"Comment": "plain"})
    plain.faults.add(FaultKind.WRONG_TYPE, times=1)
    assert decode(get(plain).body, "a").class_name == "TH1D"
    plain.faults.add(FaultKind.CHANGED_BINNING, times=1)
    nx, ny = OBJECTS[NAME].shape
    assert decode(get(plain).body, "a").values.shape == (nx - 1, ny)
    assert decode(get(plain).body, "a").values.shape == (nx, ny)


@pytest.mark.parametrize("payload", ["track_clusters", "vertex_xy"])
def test_another_type_of_any_object_is_a_histogram(payload: str, plain: FakeQcdb) -> None:
    plain.versions.put(PATH, FROM, FROM + 1, body(payload), {})
    plain.faults.add(FaultKind.WRONG_TYPE)
    assert decode(get(plain).body, "a").values.ndim == 3 - len(OBJECTS[payload].shape)


def test_two_versions_of_one_time(plain: FakeQcdb) -> None:
    plain.faults.add(FaultKind.TWO_VERSIONS, times=1)
    put(plain)
    with client(plain) as asked:
        one, other = asked.browse(".*").versions
    assert (one.valid_from_ms, one.path) == (other.valid_from_ms, other.path)
    assert one.etag != other.etag


def test_what_is_no_list(plain: FakeQcdb) -> None:
    plain.faults.add(FaultKind.NO_LISTING, times=1)
    with client(plain) as asked:
        with pytest.raises(SourceError, match="answers no JSON"):
            asked.browse(".*")
        assert asked.browse(".*").versions == ()


def test_down_refuses_and_up_is_the_same_server_again(plain: FakeQcdb) -> None:
    put(plain)
    url = plain.url
    plain.down()
    with client(plain, attempts=2) as asked:
        with pytest.raises(SourceError, match=r"no answer \(.*refused"):
            asked.browse(".*")
        plain.up()
        assert plain.url == url
        assert len(asked.browse(".*").versions) == 1


def test_drills_are_asked_for_over_http(plain: FakeQcdb) -> None:
    put(plain, {"Comment": "plain"})
    with httpx.Client(base_url=plain.url, trust_env=False) as asked:
        assert asked.post("/drill/error?times=1").status_code == 204
        assert asked.get(f"/{PATH}/{FROM}").status_code == 500
        assert asked.get(f"/{PATH}/{FROM}").status_code == 200
        assert asked.post("/drill/clock?seconds=60").status_code == 204
        assert plain.faults.clock_offset_s == 60
        assert asked.post("/drill/clear").status_code == 204
        assert plain.faults.clock_offset_s == 0
        assert asked.post("/drill/earthquake").status_code == 404
        assert asked.post("/drill/thin?seconds=-1&every=600").status_code == 204
        assert asked.get("/monitor/x/.*/ccdb_version").status_code == 200


def test_what_is_asked_wrongly_is_refused(plain: FakeQcdb) -> None:
    with httpx.Client(base_url=plain.url, trust_env=False) as asked:
        assert asked.get("/qc/ITS").status_code == 400
        assert asked.get("/browse/(").status_code == 400
        assert asked.get("/download/unknown").status_code == 404
        assert asked.post("/qc/ITS/MO/x").status_code == 400
        assert asked.post("/qc/ITS/MO/x/5/9", data={"send": "text"}).status_code == 400
        assert asked.post("/qc/ITS/MO/x/9/5", files={"send": b"x"}).status_code == 400
        assert asked.delete("/qc/ITS/MO/x/5/unknown").status_code == 404


def test_objects_are_deleted_and_truncated(plain: FakeQcdb) -> None:
    put(plain)
    put(plain)
    held = plain.versions.browse(".*", {}, 0, 2**62)[0]
    with httpx.Client(base_url=plain.url, trust_env=False) as asked:
        assert asked.delete(f"/{PATH}/{FROM}/{held.uuid}").status_code == 204
        assert asked.delete("/truncate/qc/.*").json() == {"removed": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("wanted", [signal.SIGINT, signal.SIGTERM])
def test_it_is_a_program_too(wanted: signal.Signals) -> None:
    root = Path(__file__).parents[4]
    command = [sys.executable, "-m", "dqm.its.qcdb.server", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            with QcdbClient(url) as asked:
                assert asked.browse(".*").versions == ()
            os.kill(process.pid, wanted)
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
