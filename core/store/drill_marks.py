"""What is left out because of drills: what must never learn from one at once, what people read once it is revealed."""

from sqlalchemy import ScalarSelect, Select, Text, cast, literal, select

from core.store.drill_models import DrillAlarmRow, DrillObservationRow, DrillRow
from core.store.models import ObservationRow
from core.verdict import Quality

SUBJECT = "drill "
"""What the trail calls a drill, before its number."""


def altered() -> Select[tuple[int]]:
    """The observations whose verdict is of an altered copy: nothing learns from them, at any time."""
    return select(DrillObservationRow.observation_id)


def revealed_observations() -> Select[tuple[int]]:
    """The altered observations of drills that are revealed: no curve for people shows them any more."""
    return (
        select(DrillObservationRow.observation_id)
        .join(DrillRow, DrillRow.id == DrillObservationRow.drill_id)
        .where(DrillRow.revealed_at.is_not(None))
    )


def revealed_alarms() -> Select[tuple[int]]:
    """The alarms of drills that are revealed: no figure for people counts them any more."""
    return select(DrillAlarmRow.alarm_id)


def real_quality() -> ScalarSelect[Quality]:
    """The quality of what a drill altered as it came, once that drill is revealed; correlated with the observation."""
    return (
        select(DrillObservationRow.quality)
        .join(DrillRow, DrillRow.id == DrillObservationRow.drill_id)
        .where(DrillObservationRow.observation_id == ObservationRow.id, DrillRow.revealed_at.is_not(None))
        .scalar_subquery()
    )


def hidden_subjects() -> Select[tuple[str]]:
    """What the trail calls drills that go on: it is kept at once, and shown once they are revealed."""
    return select(literal(SUBJECT) + cast(DrillRow.id, Text)).where(DrillRow.revealed_at.is_(None))
