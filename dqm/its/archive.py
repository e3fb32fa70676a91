"""The past of the ITS in its QCDB: whole runs, each cycle read with what the other tasks had of its time.

A run is judged from its first cycle on, whatever part of it was asked for, so that a verdict on a cycle does not depend
on the span or on how the work was shared.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

import httpx

from core.clock import Clock, SystemClock
from core.contracts import Arrival
from core.errors import InputError, SettingsError
from core.observation import Observation
from core.settings import Settings
from dqm.its.objects import CLUSTERS, SAME_TASK
from dqm.its.qcdb.bodies import Bodies
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.cycles import CYCLE, RUN, CycleName, CycleVersions, cycle_name, folders, gather
from dqm.its.qcdb.history import History
from dqm.its.source import AFTER_S, BEFORE_S, QcdbSource, connect, observe_cycle

ASKED_FOR_MS = 2 * 3_600_000
"""Lists of a long span are asked for in pieces, which a QCDB can answer."""
SLICE_S = 600.0
"""Cycles of so much time are listed together when they are read."""


class QcdbArchive:
    """Whole runs out of the QCDB of the settings."""

    name = QcdbSource.name

    def __init__(
        self, settings: Settings, clock: Clock | None = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        if settings.its.qcdb_url is None:
            raise SettingsError("no QCDB is set to read from: SHIFTWATCH_ITS__QCDB_URL=http://host:8083")
        self._its, self._clock = settings.its, clock or SystemClock()
        self._client: QcdbClient = connect(settings.its.qcdb_url, settings.its, transport)
        self._url, provenance = settings.its.qcdb_url, settings.its.provenance
        self._folders = [one for one in folders(provenance) if _is_of_clusters(one)]
        self._bodies = Bodies(self._client)
        self._slice: tuple[int, int, int] | None = None
        self._cycles: dict[CycleName, CycleVersions] = {}
        self._history = History()
        self.youngest_s = max(3600.0, settings.its.lookback_s + settings.its.patience_s)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def stretches(self, begins: datetime, ends: datetime) -> Iterator[tuple[Arrival, ...]]:
        """Yield the runs that have cycles in a span, each from its first cycle to the end of the span.

        A run of which nothing was stored for two hours before the span counts as begun in it.
        """
        since_ms, until_ms = _ms(begins), _ms(ends)
        runs: dict[int, dict[CycleName, int]] = {}
        for begin in range(since_ms, until_ms, ASKED_FOR_MS):
            for name, created in self._listed(begin, min(begin + ASKED_FOR_MS, until_ms)).items():
                cycles = runs.setdefault(name.run, {})
                cycles[name] = min(created, cycles.get(name, created))
        self._add_earlier(runs, since_ms)
        for cycles in sorted(runs.values(), key=lambda one: min(one.values())):
            yield tuple(self._arrival(name, created) for name, created in sorted(cycles.items(), key=_by_time))

    def read(self, arrival: Arrival) -> Observation:
        """Read one cycle.

        Raises
        ------
        core.errors.SourceError
            If the QCDB does not answer.
        core.errors.InputError
            If nothing of the cycle can be used, or it is not there any more.
        """
        name = CycleName(int(arrival.detail["run"]), int(arrival.detail["cycle"]))
        self._list_around(name.run, int(float(arrival.detail["at_unix_s"]) * 1000))
        if name not in self._cycles:
            raise InputError(arrival.origin, "is not listed any more")
        bodies = self._bodies.giving_up(wanted=True)
        return observe_cycle(
            bodies, name, self._cycles[name], self._history, arrival.origin, its=self._its, clock=self._clock
        )

    def _add_earlier(self, runs: dict[int, dict[CycleName, int]], before_ms: int) -> None:
        """Add what the runs had before the span, going back until a list shows none of them."""
        going = True
        while going and before_ms > 0:
            going = False
            for name, created in self._listed(before_ms - ASKED_FOR_MS, before_ms).items():
                if name.run in runs:
                    runs[name.run][name], going = created, True
            before_ms -= ASKED_FOR_MS

    def _listed(self, since_ms: int, until_ms: int) -> dict[CycleName, int]:
        """When the first object of each cycle of the cluster task was stored."""
        found: dict[CycleName, int] = {}
        for folder in self._folders:
            for version in self._client.browse(folder, since_ms=since_ms, until_ms=until_ms - 1).versions:
                name = cycle_name(version.metadata)
                if name is not None and since_ms <= version.created_ms < until_ms:
                    found[name] = min(version.created_ms, found.get(name, version.created_ms))
        return found

    def _list_around(self, run: int, at_ms: int) -> None:
        """List a slice of a run, unless it is the one that is listed."""
        step = int(SLICE_S * 1000)
        begin = at_ms - at_ms % step
        wanted = (run, begin, begin + step)
        if self._slice == wanted:
            return
        window = {"since_ms": begin - int(BEFORE_S * 1000), "until_ms": begin + step + int(AFTER_S * 1000)}
        listings = [self._client.browse(one, {RUN: str(run)}, **window) for one in folders(self._its.provenance)]
        self._history = History()
        self._cycles = gather(chain.from_iterable(one.versions for one in listings), self._history)
        self._slice = wanted

    def _arrival(self, name: CycleName, created_ms: int) -> Arrival:
        provenance = self._its.provenance
        return Arrival(
            f"{provenance}/{name.run}/{name.number}",
            f"{self._url.rstrip('/')}/{provenance}?{RUN}={name.run}&{CYCLE}={name.number}",
            {"run": name.run, "cycle": name.number, "at_unix_s": created_ms / 1000},
        )


def _is_of_clusters(folder: str) -> bool:
    task = folder.split("/")[-2]
    return SAME_TASK.get(task, task) == CLUSTERS


def _by_time(item: tuple[CycleName, int]) -> tuple[int, CycleName]:
    return item[1], item[0]


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
