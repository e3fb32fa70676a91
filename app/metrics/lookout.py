"""Looks at everything now and then, and keeps what it found: a scrape costs the database nothing, however many ask."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from time import perf_counter

from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from app.metrics.counting import Counts
from app.metrics.families import of_store, of_surroundings
from app.metrics.scheduler import FlowRuns, flow_runs
from app.metrics.snapshot import Around, Stored, disks, quarantined, stored
from core.clock import Clock
from core.errors import ShiftwatchError
from core.settings import Settings
from core.store import Store

SLOWLY = timedelta(seconds=60)
"""How often what changes slowly, or costs more, is looked at: the quarantine's folders, Prefect's flow runs."""
STALE = timedelta(seconds=60)
"""Figures of a look that began longer ago are not shown any more: a database that hangs is away."""
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Lookout(Collector):
    """The last look, and how to take the next one."""

    settings: Settings
    watched: tuple[str, ...]
    clock: Clock
    counts: Counts
    ask_scheduler: Callable[[datetime], FlowRuns | None] = flow_runs
    store: Store | None = None
    left: tuple[str, ...] = ()
    found: Stored | None = None
    around: Around = field(default_factory=Around)
    looked_at: datetime | None = None
    slowly_at: datetime | None = None
    took_s: float = 0.0
    trouble: str = ""

    def look(self) -> None:
        """Look once; whatever fails is told as ``shiftwatch_up 0``, never raised."""
        began, now = perf_counter(), self.clock.now()
        try:
            self.found = self._ask(now)
            self._told("")
        except ShiftwatchError as error:
            self.found = None
            self._told(str(error))
        except Exception as error:  # a bug here must not end what tells of others' trouble
            self.found = None
            log.exception("a look failed")
            self.trouble = str(error)
        self.looked_at, self.took_s = now, perf_counter() - began
        self._look_around(now)

    def _ask(self, now: datetime) -> Stored:
        if self.store is None:
            self.store = Store.open(self.settings.url, self.settings.artefacts)
        found = stored(self.store, self.settings, self.watched, now, self.left)
        self.counts.look(self.store.database, found.systems, now)
        return found

    def _told(self, trouble: str) -> None:
        if bool(trouble) is not bool(self.trouble):
            log.warning("no figures: %s", trouble) if trouble else log.info("figures again")
        self.trouble = trouble

    def _look_around(self, now: datetime) -> None:
        kept, runs = self.around.quarantined, self.around.flow_runs
        up = self.around.scheduler_up
        if self.slowly_at is None or now - self.slowly_at >= SLOWLY:
            kept, runs = quarantined(self.settings), self.ask_scheduler(now)
            self.slowly_at, up = now, runs is not None
        self.around = Around(disks(self.settings), kept, up, runs)

    def collect(self) -> Iterator[Metric]:
        """Yield everything but the counters, which keep themselves."""
        now, found, looked_at = self.clock.now(), self.found, self.looked_at
        fresh = found is not None and looked_at is not None and now - looked_at < STALE
        up = GaugeMetricFamily("shiftwatch_up", "Whether the store answers.")
        up.add_metric((), float(fresh))
        yield up
        yield InfoMetricFamily(
            "shiftwatch_build",
            "The installed release.",
            {"version": version("shiftwatch"), "database": self.settings.url.partition(":")[0].partition("+")[0]},
        )
        took = GaugeMetricFamily("shiftwatch_look_duration_seconds", "How long the last look at the store took.")
        took.add_metric((), self.took_s)
        yield took
        yield from of_surroundings(self.around)
        if found is not None and fresh:
            yield from of_store(found, now)
