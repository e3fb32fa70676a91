"""Whether the model that judges a system is the one that should, fresh enough, and keeps what it promised.

Made for the overview: it speaks up only where something is clearly wrong. What was judged bad may really have been,
so only the rest of the verdicts is held against the promise; the Models page shows all the figures.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from core import calibration, drift
from core.drift import Change
from core.figures import false_alarms
from core.settings import Settings
from core.store import Store, performance
from core.store.performance import Given
from core.store.views import Alias, ModelView
from core.verdict import Model, Quality

SAMPLE = 1000
FEWEST = 200
LEVELS = (0.1, 0.01)
CLEARLY = 2.0
"""Promises count as broken if even the low end of the interval is so many times the promised share."""
FOLLOWS_WITHIN = timedelta(minutes=2)
"""So long a watch may take to judge with a model that was promoted."""
SINCE = timedelta(days=30)
_USUAL = frozenset({Quality.GOOD, Quality.MEDIUM})


def standing(store: Store, settings: Settings, system: str, now: datetime) -> list[str]:
    """Return what is wrong with the model of a system, in sentences; nothing if all is well or nothing is known."""
    last = performance.last(store.database, system)
    if last is None:
        return []
    known = {one.version: one for one in store.models(system) if one.name == last.model.name}
    promoted = _promoted_at(store, system, last.model.name)
    found = [_retired(last, known.values(), promoted), _old(known.get(last.model.version), settings, now)]
    since = max(promoted or now - SINCE, now - SINCE)
    late = _usual(performance.newest(store.database, system, last.model, SAMPLE))
    early = _usual(performance.earliest(store.database, system, last.model, SAMPLE, promoted or since))
    found += [_promise(late), _false(store, settings, system, last.model, since), _moved(early, late)]
    return [one for one in found if one]


def _promoted_at(store: Store, system: str, name: str) -> datetime | None:
    changes = [one for one in store.alias_history(system, name) if one.alias is Alias.CHAMPION]
    return changes[-1].at if changes else None


def _retired(last: performance.Last, known: Iterable[ModelView], promoted: datetime | None) -> str:
    champion = next((one for one in known if Alias.CHAMPION in one.aliases), None)
    if champion is None or promoted is None or champion.version == last.model.version:
        return ""
    if last.processed_at - promoted <= FOLLOWS_WITHIN:
        return ""
    return (
        f"It is retired: version {champion.version} was put in charge at {promoted:%Y-%m-%d %H:%M} UTC, "
        f"but {last.model.version} still judges."
    )


def _old(model: ModelView | None, settings: Settings, now: datetime) -> str:
    made = model.card.get("created_at") if model is not None else None
    try:
        age = now - datetime.fromisoformat(str(made))
    except (ValueError, TypeError):
        return ""
    if age <= timedelta(days=settings.model_max_age_days):
        return ""
    return f"Its card says it was made {age.days} days ago; no more than {settings.model_max_age_days:g} are wanted."


def _promise(late: Sequence[Given]) -> str:
    for kept in calibration.p_values([one.p_value for one in late], LEVELS):
        if kept.total >= FEWEST and kept.low > CLEARLY * kept.promised:
            return (
                f"It does not keep what it promised: {kept.achieved:.0%} of the newest {kept.total} verdicts that are "
                f"not bad have p ≤ {kept.promised:g}, promised were {kept.promised:.0%}."
            )
    return ""


def _false(store: Store, settings: Settings, system: str, model: Model, since: datetime) -> str:
    found = false_alarms(store, settings, system, model, since)
    if found is None or not found.units or found.is_kept:
        return ""
    return (
        f"People called {found.false} of its alarms false: {found.rate()[0]:.2g} per {found.unit}, "
        f"promised were {found.promised:g}."
    )


def _moved(early: Sequence[Given], late: Sequence[Given]) -> str:
    if min(len(early), len(late)) < FEWEST or early[-1].observed_at >= late[0].observed_at:
        return ""
    moved = drift.compare("score", (one.score for one in early), (one.score for one in late))
    if moved.change is not Change.CHANGED:
        return ""
    return f"Its scores have moved since it began (PSI {moved.psi:.2f}): other conditions, or it no longer fits."


def _usual(given: Sequence[Given]) -> list[Given]:
    return [one for one in given if one.quality in _USUAL]
