"""A QCDB to which a test publishes cycles, and the source that reads it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from core.clock import ManualClock
from core.contracts import Arrival
from core.settings import Settings
from dqm.its.qcdb.server import FakeQcdb
from dqm.its.source import QcdbSource
from tests.dqm.its.stored import NOON

START = NOON + timedelta(seconds=180)
FEW = ("cluster_occupation_L0", "cluster_occupation_L1", "vertex_z")


class Scene:
    """A QCDB, a clock for all, and a source that reads it."""

    def __init__(self, server: FakeQcdb, clock: ManualClock) -> None:
        self.server, self.clock = server, clock
        self.done = set[str]()
        self.source = self.fresh()

    def settings(self, **its: Any) -> Settings:
        return Settings(its={"qcdb_url": self.server.url, "attempts": 1, "poll_s": 0, **its})

    def fresh(self, **its: Any) -> QcdbSource:
        return QcdbSource(self.settings(**its), self.clock, monotonic=lambda: self.clock.now().timestamp())

    def settled(self, tickets: Sequence[str]) -> set[str]:
        return self.done & set(tickets)

    def arrivals(self) -> list[Arrival]:
        return list(self.source.arrivals(self.settled))

    def numbers(self) -> list[int]:
        return [arrival.detail["cycle"] for arrival in self.arrivals()]

    def settle(self) -> list[int]:
        """Settle what is offered."""
        offered = self.arrivals()
        self.done |= {arrival.ticket for arrival in offered}
        return [arrival.detail["cycle"] for arrival in offered]
