"""Questions over HTTP, put again with growing pauses; their answers are whole, small enough and in time."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from core.clock import as_utc
from core.errors import InputError, SourceError

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
_BUSY = frozenset({408, 429})
_LOOPBACK = ("127.", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; ``at`` is the time by the clock of the server, if it told it."""

    url: str
    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def at(self) -> datetime | None:
        try:
            return as_utc(parsedate_to_datetime(self.headers["Date"]))
        except (KeyError, ValueError, TypeError, IndexError, OverflowError):
            return None


class CutOffError(InputError):
    """What came is not what was sent: cut off, or not what its checksum says."""


class _AgainError(Exception):
    """Worth another try; ``final`` is what to raise if that was the last one."""

    def __init__(self, final: SourceError | InputError) -> None:
        super().__init__(str(final))
        self.final = final


class Transfer:
    """Carries questions to servers; see ``QcdbClient`` for the parameters."""

    def __init__(
        self,
        timeout_s: float,
        attempts: int,
        transport: httpx.BaseTransport | None,
        sleep: Callable[[float], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._timeout_s, self._attempts = timeout_s, attempts
        self._sleep, self._monotonic = sleep, monotonic
        options: dict[str, Any] = {
            "timeout": timeout_s,
            "headers": {"User-Agent": "shiftwatch", "Accept-Encoding": "identity"},
        }
        self._http = httpx.Client(transport=transport, **options)
        self._near = httpx.Client(transport=transport, trust_env=False, **options)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()
        self._near.close()

    def get(self, url: str, headers: Mapping[str, str], max_bytes: int) -> Answer:
        """Return the answer to a GET, whatever its status below 500; redirects are not followed.

        Raises
        ------
        core.errors.SourceError
            If there was no answer, a late one or a status of 500 and more, each time.
        core.errors.InputError
            If the answer is bigger than ``max_bytes``, or each time cut off or not what its checksum says.
        """
        return self._again(lambda: self._checked(self._send("GET", url, max_bytes, headers=headers)))

    def post(self, url: str, files: Mapping[str, Any]) -> Answer:
        """Return the answer to a form with files; not put again, as the first may have been taken.

        Raises
        ------
        core.errors.SourceError
            As ``get``.
        """
        try:
            return self._send("POST", url, 2**20, files=files)
        except _AgainError as error:
            raise error.final from None

    def _again(self, ask: Callable[[], Answer]) -> Answer:
        pause = FIRST_PAUSE_S
        for _ in range(self._attempts - 1):
            try:
                return ask()
            except _AgainError:
                self._sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
        try:
            return ask()
        except _AgainError as error:
            raise error.final from None

    def _send(self, method: str, url: str, max_bytes: int, **more: Any) -> Answer:
        client = self._near if _is_near(url) else self._http
        until, began = self._monotonic() + self._timeout_s, False
        try:
            with client.stream(method, url, **more) as response:
                began = True
                body = self._body(response, url, max_bytes, until)
                answer = Answer(url, response.status_code, response.headers, body)
        except httpx.RemoteProtocolError as error:
            if began:
                raise _AgainError(CutOffError(url, f"ends in the middle ({error})")) from None
            raise _AgainError(SourceError(f"{url}: no answer ({error})")) from None
        except httpx.TimeoutException:
            raise _AgainError(SourceError(f"{url}: no answer within {self._timeout_s:g} s")) from None
        except httpx.HTTPError as error:
            raise _AgainError(SourceError(f"{url}: no answer ({error or type(error).__name__})")) from None
        except httpx.InvalidURL as error:
            raise InputError(url, f"is no URL ({error})") from None
        if answer.status >= 500 or answer.status in _BUSY:
            raise _AgainError(SourceError(f"{url}: the server failed (status {answer.status})"))
        return answer

    def _body(self, response: httpx.Response, url: str, max_bytes: int, until: float) -> bytes:
        parts, size = list[bytes](), 0
        for part in response.iter_bytes():
            size += len(part)
            if size > max_bytes:
                raise InputError(url, f"is bigger than {max_bytes / 2**20:g} MB")
            if self._monotonic() > until:
                raise _AgainError(SourceError(f"{url}: no whole answer within {self._timeout_s:g} s"))
            parts.append(part)
        return b"".join(parts)

    def _checked(self, answer: Answer) -> Answer:
        """The answer, if it is what its ``Content-MD5`` says (in hexadecimal as the QCDB, or base64 as RFC 1864)."""
        told = answer.headers.get("Content-MD5", "").strip().strip('"')
        if answer.status != 200 or not told:
            return answer
        digest = hashlib.md5(answer.body, usedforsecurity=False).digest()
        if told.lower() == digest.hex() or _unbase64(told) == digest:
            return answer
        raise _AgainError(CutOffError(answer.url, "is not what its checksum says (Content-MD5)"))


def _is_near(url: str) -> bool:
    """Whether it is on this machine, which no proxy must be asked for."""
    try:
        return httpx.URL(url).host.startswith(_LOOPBACK)
    except (httpx.InvalidURL, ValueError):
        return False


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
