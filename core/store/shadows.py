"""What models said that are not in charge: written beside the verdicts, compared with them, never an alarm."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.store.drill_marks import altered
from core.store.engine import Database
from core.store.model_models import ShadowVerdictRow
from core.store.models import FeedbackRow, ObservationRow, VerdictRow
from core.store.queries import find
from core.store.types import plain_name
from core.store.views import Judgement
from core.verdict import Model, Quality, Verdict

CHUNK = 400


@dataclass(frozen=True, slots=True)
class Shadowed:
    """A verdict of a model that is not in charge, and how long it took."""

    element: str
    key: str
    verdict: Verdict
    processed_at: datetime
    took_s: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Both verdicts on one observation, and the newest answer of a person on the whole of it or its alarm."""

    observation_id: int
    observed_at: datetime
    element: str
    quality: Quality
    other_quality: Quality
    score: float | None
    other_score: float | None
    other_cause: str | None
    took_s: float
    said: Judgement | None


def record(
    database: Database, system: str, model: Model, found: Sequence[Shadowed], replay_id: int | None = None
) -> int:
    """Keep shadow verdicts of observations that are known; what is there of the same model is replaced."""
    with database.writing(system) as session:
        values = [
            _values(system, model, one, number, replay_id)
            for one in found
            if (number := find(session, system, plain_name(one.element), plain_name(one.key))) is not None
        ]
        for start in range(0, len(values), CHUNK):
            _upsert(session, values[start : start + CHUNK])
    return len(values)


def pairs(
    database: Database,
    system: str,
    model: Model,
    limit: int,
    begins: datetime | None = None,
    ends: datetime | None = None,
) -> list[Pair]:
    """Return both verdicts on what another model judged as well, newest first; within a span if one is given."""
    query = (
        select(ObservationRow, VerdictRow, ShadowVerdictRow)
        .join(ObservationRow, ObservationRow.id == ShadowVerdictRow.observation_id)
        .join(VerdictRow, VerdictRow.observation_id == ShadowVerdictRow.observation_id)
        .where(ShadowVerdictRow.system == system, ShadowVerdictRow.model_name == model.name)
        .where(ShadowVerdictRow.model_version == model.version, ObservationRow.id.not_in(altered()))
        .order_by(ShadowVerdictRow.observation_id.desc())
        .limit(limit)
        .with_only_columns(
            ObservationRow.id,
            ObservationRow.observed_at,
            ObservationRow.element,
            VerdictRow.quality,
            ShadowVerdictRow.quality,
            VerdictRow.score,
            ShadowVerdictRow.score,
            ShadowVerdictRow.cause,
            ShadowVerdictRow.took_s,
        )
    )
    if begins is not None:
        query = query.where(ObservationRow.observed_at >= begins)
    if ends is not None:
        query = query.where(ObservationRow.observed_at < ends)
    with database.reading() as session:
        rows = session.execute(query).all()
        said = _said(session, [row[0] for row in rows])
    return [_pair(row, said.get(row[0])) for row in rows]


def _pair(row: Sequence[Any], said: Judgement | None) -> Pair:
    return Pair(*[*row, said])


def _said(session: Session, numbers: Sequence[int]) -> dict[int, Judgement]:
    """The newest answer on each observation as a whole."""
    found: dict[int, Judgement] = {}
    for start in range(0, len(numbers), CHUNK):
        query = (
            select(FeedbackRow.observation_id, FeedbackRow.judgement)
            .where(FeedbackRow.observation_id.in_(numbers[start : start + CHUNK]), FeedbackRow.region_index.is_(None))
            .order_by(FeedbackRow.id)
        )
        found |= dict(session.execute(query).tuples().all())
    return found


def _values(system: str, model: Model, one: Shadowed, number: int, replay_id: int | None) -> dict[str, Any]:
    verdict = one.verdict
    return {
        "observation_id": number,
        "model_name": plain_name(model.name),
        "model_version": plain_name(model.version),
        "system": system,
        "processed_at": one.processed_at,
        "quality": verdict.quality,
        "score": verdict.score,
        "threshold": verdict.threshold,
        "p_value": verdict.p_value,
        "cause": verdict.cause.name if verdict.cause else None,
        "reason": verdict.reason,
        "took_s": one.took_s,
        "replay_id": replay_id,
    }


def _upsert(session: Session, values: list[dict[str, Any]]) -> None:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    keys = ["observation_id", "model_name", "model_version"]
    statement = dialect.insert(ShadowVerdictRow)
    changed = {name: statement.excluded[name] for name in values[0] if name not in keys} if values else {}
    if values:
        session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), values)
