"""What the Models page shows of one version: what it promised and keeps, what changed, its rival."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core import calibration, comparison, drift
from core.calibration import FalseAlarms, Kept
from core.comparison import Comparison
from core.drift import Drift
from core.figures import false_alarms
from core.settings import Settings
from core.store import Store, performance, shadows
from core.store.performance import Given
from core.store.shadows import Pair
from core.store.views import Alias, AliasView, ModelView
from core.verdict import Model, Quality

SAMPLE = 1000
PAIRS = 2000
SINCE = timedelta(days=30)
MOST_FEATURES = 12


@dataclass(frozen=True, slots=True)
class Figures:
    """What one version gave of late."""

    judged: int
    kept: Sequence[Kept]
    false_alarms: FalseAlarms | None
    drifts: Sequence[Drift]
    reference: tuple[datetime, datetime] | None


@dataclass(frozen=True, slots=True)
class Rival:
    """Another version on the same observations, and those on which both disagree, newest first."""

    comparison: Comparison
    disagreed: Sequence[Pair]


def figures(store: Store, settings: Settings, system: str, model: Model, since: datetime, now: datetime) -> Figures:
    """Return the figures of a version that has judged since an instant."""
    early = performance.earliest(store.database, system, model, SAMPLE, since)
    late = performance.newest(store.database, system, model, SAMPLE)
    nominal = [one.p_value for one in late if one.quality is not Quality.NULL]
    begins = max(since, now - SINCE)
    return Figures(
        judged=len(late),
        kept=calibration.p_values(nominal) if any(value is not None for value in nominal) else (),
        false_alarms=false_alarms(store, settings, system, model, begins),
        drifts=_drifts(early, late),
        reference=(early[0].observed_at, early[-1].observed_at) if early else None,
    )


def rival(
    store: Store, system: str, model: Model, begins: datetime | None = None, ends: datetime | None = None
) -> Rival:
    """Return how a version compares with the one in charge on what both judged."""
    pairs = shadows.pairs(store.database, system, model, PAIRS, begins, ends)
    return Rival(comparison.compare(pairs), [one for one in pairs if one.quality is not one.other_quality])


def champion_since(history: Sequence[AliasView], model: ModelView) -> datetime | None:
    """Return since when a version is the champion, None if it is not."""
    changes = [one for one in history if one.alias is Alias.CHAMPION and one.name == model.name]
    return changes[-1].at if changes and changes[-1].version == model.version else None


def facts(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a card says, as lines: where from, how good; tables of thresholds are told by their size."""
    lines = [(name, str(card.get(name) or "")) for name in ("created_at", "seed", "training_data")]
    metrics = card.get("metrics")
    lines += list(_flat(metrics if isinstance(metrics, Mapping) else {}))
    calibrated = card.get("calibration")
    if isinstance(calibrated, Mapping) and calibrated:
        lines.append(("calibration", ", ".join(map(str, calibrated))))
    files = card.get("files")
    if isinstance(files, Mapping):
        lines.append(("files", ", ".join(map(str, files))))
    return [(name.replace("_", " "), text) for name, text in lines if text]


def _flat(values: Mapping[str, Any], above: str = "") -> Sequence[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        full = f"{above} {name}".strip()
        if isinstance(value, Mapping):
            found += _flat(value, full)
        elif isinstance(value, float):
            found.append((full, f"{value:.4g}"))
        elif isinstance(value, list):
            found.append((full, f"{len(value)} values" if len(value) > 6 else ", ".join(map(_short, value))))
        else:
            found.append((full, str(value)[:120]))
    return found


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)[:40]


def _drifts(early: Sequence[Given], late: Sequence[Given]) -> list[Drift]:
    """Score first, then the measurements that most verdicts have, those that moved most first."""
    found = [drift.compare("score", (one.score for one in early), (one.score for one in late))]
    names = {name for one in late for name in one.values}
    features = [
        drift.compare(name, (one.values.get(name) for one in early), (one.values.get(name) for one in late))
        for name in names
    ]
    known = [one for one in features if min(one.counts) >= drift.FEWEST]
    return found + sorted(known, key=lambda one: (-one.psi, one.name))[:MOST_FEATURES]
