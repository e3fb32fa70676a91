"""A session at the dashboard as a browser has it, without the browser: over the websocket, in Streamlit's messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

TIMEOUT_S = 120.0
_PROBLEMS = ("exception",)


@dataclass(slots=True)
class Run:
    """One run of a page: seconds from asking to the end of its script, messages and bytes of it, errors shown.

    ``fragments``: what refreshes itself, and every how many seconds.
    """

    seconds: float = 0.0
    messages: int = 0
    bytes: int = 0
    errors: int = 0
    fragments: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Session:
    """One open page. ``refresh`` runs one of its fragments as the browser does every few seconds."""

    address: str
    operator: str = "shiftwatch_operator=Anna%20Keller"
    fragments: Mapping[str, float] = field(default_factory=dict)
    _socket: ClientConnection | None = None
    _page: tuple[str, str] = ("", "")

    def __enter__(self) -> Self:
        url = self.address.replace("http", "ws", 1) + "/_stcore/stream"
        headers = {"Cookie": self.operator}
        self._socket = connect(
            url,
            subprotocols=[Subprotocol("streamlit")],
            additional_headers=headers,
            max_size=None,
            open_timeout=TIMEOUT_S,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            self._socket.close()

    def open(self, page: str, query: str = "") -> Run:
        """Run a page."""
        self._page = (page, query)
        run = self._ask()
        self.fragments = run.fragments
        return run

    def refresh(self, fragment: str) -> Run:
        """Run a fragment of the page that refreshes itself."""
        return self._ask(fragment)

    def _ask(self, fragment: str = "") -> Run:
        assert self._socket is not None
        message = BackMsg()
        state = message.rerun_script
        state.page_name, state.query_string, state.fragment_id = self._page[0], self._page[1], fragment
        state.is_auto_rerun = bool(fragment)
        state.context_info.timezone = "Europe/Zurich"
        began = perf_counter()
        self._socket.send(message.SerializeToString())
        return self._until_finished(began)

    def _until_finished(self, began: float) -> Run:
        assert self._socket is not None
        run = Run()
        while True:
            raw = self._socket.recv(timeout=TIMEOUT_S)
            assert isinstance(raw, bytes)
            told = ForwardMsg.FromString(raw)
            run.messages, run.bytes = run.messages + 1, run.bytes + len(raw)
            kind = told.WhichOneof("type")
            run.errors += _is_error(told)
            if kind == "auto_rerun":
                run.fragments[told.auto_rerun.fragment_id] = told.auto_rerun.interval
            if kind == "script_finished" and told.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                run.seconds = perf_counter() - began
                return run


def _is_error(told: Any) -> int:
    delta = told.delta
    return int(told.WhichOneof("type") == "delta" and delta.new_element.WhichOneof("type") in _PROBLEMS)
