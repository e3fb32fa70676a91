"""The QCDB as a source: each cycle of the cluster task becomes one observation, once."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from urllib.parse import parse_qsl, urlsplit

import httpx

from core.clock import Clock, SystemClock
from core.contracts import Arrival
from core.errors import IncompleteInputError, InputError, SettingsError, SourceError
from core.observation import Observation
from core.settings import ItsSettings, Settings
from dqm.its.cycle import to_observation
from dqm.its.objects import OBJECTS, PROVENANCES
from dqm.its.qcdb.assembling import fetch
from dqm.its.qcdb.bodies import Bodies
from dqm.its.qcdb.client import QcdbClient
from dqm.its.qcdb.cycles import CYCLE, RUN, CycleName, CycleVersions, cycle_name, folders, gather
from dqm.its.qcdb.history import CLUSTER_OBJECTS, History, anchor_of, is_settled
from dqm.its.qcdb.listing import Listing

OVERLAP_S = 300.0
BEFORE_S, AFTER_S = 3600.0, 300.0
"""How far around a cycle that is asked for by name other objects are looked for."""
_ASKED_AT_ONCE = 500
_URL = re.compile(r"(https?):/{1,2}([^/?#@\s]+)(/[^?#\s]*)?(\?[^#\s]*)?")


@dataclass(slots=True)
class _Pending:
    """A cycle that is not settled: since when it is known, and since when the QCDB fails to deliver it."""

    seen_s: float
    listed: CycleVersions = field(default_factory=CycleVersions)
    failing_since_s: float | None = None


class QcdbSource:
    """All cycles of the cluster task that the QCDB lists, oldest first, with what the other tasks have of that time.

    A cycle is offered once all its objects are listed, and of the other tasks' those nearest to it, or ``patience_s``
    after it was first seen here; what is not there then is stated as missing. An object that the run has never had is
    not waited for after the first cycle. Lists are asked for no more often than every ``poll_s``, for what was created
    since the last answer (by the clock of the server, with an overlap: it may be set back).
    """

    name = "qcdb"

    def __init__(
        self,
        settings: Settings,
        clock: Clock | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._its = settings.its
        self._clock = clock or SystemClock()
        self._transport = transport
        self._monotonic = monotonic
        self._client: QcdbClient | None = None
        self._bodies: Bodies | None = None
        self._history = History()
        self._waited_for: set[int] = set()
        self._pending: dict[CycleName, _Pending] = {}
        self._next_s = float("-inf")
        self._mark_ms: int | None = None

    def close(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            self._client.close()

    def arrivals(self, settled: Callable[[Sequence[str]], set[str]]) -> Iterator[Arrival]:
        """Yield complete cycles that are not settled, oldest first.

        Raises
        ------
        core.errors.SettingsError
            If no QCDB is set.
        core.errors.SourceError
            If it does not answer, or not as it should; asked again the next time.
        """
        began_s = self._monotonic()
        if began_s >= self._next_s:
            self._poll()
            took_s = self._monotonic() - began_s
            self._next_s = began_s + max(self._its.poll_s, 2 * took_s)  # a slow server gets time for others too
        self._forget(settled)
        now_s = self._monotonic()
        due = [(name, kept) for name, kept in self._pending.items() if self._is_due(name, kept, now_s)]
        for name, kept in sorted(due, key=lambda item: (item[1].listed.first_created_ms, item[0])):
            yield Arrival(
                self._ticket(name),
                self._origin(name),
                {"run": name.run, "cycle": name.number, "objects": len(kept.listed.versions)},
            )

    def has_news(self) -> bool:
        """Whether the QCDB may be asked for its lists again."""
        return self._its.poll_s > 0 and self._monotonic() >= self._next_s

    def read(self, arrival: Arrival) -> Observation:
        """Fetch one cycle.

        Raises
        ------
        core.errors.SourceError
            If the QCDB does not answer: worth another try later.
        core.errors.IncompleteInputError
            If the cycle is not known here: it is offered again once it is listed.
        core.errors.InputError
            If nothing of it can be used; a single unusable object only counts as missing.
        """
        name = CycleName(int(arrival.detail.get("run", -1)), int(arrival.detail.get("cycle", -1)))
        kept = self._pending.get(name)
        if kept is None:
            raise IncompleteInputError(arrival.origin, "is not listed yet")
        try:
            bodies = self._fetching().giving_up(wanted=self._gives_up(kept))
            origin, its, clock = self._origin(name), self._its, self._clock
            return observe_cycle(bodies, name, kept.listed, self._history, origin, its=its, clock=clock)
        except SourceError:
            kept.failing_since_s = kept.failing_since_s or self._monotonic()
            raise

    def _poll(self) -> None:
        """Take in what was created since the last time; all lists or none."""
        client, listings = self._asked(), list[Listing]()
        floor_ms = int((self._clock.now().timestamp() - self._its.lookback_s) * 1000) if self._mark_ms is None else 0
        mark_ms = floor_ms if self._mark_ms is None else self._mark_ms
        for folder in folders(self._its.provenance):
            listing = client.browse(folder, since_ms=mark_ms - int((OVERLAP_S + self._its.poll_s) * 1000))
            if listing.unusable and not listing.versions:
                raise SourceError(listing.unusable[0])
            listings.append(listing)
        versions = chain.from_iterable(listing.versions for listing in listings)
        for name, listed in gather(versions, self._history).items():
            if listed.first_created_ms >= floor_ms:  # older ones are not listed as a whole
                self._take_in(name, listed)
        self._mark_ms = min(_answered_ms(listing, mark_ms) for listing in listings)

    def _take_in(self, name: CycleName, listed: CycleVersions) -> None:
        kept = self._pending.setdefault(name, _Pending(self._monotonic()))
        for payload, version in listed.versions.items():
            kept.listed.add(payload, version)

    def _forget(self, settled: Callable[[Sequence[str]], set[str]]) -> None:
        """Drop what was dealt with: it is listed again for a while, and then dropped again."""
        names = list(self._pending)
        for first in range(0, len(names), _ASKED_AT_ONCE):
            part = {self._ticket(name): name for name in names[first : first + _ASKED_AT_ONCE]}
            for ticket in settled(list(part)) & part.keys():
                del self._pending[part[ticket]]

    def _is_due(self, name: CycleName, kept: _Pending, now_s: float) -> bool:
        if now_s - kept.seen_s >= self._its.patience_s:
            self._waited_for.add(name.run)
            return True
        run = self._history.run(name.run)
        expected = run.versions.keys() if name.run in self._waited_for else OBJECTS.keys()
        if any(payload in expected for payload in CLUSTER_OBJECTS if payload not in kept.listed.versions):
            return False
        anchor = anchor_of(kept.listed.versions, run)
        return all(is_settled(run.of(payload), anchor) for payload in expected if payload not in CLUSTER_OBJECTS)

    def _gives_up(self, kept: _Pending) -> bool:
        since = kept.failing_since_s
        return since is not None and self._monotonic() - since >= self._its.patience_s

    def _asked(self) -> QcdbClient:
        if self._its.qcdb_url is None:
            raise SettingsError("no QCDB is set to read from: SHIFTWATCH_ITS__QCDB_URL=http://host:8083")
        if self._client is None:
            self._client = connect(self._its.qcdb_url, self._its, self._transport)
        return self._client

    def _fetching(self) -> Bodies:
        if self._bodies is None:
            self._bodies = Bodies(self._asked())
        return self._bodies

    def _ticket(self, name: CycleName) -> str:
        return f"{self._its.provenance}/{name.run}/{name.number}"

    def _origin(self, name: CycleName) -> str:
        return origin_of(str(self._its.qcdb_url), self._its.provenance, name)


def _answered_ms(listing: Listing, before_ms: int) -> int:
    """Up to when a list told everything, by the clock of the server or else by the newest version that it lists."""
    if listing.answered_at is not None:
        return int(listing.answered_at.timestamp() * 1000)
    return max((version.created_ms for version in listing.versions), default=before_ms)


def read_url(
    url: str, settings: Settings, clock: Clock | None = None, transport: httpx.BaseTransport | None = None
) -> Observation:
    """Read one cycle from a QCDB.

    Parameters
    ----------
    url
        ``http://host:8083/qc?RunNumber=560123&CycleNumber=7``, as an observation names its origin. Without run and
        cycle, the newest one of which most objects are there; without a path, the provenance of the settings.

    Raises
    ------
    core.errors.InputError
        If it is no such URL, the QCDB does not answer, or has nothing usable; the text names URL and reason.
    """
    host, provenance, wanted = _parsed(url, settings.its)
    with connect(host, settings.its, transport) as client:
        try:
            name, listed, history = _listed(client, provenance, wanted, url)
            origin, bodies = origin_of(host, provenance, name), Bodies(client).giving_up(wanted=True)
            known = clock or SystemClock()
            return observe_cycle(bodies, name, listed, history, origin, its=settings.its, clock=known)
        except SourceError as error:
            raise InputError(url, str(error)) from None


def observe_cycle(
    bodies: Bodies,
    name: CycleName,
    listed: CycleVersions,
    history: History,
    origin: str,
    *,
    its: ItsSettings,
    clock: Clock,
) -> Observation:
    """Fetch what is listed of a cycle and return it as one observation, with what lies nearest of the other tasks."""
    run = history.run(name.run)
    fetched = fetch(bodies, listed.versions, run, origin, clock.now(), masked=its.masked, window=its.window)
    return to_observation(fetched.cycle, origin, fetched.sha256)


def connect(url: str, its: ItsSettings, transport: httpx.BaseTransport | None) -> QcdbClient:
    """Return a client of a QCDB as the settings want it."""
    return QcdbClient(
        url,
        timeout_s=its.timeout_s,
        max_body_bytes=int(its.max_body_mb * 2**20),
        attempts=its.attempts,
        transport=transport,
    )


def origin_of(url: str, provenance: str, name: CycleName) -> str:
    """Return the URL that a cycle goes by: where it lies, its run and its number."""
    return f"{url.rstrip('/')}/{provenance}?{RUN}={name.run}&{CYCLE}={name.number}"


def _parsed(url: str, its: ItsSettings) -> tuple[str, str, CycleName | None]:
    """Address of the server, provenance, and the cycle if one is named."""
    match = _URL.fullmatch(url)  # a path object leaves one slash of two
    if match is None:
        raise InputError(url, "is not the URL of a QCDB, like http://host:8083/qc?RunNumber=560123&CycleNumber=7")
    provenance = (match[3] or "").strip("/").split("/")[0] or its.provenance
    if provenance not in PROVENANCES:
        raise InputError(url, f"has no provenance called {provenance} (one of {', '.join(PROVENANCES)})")
    told = dict(parse_qsl(urlsplit(match[4] or "").query))
    name = cycle_name(told)
    if told and name is None:
        raise InputError(url, f"must name both {RUN} and {CYCLE}, as numbers, or neither")
    return f"{match[1]}://{match[2]}", provenance, name


def _listed(
    client: QcdbClient, provenance: str, wanted: CycleName | None, url: str
) -> tuple[CycleName, CycleVersions, History]:
    """The cycle, and what is listed of its run around the time when it was stored."""
    told = {} if wanted is None else {RUN: str(wanted.run), CYCLE: str(wanted.number)}
    listings = [client.browse(f, told) if wanted else client.latest(f) for f in folders(provenance)]
    cycles = gather(chain.from_iterable(listing.versions for listing in listings), History())
    if wanted is not None:
        cycles = {name: listed for name, listed in cycles.items() if name == wanted}
    if not cycles:
        raise InputError(url, f"lists none of the {len(OBJECTS)} QC objects of ITS" + (" for it" if wanted else ""))
    best = max(cycles, key=lambda name: (len(cycles[name].versions), cycles[name].first_created_ms))
    stored_ms, history = cycles[best].first_created_ms, History()
    window = {"since_ms": stored_ms - int(BEFORE_S * 1000), "until_ms": stored_ms + int(AFTER_S * 1000)}
    around = [client.browse(folder, {RUN: str(best.run)}, **window) for folder in folders(provenance)]
    nearby = gather(chain.from_iterable(listing.versions for listing in around), history)
    return best, nearby.get(best, cycles[best]), history
