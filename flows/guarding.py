"""The guard: sees to it that somebody is asked, whatever else fails. ``python -m flows.guarding`` runs it.

It lets time pass for alarms (delays, shelves, what nobody answered) and drills, raises the alarm of a watch that gives
no sign of life and of a disk that fills up, looks now and then whether models keep what they promised, and sends
notifications. It needs the store alone: no Prefect, no watch, so that it outlives what it guards.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core import logs
from core.alarms.severity import Severity
from core.clock import Clock, SystemClock
from core.contracts import AlarmRule
from core.errors import ShiftwatchError, StoreError
from core.settings import Settings, load_settings
from core.signs import BEAT_S, CONSOLE, DEAD, GUARD, MODEL, WATCH
from core.standing import standing
from core.store import Store, drills, outbox
from core.store.views import Heartbeat
from flows.committing import nap
from flows.leaving import stop_by_signals
from flows.notifying import Deliver, notify
from flows.room import RULE, Disk
from flows.systems import SYSTEMS, load_system, missing_setting
from flows.waiting import pause_s

LATE = DEAD
"""A watch writes a sign of life every 5 s; after so long without one that is good, nothing is being judged."""
CONFIRMED = 3
"""So many looks in a row must find a watch dead: after a clock was set, its last sign seems old until the next."""
SIGNED_EVERY = timedelta(seconds=10)
MODELS_EVERY = timedelta(minutes=10)
Stop = Callable[[], bool]
log = logging.getLogger(__name__)


@dataclass
class Guard:
    """What the guard knows between rounds: which watches it found dead."""

    store: Store
    settings: Settings
    rules: dict[str, AlarmRule]
    clock: Clock
    deliver: Deliver
    dead: dict[str, bool] = field(default_factory=dict)
    first_seen: dict[str, datetime] = field(default_factory=dict)
    looks: dict[str, int] = field(default_factory=dict)
    models_at: datetime | None = None
    signed_at: datetime | None = None
    disk: Disk = field(init=False)

    def __post_init__(self) -> None:
        self.disk = Disk(self.store, self.settings)

    def begin(self) -> bool:
        """Tell of nothing that happened before a system was guarded for the first time."""
        outbox.begin(self.store.database, [*self.rules, CONSOLE])
        return True

    def round(self) -> None:
        """Look once at everything; StoreError if the store refuses."""
        now = self.clock.now()
        self.disk.look(now)
        drills.reveal_due(self.store.database, now)
        self.store.tick(now, {**self.rules, CONSOLE: RULE})
        beats = {beat.system: beat for beat in self.store.heartbeats() if beat.flow == WATCH}
        for system in self.rules:
            if system in beats:
                self._look(beats[system], now)
        notify(self.store, self.settings.notify, self.clock, self.deliver)
        if self.models_at is None or now - self.models_at >= MODELS_EVERY:
            self._look_at_models(now)
            self.models_at = now
        self.sign(now)

    def sign(self, now: datetime, trouble: str = "") -> None:
        """Give a sign of life, not more often than need be."""
        if not trouble and self.signed_at is not None:
            since = now - self.signed_at  # negative: the clock was set back
            if timedelta(0) <= since < SIGNED_EVERY:
                return
        self.store.heartbeat(CONSOLE, GUARD, now, not trouble, trouble or ", ".join(self.rules))
        self.signed_at = now

    def _look_at_models(self, now: datetime) -> None:
        for system in self.rules:
            try:
                wrong = standing(self.store, self.settings, system, now)
            except StoreError:
                raise
            except Exception:  # figures of odd data; alarms must not wait for them
                log.exception("%s: how its model stands could not be found", system)
                continue
            self.store.heartbeat(system, MODEL, now, not wrong, " ".join(wrong))

    def _look(self, beat: Heartbeat, now: datetime) -> None:
        trouble = trouble_of(beat, now, self.first_seen.setdefault(beat.system, now))
        self.looks[beat.system] = 0 if trouble is None else self.looks.get(beat.system, 0) + 1
        if 0 < self.looks[beat.system] < CONFIRMED or (trouble is not None) is self.dead.get(beat.system):
            return
        severity = Severity.OK if trouble is None else Severity.INVALID
        self.store.condition(beat.system, WATCH, severity, now, trouble or "it gives signs of life again")
        self.dead[beat.system] = trouble is not None


def trouble_of(beat: Heartbeat, now: datetime, first_seen: datetime) -> str | None:
    """Return what is wrong with a watch by its last sign of life, None if nothing is.

    One that has not succeeded yet gets as long as any other, from when it was ``first_seen``.
    """
    if now - beat.at > LATE:
        return f"the watch gave no sign of life since {beat.at:%Y-%m-%d %H:%M:%S} UTC"
    good = beat.last_success_at
    if not beat.ok and now - (good or first_seen) > LATE:
        since = f"since {good:%Y-%m-%d %H:%M:%S} UTC" if good else "from its beginning"
        return f"the watch fails {since}: {beat.detail[:300]}"
    return None


def guard(one: Guard, stop: Stop, every_s: float) -> None:
    """Go on until told to stop; no error ends the guard."""
    failures, begun = 0, False
    while not stop():
        try:
            begun = begun or one.begin()
            one.round()
            failures = 0
        except Exception as error:
            failures += 1
            log.warning("a round failed: %s", error, exc_info=not isinstance(error, ShiftwatchError))
            with suppress(StoreError):
                one.sign(one.clock.now(), f"a round failed: {error}"[:500])
        nap(one.clock, stop, max(every_s, min(pause_s(failures), BEAT_S)) if failures else every_s)


def rules(settings: Settings, asked: Sequence[str] | None) -> dict[str, AlarmRule]:
    """Return the rules of the systems that are watched here."""
    names = asked or [name for name in SYSTEMS if missing_setting(name, settings) is None]
    return {system.name: system.rule for system in map(load_system, names)}


def main(arguments: list[str] | None = None) -> int:
    """Guard until a signal comes."""
    parser = argparse.ArgumentParser(prog="python -m flows.guarding", description=__doc__)
    parser.add_argument("--system", action="append", metavar="NAME", help="guard only this one (repeatable)")
    parser.add_argument("--every", type=float, default=5.0, metavar="SECONDS", help="time between two looks")
    options = parser.parse_args(arguments)
    logs.configure(GUARD)
    stop = stop_by_signals()
    try:
        settings = load_settings()
        from flows.delivering import deliver  # Apprise: only what sends needs it

        with Store.open(settings.url, settings.artefacts) as store:
            known = rules(settings, options.system)
            guard(Guard(store, settings, known, SystemClock(), deliver), stop, options.every)
    except ShiftwatchError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
