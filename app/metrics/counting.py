"""What is counted rather than measured: verdicts, their delay, and what happened to alarms, since this process began.

Counters begin at 0 with the process, as Prometheus expects of them, and never go back: what retention deletes, or a
restored backup lacks, does not show as a burst of new verdicts.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from core.store import tally
from core.store.engine import Database

STAGES = 30
"""Stages come from file names: a site that names thousands must not make thousands of series."""
OTHER = "other"
LONGEST_TRANSACTION = timedelta(minutes=10)
DELAYS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 900, 3600)


@dataclass
class Counts:
    """The counters of one registry, and up to where each system was counted."""

    registry: CollectorRegistry
    observations: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    stages: dict[str, set[str]] = field(default_factory=dict)
    noted: deque[tuple[datetime, int]] = field(default_factory=deque)
    begun: bool = False

    def __post_init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.verdicts = Counter(
            "shiftwatch_verdicts",
            "Verdicts given, by production stage (flex) and quality.",
            ("system", "stage", "quality"),
            registry=self.registry,
        )
        self.delay = Histogram(
            "shiftwatch_verdict_delay_seconds",
            "Time from an observation to its verdict.",
            ("system",),
            buckets=DELAYS_S,
            registry=self.registry,
        )
        self.changes = Counter(
            "shiftwatch_alarm_events",
            "Lines of the history of alarms: raised, escalated, acknowledged, overdue, cleared and so on.",
            ("system", "event", "severity"),
            registry=self.registry,
        )

    def look(self, database: Database, systems: Iterable[str], now: datetime) -> None:
        """Count what was added; a system seen for the first time by a later look is counted from its beginning."""
        systems = list(systems)
        if not self.begun:
            newest = tally.newest_event(database)
            for system in systems:
                self.observations[system] = tally.newest_observation(database, system)
                self.events[system] = newest
            self.begun = True
        self.noted.append((now, tally.newest_event(database)))
        floor = self._surely_committed(now - LONGEST_TRANSACTION)
        for system in systems:
            self._verdicts(database, system)
            self._changes(database, system)
            self.events[system] = max(self.events.get(system, 0), floor)

    def _surely_committed(self, before: datetime) -> int:
        """Return a line of history that no transaction can still put another one before.

        A system without new alarms would else be looked for in all that happened to the others since its last one.
        """
        floor = 0
        while self.noted and self.noted[0][0] < before:
            floor = self.noted.popleft()[1]
        return floor

    def _verdicts(self, database: Database, system: str) -> None:
        if tally.newest_observation(database, system) <= self.observations.get(system, 0):
            return
        delay = self.delay.labels(system)
        for one in tally.verdicts(database, system, self.observations.get(system, 0)):
            self.verdicts.labels(system, self._stage(system, one.stage), one.quality.value).inc()
            delay.observe(max((one.processed_at - one.observed_at).total_seconds(), 0.0))
            self.observations[system] = one.observation_id

    def _changes(self, database: Database, system: str) -> None:
        for line in tally.events(database, system, self.events.get(system, 0)):
            self.changes.labels(system, line.kind.value, line.severity.name).inc()
            self.events[system] = line.event_id

    def _stage(self, system: str, stage: str) -> str:
        known = self.stages.setdefault(system, set())
        if stage in known or len(known) < STAGES:
            known.add(stage)
            return stage[:60]
        return OTHER
