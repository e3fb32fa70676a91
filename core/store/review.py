"""What people say of verdicts: feedback, decisions and the records made of them. All of it is only ever added to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from core.alarms.events import Comment
from core.contracts import AlarmRule
from core.errors import StoreError
from core.store import audit
from core.store.alarm_log import close_by_decision
from core.store.audit import Deed
from core.store.engine import Database
from core.store.models import AlarmRow, DecisionRow, FeedbackRow, RecordRow, VerdictRow
from core.store.stepping import step_row
from core.store.types import word
from core.store.views import Disposition, Judgement, RegionDecision


@dataclass(frozen=True, slots=True)
class Decision:
    """All that a person submits on one observation."""

    observation_id: int
    author: str
    at: datetime
    regions: tuple[RegionDecision, ...]
    record: Mapping[str, Any] | None
    kind: str
    disposition: Disposition | None

    @property
    def outcome(self) -> Disposition:
        """What the decision comes to where the person did not say: any region not rejected fails the whole."""
        if self.disposition is not None:
            return word(Disposition, self.disposition)
        passed = self.record.get("passed") if self.record is not None else None
        if not isinstance(passed, bool):
            passed = all(region.judgement is Judgement.FALSE_ALARM for region in self.regions)
        return Disposition.PASSED if passed else Disposition.FAILED


def add_feedback(
    database: Database,
    observation_id: int,
    author: str,
    at: datetime,
    said: RegionDecision,
    alarm_id: int | None,
    deed: Deed | None = None,
) -> int:
    """Append one word on an observation."""
    verdict = _verdict(database, observation_id)
    _check(verdict, author, [said])
    with database.writing(verdict.system) as session:
        if alarm_id is not None and session.get(AlarmRow, alarm_id) is None:
            raise StoreError(f"there is no alarm {alarm_id}")
        row = _feedback_row(observation_id, author, at, said, alarm_id)
        session.add(row)
        audit.write(session, deed, verdict.system)
        session.flush()
        return row.id


def decide(database: Database, decision: Decision, deed: Deed | None = None) -> int:
    """Commit a decision with its feedback, its record and the step of the alarm."""
    verdict = _verdict(database, decision.observation_id)
    _check(verdict, decision.author, decision.regions)
    with database.writing(verdict.system) as session:
        row = DecisionRow(
            observation_id=decision.observation_id,
            disposition=decision.outcome,
            author=decision.author,
            at=decision.at,
        )
        session.add(row)
        session.flush()
        alarm = _open_alarm(session, decision.observation_id)
        for said in decision.regions:
            feedback = _feedback_row(
                decision.observation_id, decision.author, decision.at, said, alarm.id if alarm else None
            )
            feedback.decision_id = row.id
            session.add(feedback)
        _add_record(session, decision, row.id)
        session.flush()
        if alarm is not None:
            _step_alarm(session, alarm, decision)
        audit.write(session, deed, verdict.system)
        return row.id


def _step_alarm(session: Session, alarm: AlarmRow, decision: Decision) -> None:
    """Close the alarm once all that it was raised for is decided; until then the decision is a remark in it."""
    note = f"decided on observation {decision.observation_id}: {decision.outcome.value}"
    undecided = ~exists().where(DecisionRow.observation_id == VerdictRow.observation_id)
    waiting = select(exists().where(VerdictRow.alarm_id == alarm.id, undecided))
    if session.scalar(waiting):
        note += "; others of this alarm wait for a decision"
        step_row(session, alarm, [Comment(decision.at, decision.author, note)], AlarmRule())
    else:
        close_by_decision(session, alarm, decision.author, note, decision.at)


def _verdict(database: Database, observation_id: int) -> VerdictRow:
    with database.reading() as session:
        row = session.get(VerdictRow, observation_id)
        if row is None:
            raise StoreError(f"there is no observation {observation_id}")
        session.expunge(row)
        return row


def _check(verdict: VerdictRow, author: str, said: Iterable[RegionDecision]) -> None:
    where = f"observation {verdict.observation_id}"
    if not author.strip():
        raise StoreError(f"{where}: a judgement needs its author's name")
    indices = [one.region_index for one in said if one.region_index is not None]
    outside = [index for index in indices if not 0 <= index < verdict.region_count]
    if outside:
        raise StoreError(f"{where}: has {verdict.region_count} regions, none has the index {outside[0]}")
    if len(set(indices)) < len(indices):
        raise StoreError(f"{where}: a region is decided on twice")


def _open_alarm(session: Session, observation_id: int) -> AlarmRow | None:
    query = select(AlarmRow).join(VerdictRow, VerdictRow.alarm_id == AlarmRow.id)
    query = query.where(VerdictRow.observation_id == observation_id)
    return session.scalar(query.where(AlarmRow.closed_at.is_(None), AlarmRow.raised_at.is_not(None)))


def _feedback_row(
    observation_id: int, author: str, at: datetime, said: RegionDecision, alarm_id: int | None
) -> FeedbackRow:
    return FeedbackRow(
        observation_id=observation_id,
        alarm_id=alarm_id,
        region_index=said.region_index,
        judgement=word(Judgement, said.judgement),
        cause=said.cause,
        comment=said.comment,
        author=author,
        at=at,
    )


def _add_record(session: Session, decision: Decision, decision_id: int) -> None:
    if decision.record is None:
        return
    session.add(
        RecordRow(
            observation_id=decision.observation_id,
            decision_id=decision_id,
            kind=decision.kind,
            content=dict(decision.record),
            author=decision.author,
            at=decision.at,
        )
    )
