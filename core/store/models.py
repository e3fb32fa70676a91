"""The tables. Rows are written once: what changes is a new row, apart from alarm, heartbeat and watermark."""

from datetime import datetime
from enum import Enum as PythonEnum
from typing import Any, ClassVar

from sqlalchemy import Enum, ForeignKey, Index, MetaData, UniqueConstraint, false, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.alarms.events import ChangeKind
from core.alarms.severity import Severity
from core.store.types import Name, PlainFloat, PlainJson, PlainText, UtcDateTime
from core.store.views import Alias, Disposition, Judgement, Outcome
from core.verdict import Quality

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def _word(kind: type[PythonEnum]) -> Enum:
    return Enum(kind, native_enum=False, create_constraint=False, length=16)


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        str: PlainText,
        float: PlainFloat,
        dict[str, Any]: PlainJson,
        list[dict[str, Any]]: PlainJson,
        list[str]: PlainJson,
        Alias: _word(Alias),
        ChangeKind: _word(ChangeKind),
        Disposition: _word(Disposition),
        Judgement: _word(Judgement),
        Outcome: _word(Outcome),
        Quality: _word(Quality),
        Severity: _word(Severity),
    }


class ObservationRow(Base):
    """One thing seen, once. ``is_backfill``: it was judged long after, and is not among what arrived last."""

    __tablename__ = "observation"
    __table_args__ = (
        UniqueConstraint("system", "element", "key"),
        Index(None, "system", "element", "observed_at"),
        Index(None, "system", "observed_at"),
        Index(None, "system", "id"),
        Index(None, "system", "is_backfill", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(Name)
    element: Mapped[str] = mapped_column(Name)
    key: Mapped[str] = mapped_column(Name)
    observed_at: Mapped[datetime]
    origin: Mapped[str]
    sha256: Mapped[str]
    conditions: Mapped[dict[str, Any]]
    is_backfill: Mapped[bool] = mapped_column(server_default=false())


class VerdictRow(Base):
    """What the model in charge said of an observation, exactly one each. ``system`` is repeated for the overview."""

    __tablename__ = "verdict"
    __table_args__ = (Index(None, "system", "processed_at", "quality"),)

    observation_id: Mapped[int] = mapped_column(ForeignKey("observation.id"), primary_key=True, autoincrement=False)
    system: Mapped[str] = mapped_column(Name)
    processed_at: Mapped[datetime]
    quality: Mapped[Quality]
    score: Mapped[float | None]
    threshold: Mapped[float | None]
    p_value: Mapped[float | None]
    cause: Mapped[str | None]
    cause_probability: Mapped[float | None]
    model_name: Mapped[str | None]
    model_version: Mapped[str | None]
    reason: Mapped[str | None]
    regions: Mapped[list[dict[str, Any]]]
    region_count: Mapped[int]
    measurements: Mapped[dict[str, Any]]
    alarm_id: Mapped[int | None] = mapped_column(ForeignKey("alarm.id"), index=True)


class ArtefactRow(Base):
    """A content-addressed file."""

    __tablename__ = "artefact"

    digest: Mapped[str] = mapped_column(Name, primary_key=True)
    media_type: Mapped[str]
    bytes: Mapped[int]
    created_at: Mapped[datetime]


class EvidenceRow(Base):
    """Which artefact shows what of an observation."""

    __tablename__ = "evidence"

    observation_id: Mapped[int] = mapped_column(ForeignKey("observation.id"), primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(Name, primary_key=True)
    digest: Mapped[str] = mapped_column(Name, ForeignKey("artefact.digest"), index=True)


class TicketRow(Base):
    """What became of an arrival. Looked up by the ticket's digest, since a path may be longer than an index holds."""

    __tablename__ = "ticket"

    system: Mapped[str] = mapped_column(Name, primary_key=True)
    source: Mapped[str] = mapped_column(Name, primary_key=True)
    digest: Mapped[str] = mapped_column(Name, primary_key=True)
    ticket: Mapped[str]
    outcome: Mapped[Outcome]
    reason: Mapped[str | None]
    observation_id: Mapped[int] = mapped_column(ForeignKey("observation.id"), index=True)
    settled_at: Mapped[datetime]


class AlarmRow(Base):
    """The lifecycle's state of one alarm of one element; at most one of an element (and kind) is not closed.

    ``kind`` is empty but for the alarm of an incident: then ``subject`` is the element of the observations that tell
    it, and ``places`` are where it was seen.
    """

    __tablename__ = "alarm"
    __table_args__ = (
        Index(
            "uq_alarm_open",
            "system",
            "element",
            "kind",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(None, "system", "element", "id"),
        Index(None, "closed_at", "id"),
        Index(None, "system", "cause", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(Name)
    element: Mapped[str] = mapped_column(Name)
    severity: Mapped[Severity]
    current: Mapped[Severity]
    message: Mapped[str]
    bad_since: Mapped[datetime | None]
    bad_count: Mapped[int]
    observed_at: Mapped[datetime | None]
    raised_at: Mapped[datetime | None]
    recovered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]
    acknowledged_at: Mapped[datetime | None]
    shelved_by: Mapped[str | None]
    shelved_reason: Mapped[str | None]
    shelved_until: Mapped[datetime | None]
    observation_id: Mapped[int | None] = mapped_column(ForeignKey("observation.id"), index=True)
    kind: Mapped[str] = mapped_column(Name, server_default="")
    subject: Mapped[str | None] = mapped_column(Name)
    places: Mapped[list[str]] = mapped_column(server_default="[]")
    cause: Mapped[str | None]
    good_count: Mapped[int] = mapped_column(server_default="0")
    asked_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]
    inhibited_by: Mapped[str | None]
    inhibited_at: Mapped[datetime | None]
    is_notice: Mapped[bool] = mapped_column(server_default=false())
    respond_s: Mapped[float | None]


class AlarmEventRow(Base):
    """History of the alarms: append-only, as triggers of both databases enforce."""

    __tablename__ = "alarm_event"
    __table_args__ = (Index(None, "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarm.id"), index=True)
    kind: Mapped[ChangeKind]
    at: Mapped[datetime]
    severity: Mapped[Severity]
    author: Mapped[str]
    note: Mapped[str]
    until: Mapped[datetime | None]
    observation_id: Mapped[int | None] = mapped_column(ForeignKey("observation.id"), index=True)


class DecisionRow(Base):
    """A person's decision on a whole observation: append-only, the newest counts."""

    __tablename__ = "decision"
    __table_args__ = (Index(None, "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    observation_id: Mapped[int] = mapped_column(ForeignKey("observation.id"), index=True)
    disposition: Mapped[Disposition]
    author: Mapped[str]
    at: Mapped[datetime]


class FeedbackRow(Base):
    """A person's word on an observation or one of its regions: append-only."""

    __tablename__ = "feedback"
    __table_args__ = (Index(None, "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    observation_id: Mapped[int] = mapped_column(ForeignKey("observation.id"), index=True)
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("decision.id"))
    alarm_id: Mapped[int | None] = mapped_column(ForeignKey("alarm.id"), index=True)
    region_index: Mapped[int | None]
    judgement: Mapped[Judgement]
    cause: Mapped[str | None]
    comment: Mapped[str]
    author: Mapped[str]
    at: Mapped[datetime]


class RecordRow(Base):
    """A record made for the outside: append-only, the newest of its kind counts."""

    __tablename__ = "record"

    id: Mapped[int] = mapped_column(primary_key=True)
    observation_id: Mapped[int] = mapped_column(ForeignKey("observation.id"), index=True)
    decision_id: Mapped[int] = mapped_column(ForeignKey("decision.id"))
    kind: Mapped[str]
    content: Mapped[dict[str, Any]]
    author: Mapped[str]
    at: Mapped[datetime]


class ModelVersionRow(Base):
    """A registered version of a model package."""

    __tablename__ = "model_version"
    __table_args__ = (UniqueConstraint("system", "name", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(Name)
    name: Mapped[str] = mapped_column(Name)
    version: Mapped[str] = mapped_column(Name)
    digest: Mapped[str]
    path: Mapped[str]
    card: Mapped[dict[str, Any]]
    registered_at: Mapped[datetime]


class AliasChangeRow(Base):
    """History of what an alias points to: append-only, the newest row counts."""

    __tablename__ = "alias_change"
    __table_args__ = (Index(None, "system", "name", "alias"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(Name)
    name: Mapped[str] = mapped_column(Name)
    alias: Mapped[Alias]
    model_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_version.id"))
    author: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]


class HeartbeatRow(Base):
    """The last success and failure of a flow."""

    __tablename__ = "heartbeat"

    system: Mapped[str] = mapped_column(Name, primary_key=True)
    flow: Mapped[str] = mapped_column(Name, primary_key=True)
    at: Mapped[datetime]
    ok: Mapped[bool]
    detail: Mapped[str]
    last_success_at: Mapped[datetime | None]
    last_failure_at: Mapped[datetime | None]


class WatermarkRow(Base):
    """How far a source was taken in."""

    __tablename__ = "watermark"

    system: Mapped[str] = mapped_column(Name, primary_key=True)
    source: Mapped[str] = mapped_column(Name, primary_key=True)
    mark: Mapped[dict[str, Any]]
