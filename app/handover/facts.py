"""What a shift report says, found in the store: what was judged, which alarms there were, what is still open."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from app.across import Read, Told
from app.across import gather as gather_across
from app.displays import displays
from core.alarms.health import measure
from core.alarms.targets import Figure, compare
from core.settings import Settings
from core.shifts import Span, gaps
from core.store import Store
from core.store.drills import DrillView, revealed
from core.store.handover import Answer, Judged, handover
from core.store.views import AlarmChange, AlarmView, AliasView, Disposition
from core.verdict import Quality

LEAST_GAP = timedelta(minutes=10)
GAP_STEPS = 10
FEWEST = 10
"""Observations from which on the usual step between two is known."""


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """One system over the shift; ``longest`` may lie between two observations before that is a gap (None: any)."""

    system: str
    judged: Sequence[Judged]
    longest: timedelta | None
    gaps: Sequence[Span]
    decided: Mapping[Disposition, int]

    @property
    def counts(self) -> Mapping[Quality, int]:
        """How many observations were judged how."""
        return Counter(one.quality for one in self.judged)

    def share(self, quality: Quality) -> float:
        """Return the share of a quality, 0 if nothing was judged."""
        return self.counts[quality] / len(self.judged) if self.judged else 0.0


@dataclass(frozen=True, slots=True)
class AlarmFacts:
    """One alarm that was open in the shift, and what happened to it in the shift."""

    view: AlarmView
    changes: Sequence[AlarmChange]
    answers: Sequence[Answer]


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it. ``span`` ends at ``made_at`` if the shift goes on; ``whole`` is the shift as planned."""

    whole: Span
    span: Span
    made_at: datetime
    systems: Sequence[SystemFacts]
    alarms: Sequence[AlarmFacts]
    answers: Sequence[Answer]
    model_changes: Sequence[AliasView]
    figures: Sequence[Figure]
    waiting: Mapping[str, int]
    drills: Sequence[DrillView] = ()
    across: Told | None = None

    @property
    def goes_on(self) -> bool:
        """Whether the shift is not over."""
        return self.span.ends < self.whole.ends


def gather(store: Store, settings: Settings, shift: Span, now: datetime, read: Read | None = None) -> Facts:
    """Return what is to be said of a shift, up to now if it goes on; ``read`` as in ``app.across.gather``."""
    span = Span(shift.begins, min(shift.ends, max(now, shift.begins + timedelta(seconds=1))))
    told = handover(store.database, span)
    changes: dict[int, list[AlarmChange]] = {}
    for change in store.alarm_history(span.begins, span.ends):
        changes.setdefault(change.alarm_id, []).append(change)
    alarms = [
        AlarmFacts(view, changes.get(view.id, ()), [one for one in told.answers if one.alarm_id == view.id])
        for view in told.alarms
    ]
    systems = [
        _system(name, told.judged.get(name, ()), span, settings, told.decided.get(name, {}))
        for name in {**dict.fromkeys(displays()), **told.judged}
        if name in told.judged or _is_expected(name, settings)
    ]
    health = measure(store.alarm_lines(span.begins, span.ends), span, settings.shifts.plan)
    held = revealed(store.database, within=span)[::-1]
    figures, across = compare(health), gather_across(store, span.ends, read).told
    said = (told.answers, told.model_changes)
    return Facts(shift, span, now, systems, alarms, *said, figures, told.waiting, held, across)


def _system(
    name: str, judged: Sequence[Judged], span: Span, settings: Settings, decided: Mapping[Disposition, int]
) -> SystemFacts:
    times = [one.observed_at for one in judged]
    longest = longest_step(times, _silent_after(name, settings))
    found = gaps(times, span, longest) if longest is not None else ()
    return SystemFacts(name, judged, longest, found, decided)


def longest_step(times: Sequence[datetime], silent_after: timedelta | None) -> timedelta | None:
    """Return how far apart observations may be: as set, else ten of their usual steps, ten minutes at least.

    None where neither is known: too few came to say what is usual.
    """
    if silent_after is not None:
        return silent_after
    if len(times) < FEWEST:
        return None
    steps = np.diff([at.timestamp() for at in times])
    return max(LEAST_GAP, GAP_STEPS * timedelta(seconds=float(np.median(steps))))


def _silent_after(name: str, settings: Settings) -> timedelta | None:
    module = displays().get(name)
    seconds = module.silent_after_s(settings) if module else None
    return None if seconds is None else timedelta(seconds=seconds)


def _is_expected(name: str, settings: Settings) -> bool:
    """Whether nothing having come from a system is worth a line: somebody said how long it may be silent."""
    return _silent_after(name, settings) is not None
