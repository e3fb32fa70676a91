"""How many false alarms a model raised, beside what was promised of it."""

from datetime import datetime

from core.calibration import FalseAlarms
from core.settings import Settings
from core.store import Store, performance
from core.store.views import Judgement
from core.verdict import Model

SHIFT_BINS = 48
"""Ten-minute periods of a shift of eight hours."""


def false_alarms(store: Store, settings: Settings, system: str, model: Model, since: datetime) -> FalseAlarms | None:
    """Return the false alarms of a model since an instant; None for a system without such a budget."""
    own = getattr(settings, system, None)
    per_shift = getattr(own, "false_alarms_per_shift", None)
    per_board = getattr(own, "false_alarms_per_board", None)
    if per_shift is None and per_board is None:
        return None
    raised = performance.raised(store.database, system, model, since)
    count, periods = performance.observed(store.database, system, since)
    unit, units = ("8 hours of data", periods / SHIFT_BINS) if per_board is None else ("board", float(count))
    promised = float(per_board if per_board is not None else per_shift or 0.0)
    false = raised.counts.get(Judgement.FALSE_ALARM, 0)
    return FalseAlarms(promised, unit, units, false, raised.counts.get(None, 0))
