"""The client: what it asks, where it follows, what it refuses, and what every failure says."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from core.errors import InputError, SourceError
from dqm.its.qcdb.client import MAX_HOPS, NotFoundError, QcdbClient, Stored
from dqm.its.qcdb.listing import Version

URL = "http://qcdb:8083"
PATH = "qc/ITS/MO/ITSClusterTask/Layer0/ClusterOccupation"
BODY = b"root and more"
Handler = Callable[[httpx.Request], httpx.Response]


@dataclass
class Server:
    """Answers in turn, the last one for ever, and keeps the questions."""

    answers: list[httpx.Response | Exception]
    asked: list[httpx.Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, **options: object) -> QcdbClient:
        given = {"transport": httpx.MockTransport(self), "sleep": self.slept.append, "max_body_bytes": 1000} | options
        return QcdbClient(URL, **given)  # type: ignore[arg-type]

    def get(self, etag: str | None = None) -> Stored | None:
        with self.client() as client:
            return client.get(PATH, 1700000000000, etag)


def answers(*given: httpx.Response | Exception) -> Server:
    return Server(list(given))


def ok(**headers: str) -> httpx.Response:
    return httpx.Response(200, content=BODY, headers={"ETag": '"e1"', "RunNumber": "5"} | headers)


def test_an_object_is_asked_for_by_path_time_and_metadata() -> None:
    server = answers(ok())
    with server.client() as client:
        found = client.get("/" + PATH + "/", 1700000000000, conditions={"RunNumber": "5", "PassName": "a/b c"})
    assert found is not None
    assert str(server.asked[0].url) == f"{URL}/{PATH}/1700000000000/RunNumber=5/PassName=a%2Fb%20c"
    assert (found.body, found.etag, found.metadata["runnumber"]) == (BODY, "e1", "5")


def test_an_unchanged_object_is_none_and_the_etag_is_sent_quoted() -> None:
    server = answers(httpx.Response(304))
    assert server.get(etag="e1") is None
    assert server.asked[0].headers["If-None-Match"] == '"e1"'


def test_nothing_there_is_named() -> None:
    with pytest.raises(NotFoundError, match=rf"^{URL}/{PATH}/1700000000000: there is no such object"):
        answers(httpx.Response(404)).get()


def test_location_is_followed_first_and_the_metadata_of_the_first_answer_kept() -> None:
    moved = httpx.Response(303, headers={"Location": "/download/1", "Content-Location": "/download/2", "ETag": '"e1"'})
    server = answers(moved, httpx.Response(200, content=BODY, headers={"ETag": '"of the file"', "Extra": "x"}))
    found = server.get()
    assert found is not None
    assert [request.url.path for request in server.asked[1:]] == ["/download/1"]
    assert (found.body, found.etag, found.metadata["extra"]) == (BODY, "e1", "x")


def test_places_out_of_reach_are_skipped_and_the_others_tried_in_turn() -> None:
    places = "alien:///alice/1, file:/tmp/x, /download/2 , http://other:8080/download/3"
    moved = httpx.Response(302, headers={"Location": "alien:///x", "Content-Location": places})
    server = answers(moved, httpx.Response(404), ok())
    assert server.get() is not None
    assert [str(request.url) for request in server.asked[1:]] == [f"{URL}/download/2", "http://other:8080/download/3"]


def test_a_place_that_fails_does_not_hide_the_next_one() -> None:
    moved = httpx.Response(302, headers={"Content-Location": "/download/1,/download/2"})
    server = answers(moved, *[httpx.Response(503)] * 3, ok())
    assert server.get() is not None


@pytest.mark.parametrize("places", ["alien:///x", "", "/download/1"])
def test_a_redirect_to_nowhere_is_not_found(places: str) -> None:
    moved = httpx.Response(303, headers={"Content-Location": places})
    with pytest.raises(NotFoundError, match="places"):
        answers(moved, httpx.Response(404)).get()


def test_a_redirect_in_circles_ends() -> None:
    server = answers(httpx.Response(303, headers={"Location": "/again"}))
    with pytest.raises(InputError, match=f"redirected more than {MAX_HOPS} times"):
        server.get()
    assert len(server.asked) == MAX_HOPS + 1


@pytest.mark.parametrize(
    "failure", [httpx.Response(500), httpx.Response(429), httpx.ConnectError("refused"), httpx.ReadTimeout("late")]
)
def test_what_may_pass_is_tried_again_with_growing_pauses(failure: httpx.Response | Exception) -> None:
    server = answers(failure, failure, ok())
    assert server.get() is not None
    assert server.slept == [0.2, 0.4]


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (httpx.Response(500), "the server failed"),
        (httpx.ConnectError("Connection refused"), "Connection refused"),
        (httpx.ReadTimeout("x"), "no answer within 10 s"),
        (httpx.RemoteProtocolError("Server disconnected"), "Server disconnected"),
        (httpx.Response(403), "status 403"),
    ],
)
def test_a_failing_server_is_an_error_that_names_url_and_reason(failure: httpx.Response, reason: str) -> None:
    with pytest.raises(SourceError, match=rf"^{URL}/{PATH}/1700000000000: ") as raised:
        answers(failure).get()
    assert reason in str(raised.value)
    assert isinstance(raised.value, OSError)  # a watch tries to read such an arrival again


@pytest.mark.parametrize("told", [hashlib.md5(BODY).hexdigest(), base64.b64encode(hashlib.md5(BODY).digest()).decode()])
def test_the_checksum_is_compared_in_both_forms(told: str) -> None:
    assert answers(ok(**{"Content-MD5": told})).get() is not None


@pytest.mark.parametrize("told", ["0" * 32, "nonsense"])
def test_a_wrong_checksum_is_an_error_after_all_attempts(told: str) -> None:
    server = answers(ok(**{"Content-MD5": told}))
    with pytest.raises(InputError, match=r"is not what its checksum says"):
        server.get()
    assert len(server.asked) == 3


def test_a_checksum_wrong_once_is_asked_for_again() -> None:
    assert answers(ok(**{"Content-MD5": "0" * 32}), ok()).get() is not None


def test_a_body_too_big_is_refused_before_it_is_all_read() -> None:
    read = list[int]()

    def endless() -> Iterator[bytes]:
        for _ in range(10_000):
            read.append(1)
            yield bytes(300)

    with pytest.raises(InputError, match="is bigger than"):
        answers(httpx.Response(200, content=endless())).get()
    assert len(read) == 4


def test_a_body_that_drips_is_too_late() -> None:
    times = iter(range(10_000))
    server = answers(httpx.Response(200, content=(b"x" for _ in range(100))))
    with (
        server.client(monotonic=lambda: float(next(times)), attempts=1) as client,
        pytest.raises(SourceError, match="no whole answer within 10 s"),
    ):
        client.get(PATH, 1)


def test_a_list_is_asked_for_with_its_limits() -> None:
    server = answers(httpx.Response(200, json={"objects": []}, headers={"Date": "Tue, 14 Nov 2023 22:13:20 GMT"}))
    with server.client() as client:
        listing = client.browse("qc/ITS/MO/.*", {"RunNumber": "5"}, since_ms=10, until_ms=20, limit=3)
        client.latest("qc/ITS/MO/.*")
    first, second = server.asked
    assert first.url.path == "/browse/qc/ITS/MO/.*/RunNumber=5"
    assert second.url.path == "/latest/qc/ITS/MO/.*"
    told = {name: first.headers[name] for name in ("Accept", "If-Not-Before", "If-Not-After", "Browse-Limit")}
    assert list(told.values()) == ["application/json", "10", "20", "3"]
    assert "metadata" in first.headers["X-Filter-Fields"]
    assert listing.answered_at is not None
    assert listing.answered_at.timestamp() == 1700000000


@pytest.mark.parametrize("date", [None, "yesterday", "Tue, 99 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:20"])
def test_a_list_without_a_usable_date_has_none(date: str | None) -> None:
    answer = httpx.Response(200, json={"objects": []}, headers={"Date": date} if date else {})
    with answers(answer).client() as client:
        assert client.browse("x").answered_at is None


@pytest.mark.parametrize("answer", [httpx.Response(404), httpx.Response(200, text="<html>")])
def test_no_list_is_an_error_that_names_the_url(answer: httpx.Response) -> None:
    with answers(answer).client() as client, pytest.raises(SourceError, match=rf"^{URL}/browse/qc: "):
        client.browse("qc")


VERSION = Version(PATH, "e1", 1700000000000, 1700000180000, 1, None, {"RunNumber": "5", "CycleNumber": "7"})


@pytest.mark.parametrize(
    "headers", [{"ETag": '"e1"'}, {"ETag": '"e2"', "RunNumber": "5", "cyclenumber": "7"}], ids=["same", "newer"]
)
def test_a_listed_version_is_what_was_asked_for(headers: dict[str, str]) -> None:
    server = answers(httpx.Response(200, content=BODY, headers=headers))
    with server.client() as client:
        assert client.version(VERSION).body == BODY
    assert server.asked[0].url.path.endswith("/1700000000000/RunNumber=5/CycleNumber=7")


@pytest.mark.parametrize("headers", [{"ETag": '"e2"'}, {"ETag": '"e2"', "RunNumber": "5", "CycleNumber": "8"}])
def test_another_version_than_the_listed_one_is_refused(headers: dict[str, str]) -> None:
    server = answers(httpx.Response(200, content=BODY, headers=headers))
    with server.client() as client, pytest.raises(NotFoundError, match="another version"):
        client.version(VERSION)


def test_storing_is_not_tried_twice() -> None:
    server = answers(httpx.Response(500))
    with server.client() as client, pytest.raises(SourceError, match=PATH):
        client.put(PATH, 1, 2, BODY, {})
    assert len(server.asked) == 1
