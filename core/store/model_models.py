"""The tables of models that judge beside the one in charge: what they said, and replays of past time with them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Enum, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.store.models import Base
from core.store.types import Name
from core.verdict import Quality


class ReplayState(StrEnum):
    """Where a replay stands."""

    ASKED = "asked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ReplayRow(Base):
    """A stretch of the past judged again by another model; one goes from ``asked`` to ``done`` or ``failed``."""

    __tablename__ = "replay"
    __table_args__ = (Index(None, "system", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(Name)
    model_name: Mapped[str] = mapped_column(Name)
    model_version: Mapped[str] = mapped_column(Name)
    begins: Mapped[datetime]
    ends: Mapped[datetime]
    author: Mapped[str]
    asked_at: Mapped[datetime]
    state: Mapped[ReplayState] = mapped_column(Enum(ReplayState, native_enum=False, create_constraint=False, length=16))
    total: Mapped[int]
    done: Mapped[int]
    lost: Mapped[int]
    detail: Mapped[str]
    changed_at: Mapped[datetime]


class ShadowVerdictRow(Base):
    """What a model that is not in charge said of an observation: it never alarms. The newest of a model counts."""

    __tablename__ = "shadow_verdict"
    __table_args__ = (Index("ix_shadow_verdict_model", "system", "model_name", "model_version", "observation_id"),)

    observation_id: Mapped[int] = mapped_column(ForeignKey("observation.id"), primary_key=True, autoincrement=False)
    model_name: Mapped[str] = mapped_column(Name, primary_key=True)
    model_version: Mapped[str] = mapped_column(Name, primary_key=True)
    system: Mapped[str] = mapped_column(Name)
    processed_at: Mapped[datetime]
    quality: Mapped[Quality]
    score: Mapped[float | None]
    threshold: Mapped[float | None]
    p_value: Mapped[float | None]
    cause: Mapped[str | None]
    reason: Mapped[str | None]
    took_s: Mapped[float]
    replay_id: Mapped[int | None] = mapped_column(ForeignKey("replay.id"), index=True)
