"""Judging a part of the past: by the champion, marked, without alarms; what was judged before is left alone.

It runs in any process that has the site's settings, at low priority. What it remembers it forgets at the end of the
part; what is committed stays, so that a part that was cut off is simply done again.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from core.clock import Clock, SystemClock
from core.contracts import Archive, Arrival, Detector, Settled, Source, System
from core.errors import InputError, ModelError, ShiftwatchError, SourceError, StoreError
from core.observation import Observation
from core.settings import Settings, load_settings
from core.store import Store
from core.verdict import Verdict, unreadable
from flows.choosing import choose
from flows.past import SOURCE, Errand, Glimpse, Part, Tally, pointed_at
from flows.systems import load_system
from flows.waiting import pause_s

BATCH = 20
NICE = 10
ATTEMPTS = 8
_local = threading.local()
log = logging.getLogger(__name__)


def judge_part(part: Part, clock: Clock | None = None) -> Tally:
    """Judge a part with the settings of this process; again after a while where store or source do not answer.

    Raises
    ------
    ShiftwatchError
        The champion is not here, or nothing answers for minutes; what was committed stays.
    """
    clock, attempt = clock or SystemClock(), 0
    while True:
        try:
            return _judged(part, clock)
        except (StoreError, SourceError) as error:
            attempt += 1
            if attempt >= ATTEMPTS:
                raise
            log.warning("%s; tried again", error)
            clock.sleep(pause_s(attempt))


def look_at_part(part: Part) -> list[Glimpse]:
    """Read a part without judging it: when each arrival was observed, and what it is tied to (nothing if unusable)."""
    settings = load_settings()
    system = load_system(part.errand.system)
    source = system.source(pointed_at(settings, system, part.errand.archive))
    return [_glimpse(system, source, arrival) for arrival in part.arrivals]


def _glimpse(system: System, source: Source, arrival: Arrival) -> Glimpse:
    try:
        observation = source.read(arrival)
    except Exception:  # judging says why it cannot be used
        return Glimpse(None)
    ties = system.ties(observation) if system.ties is not None else frozenset[str]()
    return Glimpse(observation.observed_at, ties)


def _judged(part: Part, clock: Clock) -> Tally:
    began, settings = time.thread_time(), load_settings()
    with (
        Store.open(settings.url, settings.artefacts) as store,
        _ready(part, settings, store) as (system, reader, detector),
    ):
        tally = _Work(part, system, reader, detector, store, clock).run()
    return replace(tally, cpu_s=time.thread_time() - began)


def step_back() -> None:
    """Let everything else on this machine go first, also what runs in other sessions (Linux groups those)."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    if os.getsid(0) == os.getpid():  # never lower the session of a terminal, or of a container's other processes
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")


@contextmanager
def _ready(part: Part, settings: Settings, store: Store) -> Iterator[tuple[System, Source | Archive, Detector]]:
    system = load_system(part.errand.system)
    read_with = pointed_at(settings, system, part.errand.archive)
    reader = system.archive(read_with) if system.archive else system.source(read_with)
    with TemporaryDirectory(prefix="shiftwatch-backfill-") as home:
        try:
            yield system, reader, _detector(part, system, settings, store, Path(home))
        finally:
            if system.archive is not None:
                cast("Archive", reader).close()


def _detector(part: Part, system: System, settings: Settings, store: Store, home: Path) -> Detector:
    """A detector that remembers nothing; where nothing is remembered at all, the one of the part before."""
    if part.in_order:
        return system.detector(_in_charge(part.errand, system, settings, store, home))
    key = (part.errand.system, part.errand.model, settings.model_dump_json())
    if getattr(_local, "key", None) != key:
        _local.detector = system.detector(_in_charge(part.errand, system, settings, store, home))
        _local.key = key
    return cast("Detector", _local.detector)


def _in_charge(errand: Errand, system: System, settings: Settings, store: Store, home: Path) -> Settings:
    """The settings that make the champion, with a home in which nothing is remembered."""
    choice = choose(system, settings, store, SystemClock().now())
    if choice.model != errand.model:
        wanted = f"{errand.model.name} {errand.model.version}" if errand.model else "none"
        why = choice.trouble or "another one is installed"
        raise ModelError(f"{system.name}: the model in charge ({wanted}) is not at this worker: {why}")
    return choice.settings.model_copy(update={"home": home, "models": settings.site_models})


class _Work:
    """One part at work."""

    def __init__(
        self, part: Part, system: System, reader: Source | Archive, detector: Detector, store: Store, clock: Clock
    ) -> None:
        self.part, self.system, self.reader, self.detector = part, system, reader, detector
        self.store, self.clock = store, clock
        self.tally, self.batch = Tally(), list[Settled]()

    def run(self) -> Tally:
        """Judge everything that is to be judged, and commit it in batches."""
        done = self._settled([one.ticket for one in self.part.arrivals])
        for arrival in self._queue(done):
            observation = self._read(arrival)
            if observation is None:
                continue
            is_asked_for = self.part.errand.span.holds(observation.observed_at)
            if not self.part.in_order and not self._is_new(observation, is_asked_for=is_asked_for):
                continue
            verdict = self._judge(observation)
            if not is_asked_for:
                self.tally += Tally(outside=1)
            elif arrival.ticket in done:
                self.tally += Tally(known=1)
            else:
                self._take(arrival, observation, verdict)
        self._commit()
        return self.tally

    def _queue(self, done: set[str]) -> Iterator[Arrival]:
        """The arrivals, each followed by what the source cuts out of it; none that is done where order is nothing."""
        queue, seen = deque(self.part.arrivals), set[str]()
        while queue:
            arrival = queue.popleft()
            seen.add(arrival.ticket)
            if arrival.ticket in done and not self.part.in_order:
                self.tally += Tally(known=1)
                continue
            yield arrival
            cut_out: Callable[[], list[Arrival]] = getattr(self.reader, "cut_out", list)
            more = [one for one in cut_out() if one.ticket not in seen]
            done |= self._settled([one.ticket for one in more]) if more else set()
            queue.extendleft(reversed(more))
            seen.update(one.ticket for one in more)

    def _settled(self, tickets: list[str]) -> set[str]:
        names = (SOURCE, self.reader.name)
        return {one for name in names for one in self.store.settled(self.system.name, name, tickets)}

    def _read(self, arrival: Arrival) -> Observation | None:
        try:
            return self.reader.read(arrival)
        except SourceError:
            raise
        except (InputError, OSError) as error:
            reason = str(error)
        except Exception as error:  # a bug in a reader must not end a backfill of weeks
            reason = f"{arrival.origin}: reading failed ({type(error).__name__}: {error})"
        self.tally += Tally(unusable=1, reasons=(reason[:300],))
        return None

    def _is_new(self, observation: Observation, *, is_asked_for: bool) -> bool:
        if not is_asked_for:
            self.tally += Tally(outside=1)
            return False
        if self.store.known(self.system.name, [observation.identity[1:]]):
            self.tally += Tally(known=1)
            return False
        return True

    def _judge(self, observation: Observation) -> Verdict:
        try:
            return self.detector.judge(observation)
        except ModelError:
            raise
        except ShiftwatchError as error:
            return unreadable(str(error))
        except Exception as error:  # as a watch does: a NULL verdict says what broke
            return unreadable(f"{observation.origin}: the detector failed ({type(error).__name__}: {error})")

    def _take(self, arrival: Arrival, observation: Observation, verdict: Verdict) -> None:
        light = replace(observation, payload={}, axes={})
        self.batch.append(Settled(arrival, light, verdict, self.clock.now()))
        if len(self.batch) >= BATCH:
            self._commit()

    def _commit(self) -> None:
        if not self.batch:
            return
        names = [(item.observation.element, item.observation.key) for item in self.batch if item.observation]
        before = self.store.known(self.system.name, names)
        self.store.record_past(self.system.name, SOURCE, self.batch)
        self.tally += Tally(judged=len(names) - len(before), known=len(before), sample=names[-1])
        self.batch.clear()
