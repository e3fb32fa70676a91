"""A fake QCDB: real HTTP on this machine, in memory, failing on request; ``python -m dqm.its.qcdb.server --port N``."""

import argparse
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import uvicorn

from core.clock import Clock, SystemClock
from dqm.its.qcdb.endpoints import Endpoints, Style
from dqm.its.qcdb.faults import Faults
from dqm.its.qcdb.versions import Versions

HOST = "127.0.0.1"
_START_S = 20.0


class FakeQcdb:
    """A QCDB in this process, listening between ``with`` and its end.

    Parameters
    ----------
    port
        The port it listens on; 0 for any free one.
    redirects
        Whether it answers questions for an object with a redirect to the body.
    old_spelling
        Whether lists name ``id, validFrom...`` in place of ``ETag, Valid-From...``.
    clock
        Its clock; ``faults.clock_offset_s`` is added.
    host
        The address it listens on (0.0.0.0 in a container).

    ``versions`` is what it holds, ``faults`` what it does wrong; ``down`` and ``up`` make it refuse connections.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        redirects: bool = False,
        old_spelling: bool = False,
        clock: Clock | None = None,
        host: str = HOST,
    ) -> None:
        self.faults = Faults()
        self._clock = clock or SystemClock()
        self.versions = Versions(self._now_ms)
        self._style = Style(redirects, old_spelling)
        self._host, self._port = host, port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.RLock()
        self._closed = threading.Event()

    @property
    def url(self) -> str:
        """Where it is, ``http://127.0.0.1:port``."""
        return f"http://{self._host}:{self._port}"

    def __enter__(self) -> "FakeQcdb":
        self._closed.clear()
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self.down()

    def up(self) -> None:
        """Listen (again, on the same port).

        Raises
        ------
        OSError
            If the port is taken.
        """
        with self._lock:
            if self._thread is not None:
                return
            listener = _listen(self._host, self._port)
            self._port = listener.getsockname()[1]
            self._server = uvicorn.Server(self._config())
            self._thread = threading.Thread(target=self._serve, args=(self._server, listener), name="fake-qcdb")
            self._thread.start()
            _wait_for(self._server, self._thread)

    def down(self) -> None:
        """Stop listening: whoever asks is refused."""
        with self._lock:
            if self._thread is None or self._server is None:
                return
            self._server.should_exit = True
            self._thread.join()
            self._server, self._thread = None, None

    def down_for(self, seconds: float) -> None:
        """Stop listening for some time, without waiting for it."""
        threading.Thread(target=self._interlude, args=(seconds,), name="fake-qcdb-down").start()

    def wait(self) -> None:
        """Serve until interrupted or left."""
        self._closed.wait()

    def _interlude(self, seconds: float) -> None:
        time.sleep(0.05)  # the question that asked for it still gets its answer
        self.down()
        if not self._closed.wait(seconds):
            self.up()

    def _config(self) -> uvicorn.Config:
        app = Endpoints(self.versions, self.faults, self._style, self.down_for).application()
        return uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            date_header=False,
            timeout_graceful_shutdown=1,
        )

    @staticmethod
    def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
        with listener:
            server.run(sockets=[listener])

    def _now_ms(self) -> int:
        return int((self._clock.now().timestamp() + self.faults.clock_offset_s) * 1000)


def _listen(host: str, port: int) -> socket.socket:
    # named as TCP, or asyncio leaves Nagle's algorithm on: 40 ms an answer
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _wait_for(server: uvicorn.Server, thread: threading.Thread) -> None:
    until = time.monotonic() + _START_S
    while not server.started:
        if time.monotonic() > until or not thread.is_alive():
            raise OSError("the fake QCDB did not start")
        time.sleep(0.005)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM, also where the shell that started it in the background ignores SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m dqm.its.qcdb.server", description=__doc__)
    parser.add_argument("--port", type=int, default=8083, help="where to listen on 127.0.0.1 (0: any free port)")
    parser.add_argument("--redirects", action="store_true", help="answer with redirects to the bodies")
    parser.add_argument("--old-spelling", action="store_true", help="lists in the older spelling")
    options = parser.parse_args(arguments)
    with FakeQcdb(options.port, redirects=options.redirects, old_spelling=options.old_spelling) as server:
        for wanted in (signal.SIGINT, signal.SIGTERM):
            signal.signal(wanted, signal.default_int_handler)
        print(server.url, flush=True)
        with suppress(KeyboardInterrupt):
            server.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
