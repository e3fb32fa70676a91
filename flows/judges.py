"""The detectors of a watch: the one in charge, and a challenger in its shadow; made anew when a person promotes."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.clock import Clock
from core.contracts import Detector, System
from core.errors import StoreError
from core.observation import Observation
from core.settings import Settings
from core.store import Store
from core.store.views import Alias
from flows.choosing import Choice, choose, pointers
from flows.shadowing import Shadow, home_of

LOOK = timedelta(seconds=10)
"""How often the store is asked whether somebody promoted another model."""
log = logging.getLogger(__name__)


@dataclass
class Judges:
    """Makes the detectors of one system and keeps them while nobody changes which model is in charge."""

    system: System
    store: Store
    settings: Settings
    clock: Clock
    shadow: Shadow | None = None
    trouble: str | None = None
    _detector: Detector | None = None
    _pointers: Mapping[tuple[str, Alias], str | None] = field(default_factory=dict)
    _looked_at: datetime | None = None

    def in_charge(self) -> Detector:
        """Return the detector that judges now (made if need be; what it raises is the watch's trouble)."""
        if self._changed():
            self._detector = None
        if self._detector is None:
            choice = self._choose()
            self._detector = self.system.detector(choice.settings)
            self.shadow = self._shadow(choice)
            self.trouble = choice.trouble
        return self._detector

    def forget(self) -> None:
        """Let the next question make the detector anew."""
        self._detector = None

    def offer(self, observation: Observation) -> None:
        """Let the challenger have an observation that was judged."""
        if self.shadow is not None:
            self.shadow.offer(observation)

    def after_commit(self) -> None:
        """Let the challenger work, now that the verdicts in charge are safe."""
        if self.shadow is not None:
            self.shadow.work()

    def _choose(self) -> Choice:
        try:
            return choose(self.system, self.settings, self.store, self.clock.now())
        except StoreError as error:  # the store is away: what is installed judges, and the watch tells of the store
            log.warning("%s: which model is in charge is not known: %s", self.system.name, error)
            return Choice(self.settings)
        finally:
            self._look()

    def _changed(self) -> bool:
        """Whether the aliases point elsewhere than when the detector was made; asked every few seconds."""
        now = self.clock.now()
        if self.system.find_model is None or (self._looked_at is not None and now - self._looked_at < LOOK):
            return False
        before = self._pointers
        return self._look() and self._pointers != before

    def _look(self) -> bool:
        self._looked_at = self.clock.now()
        try:
            self._pointers = pointers(self.store, self.system.name)
        except StoreError:
            return False
        return True

    def _shadow(self, choice: Choice) -> Shadow | None:
        settings, model = choice.challenger_settings, choice.challenger
        if settings is None or model is None:
            return None
        own = home_of(settings, model)
        share = self.settings.shadow_share
        return Shadow(self.system.name, model, lambda: self.system.detector(own), self.store, self.clock, share)
