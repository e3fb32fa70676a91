"""Watches without Prefect while its server is away: what they watch does not wait for it."""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

WINDOW_S = 7 * 24 * 3600.0
"""They are ended when the server is back."""
PATIENCE_S = 25.0
"""Docker gives a part 30 s to end; what is not committed by then its source offers again."""
AGAIN_S = 10.0
RETENTION_S = 3600.0
"""So often it is asked whether retention is due; it knows itself."""
log = logging.getLogger(__name__)


@dataclass
class StandIns:
    """One plain watch (``flows.watching``) for each system, started again if it ends."""

    systems: Sequence[str]
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    retention: "subprocess.Popen[bytes] | None" = None
    retention_asked: float | None = None

    def keep_up(self) -> None:
        """Start those that do not run; one that ended at once is not started again at once."""
        for system in self.systems:
            child = self.running.get(system)
            if child is not None and child.poll() is None:
                continue
            if time.monotonic() - self.started.get(system, -AGAIN_S) < AGAIN_S:
                continue
            log.warning("%s is watched without Prefect until its server answers", system)
            command = [sys.executable, "-m", "flows.watching", "--system", system, "--window", f"{WINDOW_S:.0f}"]
            self.running[system] = subprocess.Popen(command, stdin=subprocess.DEVNULL)
            self.started[system] = time.monotonic()
        self._retain()

    def _retain(self) -> None:
        """Let a round of retention be done if one is due: the disk must not fill up because Prefect is away."""
        now = time.monotonic()
        if self.retention_asked is not None and now - self.retention_asked < RETENTION_S:
            return
        if self.retention is None or self.retention.poll() is not None:
            names = [word for system in self.systems for word in ("--system", system)]
            command = [sys.executable, "-m", "flows.retaining", "--if-due", *names]
            self.retention = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.retention_asked = now

    def end(self) -> None:
        """End them; each commits what it has judged."""
        children = [*self.running.values(), *([self.retention] if self.retention is not None else [])]
        for child in children:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_S
        for child in children:
            try:
                child.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.running.clear()


def stand_in(systems: Sequence[str], is_back: Callable[[], bool], every_s: float = 2.0) -> None:
    """Watch without Prefect until its server is back. A signal ends the watches, too."""
    watches = StandIns(systems)
    try:
        while not is_back():
            watches.keep_up()
            time.sleep(every_s)
    finally:
        watches.end()
