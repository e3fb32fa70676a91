"""A challenger judges beside the champion, on the same observations: kept, compared, never an alarm.

It works after the champion's verdicts are committed, takes at most a set share of the watch's time, and remembers
what it must in a folder of its own. Whatever goes wrong with it is a line in the log and ends it for this watch.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

from core.clock import Clock
from core.contracts import Detector
from core.errors import StoreError
from core.observation import Observation
from core.settings import Settings
from core.store import Store, shadows
from core.store.shadows import Shadowed
from core.verdict import Model, Verdict

MOST_WAITING = 4
"""Observations whose payload is held until the champion's verdicts are committed."""
log = logging.getLogger(__name__)


def home_of(settings: Settings, model: Model) -> Settings:
    """Return the settings with a home of its own for what the detector of a model remembers."""
    home = settings.home / "shadow" / model.name / model.version
    return settings.model_copy(update={"home": home, "models": settings.site_models})


@dataclass
class Shadow:
    """A challenger at work. ``make`` builds its detector at first use; ``share`` of the time may be spent on it."""

    system: str
    model: Model
    make: Callable[[], Detector]
    store: Store
    clock: Clock
    share: float
    began_s: float = field(default_factory=perf_counter)
    spent_s: float = 0.0
    broken: str | None = None
    _detector: Detector | None = None
    _waiting: list[Observation] = field(default_factory=list)

    def offer(self, observation: Observation) -> None:
        """Take an observation that the champion judged, if there is time for it."""
        if self._has_time() and len(self._waiting) < MOST_WAITING:
            self._waiting.append(observation)

    def work(self) -> int:
        """Judge what was taken and keep it; return how many verdicts were kept."""
        waiting, self._waiting = self._waiting, []
        if not waiting or not self._has_time():
            return 0
        found: list[Shadowed] = []
        for observation in waiting:
            if not self._has_time():
                break
            if (one := self._judge(observation)) is not None:
                found.append(one)
        try:
            return shadows.record(self.store.database, self.system, self.model, found) if found else 0
        except StoreError as error:
            log.warning("%s: verdicts of the challenger were not kept: %s", self.system, error)
            return 0

    def _has_time(self) -> bool:
        """Whether less than its share of the time was spent; the first observation is always judged."""
        if self.broken is not None or self.share <= 0:
            return False
        return self.spent_s <= self.share * (perf_counter() - self.began_s)

    def _judge(self, observation: Observation) -> Shadowed | None:
        began = perf_counter()
        try:
            if self._detector is None:
                self._detector = self.make()
                self.spent_s += perf_counter() - began
                began = perf_counter()
            verdict: Verdict = self._detector.judge(observation)
        except Exception as error:  # a challenger is on trial: whatever it does, the watch goes on
            self.broken = f"{type(error).__name__}: {error}"
            log.warning("%s: the challenger %s %s is set aside: %s", self.system, *_named(self.model), self.broken)
            return None
        finally:
            self.spent_s += perf_counter() - began
        took = perf_counter() - began
        return Shadowed(observation.element, observation.key, verdict, self.clock.now(), took)


def _named(model: Model) -> tuple[str, str]:
    return model.name, model.version
