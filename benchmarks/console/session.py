"""A session at the dashboard as a browser has it, without the browser: over the websocket, in Streamlit's messages."""

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
    """One run of a page: seconds from asking to the end of its script, messages and bytes of it, errors shown."""

    seconds: float
    messages: int
    bytes: int
    errors: int
    fragments: list[str]


@dataclass(slots=True)
class Session:
    """One open page. ``refresh`` runs its fragments as the browser does every few seconds."""

    address: str
    operator: str = "shiftwatch_operator=Anna%20Keller"
    fragments: list[str] = field(default_factory=list)
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

    def refresh(self) -> Run:
        """Run every fragment of the page that refreshes itself."""
        runs = [self._ask(fragment) for fragment in self.fragments] or [self._ask()]
        sums = [sum(getattr(run, name) for run in runs) for name in ("seconds", "messages", "bytes", "errors")]
        return Run(float(sums[0]), int(sums[1]), int(sums[2]), int(sums[3]), self.fragments)

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
        run = Run(0.0, 0, 0, 0, [])
        while True:
            raw = self._socket.recv(timeout=TIMEOUT_S)
            assert isinstance(raw, bytes)
            told = ForwardMsg.FromString(raw)
            run.messages, run.bytes = run.messages + 1, run.bytes + len(raw)
            kind = told.WhichOneof("type")
            run.errors += _is_error(told)
            if kind == "auto_rerun":
                run.fragments.append(told.auto_rerun.fragment_id)
            if kind == "script_finished" and told.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                run.seconds = perf_counter() - began
                return run


def _is_error(told: Any) -> int:
    delta = told.delta
    return int(told.WhichOneof("type") == "delta" and delta.new_element.WhichOneof("type") in _PROBLEMS)
