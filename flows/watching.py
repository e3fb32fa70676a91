"""A watch without Prefect: take everything new from a source, judge it, commit it, until told to stop.

``python -m flows.watching --system flex --window 900`` runs one by hand.
"""

import argparse
import logging
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import chain

from core import logs
from core.clock import Clock, SystemClock
from core.contracts import Arrival, Detector, Settled, Source, Stirring, System
from core.errors import IncompleteInputError, InputError, ModelError, ShiftwatchError, SourceError, StoreError
from core.observation import Observation
from core.settings import Settings, load_settings
from core.signs import BEAT_S, WATCH
from core.store import Store
from core.verdict import Verdict, unreadable
from flows import quarantine
from flows.committing import Register, Stop, nap
from flows.drilling import Drilling
from flows.judges import Judges
from flows.pulse import Pulse, signing
from flows.systems import load_system
from flows.waiting import WaitingRoom, pause_s
from flows.windows import Window

MODEL_ATTEMPTS = 3
ORDERLY_ATTEMPTS = 5
LEAST_REST_S = 0.25
Step = Callable[[Callable[[], int]], int]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a watch did: how many arrivals it settled, and what troubled it at the end."""

    settled: int
    troubles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Ready:
    """An arrival that was read, or will never be (then with its verdict)."""

    arrival: Arrival
    observation: Observation | None
    verdict: Verdict | None = None


def pipeline(
    system: System,
    store: Store,
    settings: Settings,
    clock: Clock,
    stop: Stop,
    *,
    step: Step = lambda work: work(),
    pulse: Pulse | None = None,
) -> Summary:
    """Watch the source of ``system`` until ``stop()``; look for new arrivals every ``settings.poll_s`` (or its own).

    Each batch (at most ``settings.batch`` arrivals, less if judging takes longer than ``poll_s``) is one call of
    ``step``, which runs the work that it is given. No error of an input, a model or the store ends the watch: what
    cannot be done now is tried again, and the heartbeat says what is wrong.
    """
    watch = _Watch(system, store, settings, clock, stop, pulse or pulse_of(system, store, settings, clock))
    failures, rest_s = 0, settings.poll_s if system.poll_s is None else system.poll_s(settings)
    while True:
        settled, trouble = _attempt(watch, step)
        failures = failures + 1 if trouble else 0
        taken = watch.pulse.beat(watch.troubles(trouble))
        if stop():
            break
        if trouble or not settled:
            _rest(watch, pause_s(failures) if trouble else rest_s, trouble, away=not taken)
    troubles = watch.troubles(trouble)
    watch.pulse.beat(troubles, force=True)
    return Summary(watch.pulse.taken, tuple(troubles))


def pulse_of(system: System, store: Store, settings: Settings, clock: Clock) -> Pulse:
    """Return what gives the signs of life of a watch."""
    return Pulse(system, store, clock, system.silent_after_s(settings))


def _rest(watch: "_Watch", seconds: float, trouble: str | None, *, away: bool) -> None:
    """Wait, and give signs of life meanwhile; news end it, and a store that was ``away`` and takes a sign again."""
    until = watch.clock.now() + timedelta(seconds=seconds)
    nap(watch.clock, watch.stop, min(seconds, LEAST_REST_S))
    while (left := (until - watch.clock.now()).total_seconds()) > 0 and not watch.stop():
        if not trouble and watch.stirred():
            return
        ended = watch.stop if trouble else watch.stirred
        nap(watch.clock, ended, min(left, BEAT_S if away else watch.pulse.due_in_s()))
        taken = watch.pulse.beat(watch.troubles(trouble))
        if away and taken:
            return
        away = not taken


def _attempt(watch: "_Watch", step: Step) -> tuple[int, str | None]:
    try:
        return watch.round(step), None
    except ShiftwatchError as error:
        log.warning("%s: %s", watch.system.name, error)
        return 0, str(error)
    except Exception as error:  # a bug in a source or a driver must not silence a detector for a whole window
        log.exception("%s: unexpected error", watch.system.name)
        return 0, f"unexpected {type(error).__name__}: {error}"


@dataclass
class _Watch:
    system: System
    store: Store
    settings: Settings
    clock: Clock
    stop: Stop
    pulse: Pulse
    waiting: WaitingRoom = field(default_factory=WaitingRoom)
    source: Source | None = None
    judges: Judges = field(init=False)
    drilling: Drilling = field(init=False)

    def __post_init__(self) -> None:
        self.judges = Judges(self.system, self.store, self.settings, self.clock)
        self.drilling = Drilling(self.system, self.store, self.settings, self.clock)

    def troubles(self, trouble: str | None) -> list[str]:
        own = [one for one in (trouble, self.judges.trouble) if one]
        return list(dict.fromkeys([*own, *self.waiting.troubles()]))

    def stirred(self) -> bool:
        """Whether the watch is to end, or its source may have something new."""
        return self.stop() or (isinstance(self.source, Stirring) and self.source.has_news())

    def round(self, step: Step) -> int:
        """Take in one batch; return how many arrivals were settled (0: nothing new)."""
        if self.source is None:
            self.source = self.system.source(self.settings)
            self.pulse.source = self.source.name
        source, detector = self.source, self.judges.in_charge()
        ready = self._ready(source, self._arrivals(source))
        first = next(ready, None)
        if first is None:
            return 0
        return step(lambda: self._batch(source, detector, chain([first], ready)))

    def _arrivals(self, source: Source) -> Iterator[Arrival]:
        self.waiting.start_of_scan()
        for arrival in source.arrivals(lambda tickets: self.store.settled(self.system.name, source.name, tickets)):
            if not self.waiting.must_wait(arrival.ticket, self.clock.now()):
                yield arrival
        self.waiting.end_of_scan()

    def _ready(self, source: Source, arrivals: Iterator[Arrival]) -> Iterator[_Ready]:
        for arrival in arrivals:
            with logs.about(origin=arrival.origin):
                ready = self._read(source, arrival)
            if ready is not None:
                yield ready

    def _batch(self, source: Source, detector: Detector, ready: Iterator[_Ready]) -> int:
        began, judged = self.clock.now(), list[Settled]()
        register = Register(self.system, source.name, self.store, self.clock, self.stop, self.pulse, self.waiting)
        try:
            for item in ready:
                self.pulse.moved()
                with logs.about(origin=item.arrival.origin, **_identity(item)):
                    judged.append(self._judge(detector, item))
                late = (self.clock.now() - began).total_seconds() >= self.settings.poll_s
                if late or len(judged) >= self.settings.batch or self.stop():
                    break
        finally:  # a model that breaks in the middle must not undo what was judged before
            settled = register.commit(judged)
        self.judges.after_commit()
        return settled

    def _read(self, source: Source, arrival: Arrival) -> _Ready | None:
        """Read an arrival, or find that it never can be (quarantine), or leave it for later (None).

        A source that does not answer ends the round, so that what it has comes in its order; if it goes on not to
        answer for this arrival alone, the others do not wait for it.
        """
        try:
            return _Ready(arrival, source.read(arrival))
        except IncompleteInputError:
            return None
        except InputError as error:
            reason = str(error)
        except SourceError as error:
            self.waiting.admit(arrival.ticket, self.clock.now(), f"{arrival.origin}: {error}")
            if self.waiting.attempts(arrival.ticket) <= ORDERLY_ATTEMPTS:
                self.waiting.release(arrival.ticket)
                raise
            return None
        except OSError as error:
            self.waiting.admit(arrival.ticket, self.clock.now(), f"{arrival.origin}: {error.strerror or error}")
            return None
        except Exception as error:
            log.exception("%s: unexpected error while reading", arrival.origin)
            reason = f"{arrival.origin}: reading failed ({type(error).__name__}: {error})"
        return self._refuse(source, arrival, reason)

    def _refuse(self, source: Source, arrival: Arrival, reason: str) -> _Ready | None:
        folder = self.settings.quarantine / self.system.name
        try:
            quarantine.keep(folder, arrival, source.name, reason, self.clock.now())
        except OSError as error:
            trouble = f"{folder}: quarantine cannot be written ({error.strerror or error}), {arrival.origin} waits"
            self.waiting.admit(arrival.ticket, self.clock.now(), trouble)
            return None
        return _Ready(arrival, None, unreadable(reason))

    def _judge(self, detector: Detector, item: _Ready) -> Settled:
        if item.observation is None or item.verdict is not None:
            return Settled(item.arrival, None, item.verdict or unreadable("no observation"), self.clock.now())
        incidents = circumstances = None
        self.drilling.look()
        try:
            verdict = detector.judge(item.observation)
            if self.system.incidents is not None:
                incidents = tuple(self.system.incidents(item.observation, verdict))
            if self.system.circumstances is not None:
                circumstances = tuple(self.system.circumstances(item.observation, verdict))
        except ModelError as error:
            verdict = self._model_failed(item.arrival, error)
        except ShiftwatchError as error:
            verdict = unreadable(str(error))
        except OSError as error:  # a full disk, a lost mount: nothing is wrong with what is judged
            raise self._put_off(item.arrival, error) from error
        except Exception as error:
            log.exception("%s: the detector failed", item.arrival.origin)
            verdict = unreadable(f"{item.arrival.origin}: the detector failed ({type(error).__name__}: {error})")
        self.judges.offer(item.observation)
        light = replace(item.observation, payload={}, axes={})  # a batch of images would fill the memory
        real = Settled(item.arrival, light, verdict, self.clock.now(), incidents, circumstances)
        return self.drilling.taken(item.observation, real)

    def _put_off(self, arrival: Arrival, error: OSError) -> ShiftwatchError:
        """Let an arrival wait that cannot be judged now: in its order at first, then without the others."""
        trouble = f"{arrival.origin}: cannot be judged now ({error.strerror or error})"
        self.waiting.admit(arrival.ticket, self.clock.now(), trouble)
        if self.waiting.attempts(arrival.ticket) <= ORDERLY_ATTEMPTS:
            self.waiting.release(arrival.ticket)
        return StoreError(trouble)

    def _model_failed(self, arrival: Arrival, error: ModelError) -> Verdict:
        """Build the detector anew (its package may have been replaced) before a verdict is given up."""
        self.judges.forget()
        if self.waiting.attempts(arrival.ticket) < MODEL_ATTEMPTS - 1:
            self.waiting.admit(arrival.ticket, self.clock.now(), f"{arrival.origin}: {error}")
            raise error
        return unreadable(f"{arrival.origin}: {error}")


def _identity(item: _Ready) -> dict[str, str]:
    return {} if item.observation is None else {"element": item.observation.element, "key": item.observation.key}


def watch_once(name: str, window: Window, settings: Settings, step: Step = lambda work: work()) -> Summary:
    """Open the store and watch the system called ``name`` until the window is over."""
    system = load_system(name)
    store = Store.open(settings.url, settings.artefacts)
    try:
        with logs.about(system=system.name):
            _upgrade(store, window)
            pulse = pulse_of(system, store, settings, window.clock)
            with signing(pulse):
                return pipeline(system, store, settings, window.clock, window.over, step=step, pulse=pulse)
    finally:
        store.close()


def _upgrade(store: Store, window: Window) -> None:
    """Bring the tables up to date, again until the database answers; StoreError if it never does."""
    failures = 0
    while True:
        try:
            return store.upgrade()
        except StoreError as error:
            failures += 1
            log.warning("%s", error)
            nap(window.clock, window.over, min(pause_s(failures), BEAT_S))
            if window.over():
                raise


def main(arguments: list[str] | None = None) -> int:
    """Run one window by hand; return 0, or 1 if something troubles the watch at its end."""
    parser = argparse.ArgumentParser(prog="python -m flows.watching", description=__doc__)
    parser.add_argument("--system", required=True, help="name of the system, as flows/systems.py lists it")
    parser.add_argument("--window", type=float, metavar="SECONDS", help="how long to watch (default: the settings)")
    options = parser.parse_args(arguments)
    logs.configure(WATCH)
    try:
        settings = load_settings()
        window = Window.lasting(SystemClock(), options.window or settings.window_s)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: window.close())
        summary = watch_once(options.system, window, settings)
    except ShiftwatchError as error:
        log.error("%s", error)
        return 1
    log.info("%s: settled %d", options.system, summary.settled)
    return 1 if summary.troubles else 0


if __name__ == "__main__":
    sys.exit(main())
