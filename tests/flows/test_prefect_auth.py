"""Prefect's API with an auth string: its real application refuses whoever does not know it; our asking knows it."""

import asyncio
import base64
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from prefect.server.api.server import create_app
from prefect.settings import PREFECT_SERVER_API_AUTH_STRING, temporary_settings

from app.metrics.scheduler import flow_runs

AUTH = "shiftwatch:0123456789abcdef"


def test_a_wrong_string_is_refused() -> None:
    with temporary_settings({PREFECT_SERVER_API_AUTH_STRING: AUTH}):
        transport = httpx.ASGITransport(create_app(ephemeral=True, ignore_cache=True))

    async def ask(path: str, given: str | None) -> int:
        headers = {} if given is None else {"Authorization": f"Basic {base64.b64encode(given.encode()).decode()}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://prefect") as client:
            return (await client.get(path, headers=headers)).status_code

    for wrong in (None, AUTH + "0", AUTH[:-1], "shiftwatch:", ":"):
        assert asyncio.run(ask("/api/admin/version", wrong)) == 401
    assert asyncio.run(ask("/api/admin/version", AUTH)) == 200
    assert asyncio.run(ask("/api/health", None)) == 200  # which tells nothing but that it lives


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.headers.get("Authorization", ""))
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "1")
            self.end_headers()
            self.wfile.write(b"3")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api", got
    server.shutdown()
    thread.join()
    server.server_close()


def test_metrics_ask_with_the_string(asked: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    url, got = asked
    monkeypatch.setenv("PREFECT_API_URL", url)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", AUTH)
    assert flow_runs(datetime.now(UTC)) == {"completed": 3, "failed": 3, "crashed": 3, "cancelled": 3}
    assert set(got) == {f"Basic {base64.b64encode(AUTH.encode()).decode()}"}
