"""A drill at work in a watch: a fault on top of a copy of what the source gave, and the original judged beside it.

What comes from the source is always judged as it is, by the detector in charge, whose memory never sees the drill. The
altered copy is judged by a second detector that starts with a copy of that memory; its verdict is shown and kept in
place of the other, marked in the same transaction. As soon as the original shows something that had no alarm when the
drill began, or cannot be judged, or the drill itself fails, the original's verdict stands and the drill is revealed.
"""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from core.alarms.lifecycle import severity_of
from core.alarms.severity import Severity
from core.clock import Clock
from core.contracts import Altered, Detector, Incident, Settled, System
from core.drilling import DrillFault, Injection
from core.errors import DrillError, ShiftwatchError, StoreError
from core.observation import Observation
from core.settings import Settings
from core.store import Store, drills
from core.store.drills import DrillView
from core.store.views import AlarmView
from core.verdict import Quality

log = logging.getLogger(__name__)
SOMETHING_REAL = "something real came up"


@dataclass(slots=True)
class _Running:
    """One drill: its second detector, its fault, and what was really wrong when it began."""

    view: DrillView
    home: Path
    detector: Detector
    injection: Injection | None = None


@dataclass
class Drilling:
    """Puts the drill of one system, if there is one, on what its watch judges."""

    system: System
    store: Store
    settings: Settings
    clock: Clock
    running: _Running | None = field(default=None, init=False)

    def look(self) -> None:
        """Find out whether a drill goes on, before the next observation is judged."""
        if self.system.drills is None:
            return
        try:
            view = drills.running(self.store.database, self.system.name)
        except StoreError:
            return
        if self.running is not None and (view is None or view.id != self.running.view.id):
            self._leave()
        if view is None:
            return
        if view.ends_by <= self.clock.now():
            self._reveal(view, "its time was over")
        elif self.running is None:
            self._enter(view)

    def taken(self, observation: Observation, real: Settled) -> Settled:
        """Return what is to be committed of an observation: of its altered copy while a drill goes on."""
        one = self.running
        if one is None:
            return real
        if why := self._why_not(one, real):
            self._reveal(one.view, why)
            return real
        try:
            return self._altered(one, observation, real)
        except Exception as error:  # a drill must never cost a real verdict
            expected = isinstance(error, ShiftwatchError)
            log.warning("%s: the drill failed: %s", self.system.name, error, exc_info=not expected)
            self._reveal(one.view, f"it could not be put in: {error}" if expected else "it failed, see the log")
            return real

    def _why_not(self, one: _Running, real: Settled) -> str:
        if real.verdict.quality is Quality.NULL:
            return f"{SOMETHING_REAL}: {real.verdict.reason}"
        wrong = [one for one in real.incidents or () if severity_of(one.quality, self.system.rule) is not Severity.OK]
        before = self._alarms_before(one.view.started_at) if wrong else []
        new = [incident for incident in wrong if not _goes_on(incident, before)]
        return f"{SOMETHING_REAL}: {new[0].message}" if new else ""

    def _altered(self, one: _Running, observation: Observation, real: Settled) -> Settled:
        if one.injection is None:
            avoid = self._taken_places(one.view.started_at)
            one.injection = self._fault(one.view).begin(observation, one.view.asked.seed, avoid)
        seen = one.injection.alter(observation)
        verdict = one.detector.judge(seen)
        told = None if self.system.incidents is None else tuple(self.system.incidents(seen, verdict))
        now = self.clock.now()
        if one.view.started_at is None:
            drills.begun(self.store.database, one.view.id, one.injection.where, now)
            one.view = replace(one.view, started_at=now)
        altered = Altered(one.view.id, real)
        return replace(real, verdict=verdict, incidents=told, processed_at=now, altered=altered)

    def _fault(self, view: DrillView) -> DrillFault:
        known = {} if self.system.drills is None else {one.name: one for one in self.system.drills()}
        if view.asked.fault not in known:
            raise DrillError(f"no fault called {view.asked.fault!r}")
        return known[view.asked.fault]

    def _taken_places(self, started_at: datetime | None) -> frozenset[str]:
        """What open alarms are about: the fault must be told from them."""
        found: set[str] = set()
        for alarm in self._alarms_before(started_at):
            found |= {alarm.element, alarm.kind, *alarm.places} - {""}
        return frozenset(found)

    def _alarms_before(self, started_at: datetime | None) -> list[AlarmView]:
        """Return the open alarms from before the drill, which are none of it."""
        found = self.store.alarms(system=self.system.name, limit=500)
        return [alarm for alarm in found if started_at is None or alarm.raised_at < started_at]

    def _enter(self, view: DrillView) -> None:
        """Give the second detector a copy of what the first one remembers; the next watch goes on with that copy."""
        home = self.settings.home / "drill" / str(view.id)
        try:
            memory = self.settings.home / self.system.name
            if view.started_at is None:
                shutil.rmtree(home, ignore_errors=True)
            if memory.is_dir() and not home.exists():
                shutil.copytree(memory, home / self.system.name)
            own = self.settings.model_copy(update={"home": home, "models": self.settings.site_models})
            self.running = _Running(view, home, self.system.detector(own))
        except (OSError, ShiftwatchError) as error:
            log.warning("%s: the drill cannot begin: %s", self.system.name, error)
            self._reveal(view, f"it could not begin: {error}")

    def _leave(self) -> None:
        if self.running is not None:
            shutil.rmtree(self.running.home, ignore_errors=True)
        self.running = None

    def _reveal(self, view: DrillView, why: str) -> None:
        self._leave()
        try:
            drills.reveal(self.store.database, view.id, self.clock.now(), why)
        except DrillError:  # somebody else did
            return
        except StoreError as error:
            log.warning("%s: the drill is not revealed yet: %s", self.system.name, error)


def _goes_on(incident: Incident, before: Sequence[AlarmView]) -> bool:
    """Whether it has an open alarm already: of the same kind at a place in common, or called the same."""
    return any(
        one.kind == incident.kind and (one.element == incident.element or not incident.places.isdisjoint(one.places))
        for one in before
    )
