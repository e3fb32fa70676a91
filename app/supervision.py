"""Child processes of ``demo`` and ``up``: start them, wait until they answer, stop them all, leave no orphan."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import ShiftwatchError

MARK = "SHIFTWATCH_RUN_MARK"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
STEADY_S = 120.0
"""What ran for so long and ends is started again at once."""
_SET_PARENT_DEATH_SIGNAL = 1


class ServiceError(ShiftwatchError):
    """A child process ended, or did not answer in time; the text ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Service:
    """A child process to start: what to run, with which variables, and the URL that answers when it is up."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_url: str | None = None


@dataclass(slots=True)
class Crew:
    """The running children of one ``demo`` or ``up``, with the folder of their logs and the mark they carry."""

    logs: Path
    mark: str
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    falls: dict[str, "_Fall"] = field(default_factory=dict)

    def start(self, service: Service, *, again: bool = False) -> None:
        """Start ``service`` in a session of its own; its output goes to ``logs/NAME.log`` (``again``: at its end)."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{service.name}.log").open("ab" if again else "wb") as log:
            self.running[service.name] = subprocess.Popen(
                list(service.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **service.environment, MARK: self.mark},
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 one thread only
            )
        self.services[service.name] = service

    def wait_ready(self, name: str, timeout_s: float) -> None:
        """Wait until the service answers at its URL.

        Raises
        ------
        ServiceError
            It ended, or stayed silent for ``timeout_s``.
        """
        url = self.services[name].ready_url
        deadline = time.monotonic() + timeout_s
        while url is not None and not answers(url):
            self.check(name)
            if time.monotonic() > deadline:
                raise ServiceError(f"{name} did not answer within {timeout_s:.0f} s{self.tail(name)}")
            time.sleep(0.2)

    def check(self, name: str) -> None:
        """Raise ServiceError if the service has ended."""
        code = self.running[name].poll()
        if code is not None:
            raise ServiceError(f"{name} stopped with status {code}{self.tail(name)}")

    def check_all(self) -> None:
        """Raise ServiceError if any service has ended."""
        for name in self.running:
            self.check(name)

    def revive(self, report: Callable[[str], None]) -> None:
        """Start again what has ended, at growing intervals if it ends again and again; the others go on meanwhile."""
        now = time.monotonic()
        for name, child in list(self.running.items()):
            fall = self.falls.setdefault(name, _Fall(now))
            code = child.poll()
            if code is None:
                continue
            if fall.again_at is None:
                pause_s = fall.pause_s(now)
                report(f"{name} stopped with status {code}; it is started again in {pause_s:.0f} s{self.tail(name)}")
                fall.again_at = now + pause_s
            elif now >= fall.again_at:
                self.start(self.services[name], again=True)
                fall.began, fall.again_at = now, None

    def tail(self, name: str, lines: int = 12) -> str:
        """Return where the log is and its last lines, ready to be put behind a sentence."""
        path = self.logs / f"{name}.log"
        text = path.read_text(errors="replace").splitlines()[-lines:] if path.exists() else []
        return "\n".join([f"; its log is {path}", *(f"    {line}" for line in text)])

    def stop(self, grace_s: float = 8.0) -> None:
        """End all children, politely first, last started first; then whatever they left behind."""
        for how in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            for child in reversed(self.running.values()):
                if child.poll() is None:
                    _signal_group(child.pid, how)
            _wait_until(lambda: all(child.poll() is not None for child in self.running.values()), grace_s)
        for pid in marked(self.mark):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


@dataclass(slots=True)
class _Fall:
    """How often a child ended soon after its start, and when it is started again."""

    began: float
    count: int = 0
    again_at: float | None = None

    def pause_s(self, now: float) -> float:
        """Return how long to wait now that it ended."""
        self.count = self.count + 1 if now - self.began < STEADY_S else 1
        return float(min(FIRST_PAUSE_S * 2.0 ** (self.count - 1), LONGEST_PAUSE_S))


@contextmanager
def crew(logs: Path) -> Iterator[Crew]:
    """Yield a crew and stop it on the way out, also after Ctrl-C, SIGTERM or a closed terminal."""
    members = Crew(logs=logs, mark=uuid.uuid4().hex)
    previous = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield members
    finally:
        with _deaf_to(signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            members.stop()
        for number, handler in previous.items():
            signal.signal(number, handler)


def marked(mark: str) -> list[int]:
    """Return the processes that carry ``mark`` in their environment (Linux; elsewhere none can be found)."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def answers(url: str) -> bool:
    """Tell whether ``url`` answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 our own address on this machine
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def free_port(preferred: int) -> int:
    """Return ``preferred`` if nothing listens there on this machine, else a port the system picks."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise ServiceError("no free port on 127.0.0.1")


def _signal_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _wait_until(done: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _deaf_to(*numbers: signal.Signals) -> Iterator[None]:
    """Let nothing interrupt the stopping: an impatient second Ctrl-C would leave orphans."""
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
