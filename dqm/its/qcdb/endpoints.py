"""The questions that the fake QCDB answers, as a Starlette application."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from dqm.its.qcdb.faults import FaultKind, Faults, changed_binning, wrong_type
from dqm.its.qcdb.versions import Held, Versions

_END_MS = 2**62
_SERVING = (
    *(FaultKind.SLOW, FaultKind.NOT_FOUND, FaultKind.ERROR, FaultKind.HALF_BODY, FaultKind.WRONG_SUM),
    *(FaultKind.WRONG_TYPE, FaultKind.CHANGED_BINNING),
)


@dataclass(frozen=True, slots=True)
class Style:
    """How the server answers: with a redirect to the body, and lists in the older spelling."""

    redirects: bool = False
    old_spelling: bool = False


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Answers questions from ``versions``, with the ``faults`` that are on."""

    versions: Versions
    faults: Faults
    style: Style
    go_down: Callable[[float], None]

    def application(self) -> Starlette:
        """Return all of it as an ASGI application."""
        return Starlette(
            routes=[
                Route("/drill/{kind}", self.drill, methods=["POST"]),
                Route("/monitor/{rest:path}", self.monitor, methods=["GET"]),
                Route("/browse/{rest:path}", self.listing, methods=["GET"]),
                Route("/latest/{rest:path}", self.listing, methods=["GET"]),
                Route("/truncate/{rest:path}", self.truncate, methods=["DELETE"]),
                Route("/download/{uuid}", self.download, methods=["GET", "HEAD"]),
                Route("/{rest:path}", self.get, methods=["GET", "HEAD"]),
                Route("/{rest:path}", self.put, methods=["POST"]),
                Route("/{rest:path}", self.delete, methods=["DELETE"]),
            ]
        )

    async def monitor(self, _: Request) -> Response:
        """Health, as QC's own clients ask for it."""
        return self._dated(JSONResponse({"Results": [{"param": "ccdb_version", "value": "fake"}]}))

    async def listing(self, request: Request) -> Response:
        """``/browse`` and ``/latest``."""
        hit = self.faults.take("listing", FaultKind.SLOW, FaultKind.ERROR, FaultKind.NO_LISTING)
        await _slowly(hit)
        if FaultKind.ERROR in hit:
            return self._dated(PlainTextResponse("internal error", 500))
        if FaultKind.NO_LISTING in hit:
            return self._dated(PlainTextResponse("<html>Bad gateway</html>"))
        parts, conditions = _split(request.path_params["rest"])
        at = int(parts.pop()) if parts and parts[-1].isdigit() else None
        find = self.versions.browse if request.url.path.startswith("/browse") else self.versions.latest
        try:
            found = find("/".join(parts), conditions, *_window(request))
        except re.error as error:
            return self._dated(PlainTextResponse(f"no regular expression: {error}", 400))
        valid = [held for held in found if at is None or held.valid_from_ms <= at < held.valid_until_ms]
        rows = [self._row(held) for held in valid[: int(request.headers.get("Browse-Limit", _END_MS))]]
        return self._dated(JSONResponse({"objects": rows, "subfolders": []}))

    async def get(self, request: Request) -> Response:
        """An object by path, time and metadata."""
        parts, conditions = _split(request.path_params["rest"])
        if len(parts) < 2 or not parts[-1].isdigit():
            return self._dated(PlainTextResponse("no time", 400))
        held = self.versions.valid_at("/".join(parts[:-1]), int(parts[-1]), conditions, *_window(request))
        if held is None:
            return self._dated(PlainTextResponse("no matching objects found", 404))
        if f'"{held.uuid}"' in request.headers.get("If-None-Match", ""):
            return self._dated(Response(status_code=304, headers={"ETag": f'"{held.uuid}"'}))
        if not self.style.redirects:
            return await self._body(held)
        place = f"/download/{held.uuid}"
        headers = {**_headers(held), "Location": place, "Content-Location": f"alien:///{held.uuid}, {place}"}
        return self._dated(Response(status_code=303, headers=headers))

    async def download(self, request: Request) -> Response:
        """A body by its identifier."""
        held = self.versions.by_uuid(request.path_params["uuid"])
        return await self._body(held) if held else self._dated(PlainTextResponse("gone", 404))

    async def put(self, request: Request) -> Response:
        """Take an object in: ``/<path>/<from>/<until>/<key=value>...`` with the body in the field ``send``."""
        parts, metadata = _split(request.path_params["rest"])
        if len(parts) < 3 or not (parts[-1].isdigit() and parts[-2].isdigit()):
            return self._dated(PlainTextResponse("no validity", 400))
        async with request.form() as form:
            sent = form.get("send")
            if sent is None or isinstance(sent, str):
                return self._dated(PlainTextResponse("no field called send", 400))
            body = await sent.read()
        path, since, until = "/".join(parts[:-2]), int(parts[-2]), int(parts[-1])
        try:
            held = self.versions.put(path, since, until, body, metadata)
            if self.faults.take(path, FaultKind.TWO_VERSIONS):
                self.versions.put(path, since, until, body, metadata)
        except ValueError as error:
            return self._dated(PlainTextResponse(str(error), 400))
        return self._dated(Response(status_code=201, headers={"Location": f"/download/{held.uuid}"}))

    async def delete(self, request: Request) -> Response:
        """Forget the version named at the end."""
        gone = self.versions.remove(request.path_params["rest"].rsplit("/", 1)[-1])
        return self._dated(Response(status_code=204 if gone else 404))

    async def truncate(self, request: Request) -> Response:
        """Forget all versions of the objects that fit."""
        return self._dated(JSONResponse({"removed": self.versions.truncate(request.path_params["rest"])}))

    async def drill(self, request: Request) -> Response:
        """Do something wrong: a ``FaultKind``, ``down``, ``clock``, ``thin`` or ``clear`` (this is not in a QCDB)."""
        kind, told = request.path_params["kind"], request.query_params
        seconds = float(told.get("seconds", 0))
        times = int(told["times"]) if "times" in told else None
        if kind == "clear":
            self.faults.clear()
        elif kind == "down":
            self.go_down(seconds)
        elif kind == "clock":
            self.faults.clock_offset_s = seconds
        elif kind == "thin":
            self.versions.thin(seconds, float(told.get("every", 600)))
        elif kind in set(FaultKind):
            self.faults.add(FaultKind(kind), told.get("pattern", ".*"), times, seconds)
        else:
            return self._dated(PlainTextResponse(f"no such drill: {kind}", 404))
        return self._dated(Response(status_code=204))

    async def _body(self, held: Held) -> Response:
        hit = self.faults.take(held.path, *_SERVING)
        await _slowly(hit)
        for kind, status in ((FaultKind.NOT_FOUND, 404), (FaultKind.ERROR, 500)):
            if kind in hit:
                return self._dated(PlainTextResponse(kind, status))
        return self._dated(_served(held, hit))

    def _dated(self, response: Response) -> Response:
        response.headers["Date"] = formatdate(self.versions.now_ms() / 1000, usegmt=True)
        return response

    def _row(self, held: Held) -> dict[str, Any]:
        described = _described(held)
        if self.style.old_spelling:
            names = ("id", "validFrom", "validUntil", "createTime", "size")
            return {"path": held.path, **dict(zip(names, described.values(), strict=True)), **held.metadata}
        quoted = {name: str(value) for name, value in described.items()} | {"ETag": f'"{held.uuid}"'}
        return {"path": held.path, **quoted, "fileName": held.file_name, **held.metadata}


def _window(request: Request) -> tuple[int, int]:
    """From when to when what is asked for was created."""
    told = request.headers
    return int(told.get("If-Not-Before", 0)), int(told.get("If-Not-After", _END_MS))


def _served(held: Held, hit: Mapping[FaultKind, object]) -> Response:
    """The body, with the faults that hit it."""
    body = held.body
    if FaultKind.WRONG_TYPE in hit:
        body = wrong_type(body)
    if FaultKind.CHANGED_BINNING in hit:
        body = changed_binning(body)
    headers = _headers(held)
    if body is not held.body:
        del headers["Content-MD5"]
    if FaultKind.WRONG_SUM in hit:
        body = bytes([body[0] ^ 1]) + body[1:]
    headers["Content-Length"] = str(len(body))
    if FaultKind.HALF_BODY in hit:
        body = body[: len(body) // 2]
    return Response(body, headers=headers, media_type="application/octet-stream")


def _described(held: Held) -> dict[str, Any]:
    return {
        "ETag": held.uuid,
        "Valid-From": held.valid_from_ms,
        "Valid-Until": held.valid_until_ms,
        "Created": held.created_ms,
        "Content-Length": len(held.body),
    }


def _headers(held: Held) -> dict[str, str]:
    """What the headers of an object tell of it; Content-Length is the body's."""
    told = {name: str(value) for name, value in _described(held).items() if name != "Content-Length"}
    told |= {"ETag": f'"{held.uuid}"', "Content-MD5": held.md5}
    name = f'inline;filename="{held.file_name}"'
    return {**held.metadata, **told, "Content-Disposition": name}


def _split(rest: str) -> tuple[list[str], dict[str, str]]:
    """Folders of a path, and the ``key=value`` behind them."""
    parts = [part for part in rest.split("/") if part]
    told = [part for part in parts if "=" in part]
    pairs = [part.partition("=") for part in told]
    return [part for part in parts if "=" not in part], {key: value for key, _, value in pairs}


async def _slowly(hit: Mapping[FaultKind, Any]) -> None:
    if FaultKind.SLOW in hit:
        await asyncio.sleep(hit[FaultKind.SLOW].seconds)
