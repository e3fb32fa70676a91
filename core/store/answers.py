"""What people said of what detectors showed: the newest answer on each thing counts."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from core.observation import Condition
from core.precision import Precision
from core.store.drill_marks import altered
from core.store.engine import Database
from core.store.models import EvidenceRow, FeedbackRow, ObservationRow, VerdictRow
from core.store.views import Judgement
from core.verdict import Model, Quality

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Label:
    """One thing that a person named, with what was observed and what the detector had said of it.

    ``region`` is the flat region in the scripting contract's words, None if the answer is on the whole; ``cause`` is
    what the person settled on; ``evidence`` maps names to digests of stored pictures and tables.
    """

    system: str
    element: str
    key: str
    observed_at: datetime
    origin: str
    sha256: str
    conditions: Mapping[str, Condition]
    quality: Quality
    score: float | None
    model: Model | None
    proposed: str | None
    region: Mapping[str, Any] | None
    judgement: Judgement
    cause: str | None
    comment: str
    author: str
    at: datetime
    alarm_id: int | None
    evidence: Mapping[str, str]


def precision(database: Database, system: str) -> dict[Model, Precision]:
    """Return what people said of each model of a system."""
    query = (
        select(VerdictRow.model_name, VerdictRow.model_version, FeedbackRow.judgement, func.count())
        .join(VerdictRow, VerdictRow.observation_id == FeedbackRow.observation_id)
        .where(FeedbackRow.id.in_(_newest(system)), VerdictRow.model_name.is_not(None))
        .group_by(VerdictRow.model_name, VerdictRow.model_version, FeedbackRow.judgement)
    )
    counted: dict[Model, Counter[str]] = {}
    with database.reading() as session:
        for name, version, judgement, count in session.execute(query).tuples():
            counted.setdefault(Model(str(name), str(version)), Counter())[judgement.value] += count
    return {model: Precision(**counts) for model, counts in counted.items()}


def on_alarm(database: Database, alarm_id: int) -> tuple[Judgement, str | None, str, datetime] | None:
    """Return what was said last of an alarm: judgement, cause, by whom and when; None if nothing was."""
    query = (
        select(FeedbackRow)
        .where(FeedbackRow.alarm_id == alarm_id, FeedbackRow.region_index.is_(None))
        .order_by(FeedbackRow.id.desc())
        .limit(1)
    )
    with database.reading() as session:
        row = session.scalar(query)
        return None if row is None else (row.judgement, row.cause, row.author, row.at)


def labels(database: Database, system: str, since: datetime | None = None) -> Iterator[Label]:
    """Yield the newest answer on each thing of a system, oldest first."""
    query = select(FeedbackRow.id).where(FeedbackRow.id.in_(_newest(system))).order_by(FeedbackRow.id)
    if since is not None:
        query = query.where(FeedbackRow.at >= since)
    with database.reading() as session:
        numbers = list(session.scalars(query))
        for first in range(0, len(numbers), CHUNK):
            yield from _labels(session, numbers[first : first + CHUNK])


def _newest(system: str) -> Select[tuple[int]]:
    """The ids of the newest answer on every alarm, and on every place or whole of an observation; none of drills."""
    on_whole_alarm = FeedbackRow.region_index.is_(None) & FeedbackRow.alarm_id.is_not(None)
    alarm = case((on_whole_alarm, FeedbackRow.alarm_id), else_=-1)
    observation = case((on_whole_alarm, -1), else_=FeedbackRow.observation_id)
    return (
        select(func.max(FeedbackRow.id))
        .join(ObservationRow, ObservationRow.id == FeedbackRow.observation_id)
        .where(ObservationRow.system == system, FeedbackRow.observation_id.not_in(altered()))
        .group_by(alarm, observation, func.coalesce(FeedbackRow.region_index, -1))
    )


def _labels(session: Session, numbers: list[int]) -> Iterator[Label]:
    query = (
        select(FeedbackRow, ObservationRow, VerdictRow)
        .join(ObservationRow, ObservationRow.id == FeedbackRow.observation_id)
        .join(VerdictRow, VerdictRow.observation_id == FeedbackRow.observation_id)
        .where(FeedbackRow.id.in_(numbers))
        .order_by(FeedbackRow.id)
    )
    rows = session.execute(query).tuples().all()
    evidence: dict[int, dict[str, str]] = {}
    seen = {row[1].id for row in rows}
    for item in session.scalars(select(EvidenceRow).where(EvidenceRow.observation_id.in_(seen))):
        evidence.setdefault(item.observation_id, {})[item.name] = item.digest
    for said, observed, verdict in rows:
        yield _label(said, observed, verdict, evidence.get(observed.id, {}))


def _label(said: FeedbackRow, seen: ObservationRow, verdict: VerdictRow, evidence: Mapping[str, str]) -> Label:
    region = None if said.region_index is None else verdict.regions[said.region_index]
    return Label(
        system=seen.system,
        element=seen.element,
        key=seen.key,
        observed_at=seen.observed_at,
        origin=seen.origin,
        sha256=seen.sha256,
        conditions=seen.conditions,
        quality=verdict.quality,
        score=verdict.score,
        model=Model(verdict.model_name, verdict.model_version or "") if verdict.model_name else None,
        proposed=verdict.cause if region is None else region.get("cause"),
        region=region,
        judgement=said.judgement,
        cause=said.cause,
        comment=said.comment,
        author=said.author,
        at=said.at,
        alarm_id=said.alarm_id,
        evidence=evidence,
    )
