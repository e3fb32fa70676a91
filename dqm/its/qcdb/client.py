"""A client of the QCDB: lists and objects, asked for again where that may help, never without bounds."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from core.errors import InputError, SourceError
from dqm.its.qcdb.listing import FIELDS, Listing, Version, bare, metadata_of, parse_listing
from dqm.its.qcdb.transfer import Answer, Transfer

MAX_HOPS = 5
MAX_LIST_BYTES = 64 * 2**20
_OK, _UNCHANGED, _NOT_FOUND = 200, 304, 404


class NotFoundError(InputError):
    """The QCDB holds nothing that is valid for what was asked."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as the QCDB returned it: ``url`` was asked, ``metadata`` came with it (names in lower case)."""

    url: str
    body: bytes
    etag: str
    metadata: Mapping[str, str]


class QcdbClient:
    """Asks one QCDB.

    Parameters
    ----------
    url
        Its address, ``http://host:port``.
    timeout_s
        No answer may take longer, from the question to its last byte.
    max_body_bytes
        Bigger objects are refused.
    attempts
        How often a question is put before it is given up, with growing pauses.
    transport, sleep, monotonic
        What carries the questions, waits and tells the time: others in tests.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 10.0,
        max_body_bytes: int = 16 * 2**20,
        attempts: int = 3,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url.rstrip("/")
        self._max_body_bytes = max_body_bytes
        self._transfer = Transfer(timeout_s, attempts, transport, sleep, monotonic)

    def __enter__(self) -> "QcdbClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._transfer.close()

    def browse(
        self,
        path: str,
        conditions: Mapping[str, str] | None = None,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        limit: int | None = None,
    ) -> Listing:
        """List all versions of the objects at ``path``.

        Parameters
        ----------
        path
            Path or regular expression; of a whole folder with ``.*`` at its end.
        conditions
            Only versions with these metadata.
        since_ms, until_ms
            Only versions created in this time (ms since 1970).
        limit
            At most so many.

        Raises
        ------
        core.errors.SourceError
            If the QCDB does not answer, or not with a list; the text names URL and reason.
        """
        wanted = {"If-Not-Before": since_ms, "If-Not-After": until_ms, "Browse-Limit": limit}
        return self._list("browse", path, conditions or {}, wanted)

    def latest(self, path: str, conditions: Mapping[str, str] | None = None) -> Listing:
        """List the newest version of each of the objects at ``path``, as ``browse`` does.

        Raises
        ------
        core.errors.SourceError
            As ``browse``.
        """
        return self._list("latest", path, conditions or {}, {})

    def get(
        self, path: str, timestamp_ms: int, etag: str | None = None, conditions: Mapping[str, str] | None = None
    ) -> Stored | None:
        """Return the newest version of an object that is valid at a time and has this metadata.

        None if ``etag`` is given and it is still the same version.

        Raises
        ------
        NotFoundError
            If there is none.
        core.errors.InputError
            If what came can never be used: too big, cut off, not what its checksum says.
        core.errors.SourceError
            If the QCDB does not answer as it should.
        """
        url = self._url(path, timestamp_ms, conditions or {})
        return self._follow(url, {"If-None-Match": f'"{etag}"'} if etag else {})

    def version(self, version: Version) -> Stored:
        """Return exactly this version, or a newer one of the same run and cycle.

        The QCDB is asked for its run and cycle, and where that is another one, for what was created at its time.

        Raises
        ------
        core.errors.SourceError, core.errors.InputError, NotFoundError
            As ``get``.
        """
        told = {key: version.metadata[key] for key in ("RunNumber", "CycleNumber") if key in version.metadata}
        found = self.get(version.path, version.valid_from_ms, conditions=told)
        assert found is not None  # only asked for with an ETag
        if found.etag == version.etag or (len(told) == 2 and _tells(found, told)):
            return found
        created = str(version.created_ms)
        exactly = {"If-Not-Before": created, "If-Not-After": created}
        pinned = self._follow(self._url(version.path, version.valid_from_ms, told), exactly)
        if pinned is None or pinned.etag != version.etag:
            raise NotFoundError(found.url, f"is now another version ({found.etag}) than the listed one")
        return pinned

    def put(self, path: str, valid_from_ms: int, valid_until_ms: int, body: bytes, metadata: Mapping[str, str]) -> None:
        """Store an object, as QC tasks do (test databases and the fake one).

        Raises
        ------
        core.errors.SourceError
            If the QCDB does not take it.
        """
        times = (str(valid_from_ms), str(valid_until_ms))
        url = "/".join([self.url, quote(path.strip("/")), *times, *_told(metadata)])
        name = f"{path.strip('/').replace('/', '_')}_{valid_from_ms}.root"
        answer = self._transfer.post(url, {"send": (name, body, "application/octet-stream")})
        if answer.status not in {200, 201}:
            raise SourceError(f"{url}: not stored (status {answer.status})")

    def _url(self, path: str, timestamp_ms: int, conditions: Mapping[str, str]) -> str:
        return "/".join([self.url, quote(path.strip("/")), str(timestamp_ms), *_told(conditions)])

    def _list(self, kind: str, path: str, conditions: Mapping[str, str], wanted: Mapping[str, int | None]) -> Listing:
        url = "/".join([self.url, kind, quote(path.strip("/"), safe="/.*()|[]^$+"), *_told(conditions)])
        headers = {name: str(value) for name, value in wanted.items() if value is not None}
        headers |= {"Accept": "application/json", "X-Filter-Fields": FIELDS}
        answer = self._transfer.get(url, headers, MAX_LIST_BYTES)
        if answer.status != _OK:
            raise SourceError(f"{url}: no list (status {answer.status})")
        return parse_listing(answer.body, url, answer.at)

    def _follow(self, url: str, headers: Mapping[str, str]) -> Stored | None:
        answer = self._transfer.get(url, headers, self._max_body_bytes)
        first = answer
        for _ in range(MAX_HOPS):
            if answer.status == _UNCHANGED and "If-None-Match" in headers:
                return None
            if answer.status == _OK:
                return _stored(url, answer, first)
            if answer.status == _NOT_FOUND:
                raise NotFoundError(url, "there is no such object, or no longer")
            if not 300 <= answer.status < 400:
                raise SourceError(f"{url}: unexpected answer (status {answer.status})")
            answer = self._redirected(url, answer)
        raise InputError(url, f"is redirected more than {MAX_HOPS} times")

    def _redirected(self, url: str, answer: Answer) -> Answer:
        """The first place that has it: ``Location``, then each of ``Content-Location``."""
        places, troubles = _places(answer), list[str]()
        for place in places:
            try:
                found = self._transfer.get(place, {}, self._max_body_bytes)
            except (SourceError, InputError) as error:
                if len(places) == 1:
                    raise
                troubles.append(str(error))
                continue
            if found.status < 400:
                return found
            troubles.append(f"{place}: status {found.status}")
        if any("status 404" not in trouble for trouble in troubles):
            raise SourceError(f"{url}: none of the places it is at answers ({'; '.join(troubles)[:500]})")
        raise NotFoundError(url, f"is at none of the {len(places)} places named for it that can be read over HTTP")


def _tells(found: Stored, told: Mapping[str, str]) -> bool:
    return all(found.metadata.get(key.lower()) == value for key, value in told.items())


def _told(metadata: Mapping[str, str]) -> list[str]:
    return [f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in metadata.items()]


def _places(answer: Answer) -> Sequence[str]:
    """Where a redirect leads, without places that are not reached over HTTP (``alien://``, ``file:``)."""
    named = answer.headers.get_list("Location") + answer.headers.get_list("Content-Location", split_commas=True)
    found = dict[str, None]()
    for place in named:
        try:
            url = httpx.URL(answer.url).join(place.strip())
        except (httpx.InvalidURL, ValueError):
            continue
        if place.strip() and url.scheme in {"http", "https"} and url.host:
            found[str(url)] = None
    return list(found)


def _stored(url: str, answer: Answer, first: Answer) -> Stored:
    """What came, with the metadata of the first answer: behind a redirect a plain file server may stand."""
    headers: dict[str, Any] = {}
    for part in (answer, first):
        headers |= {name.lower(): value for name, value in part.headers.items()}
    return Stored(url, answer.body, bare(headers.get("etag", "")), metadata_of(headers))
