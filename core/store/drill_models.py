"""The tables of drills: what was asked for and came of it, which observations were altered, which alarms are its."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.store.models import Base
from core.store.types import Name
from core.verdict import Quality


class DrillRow(Base):
    """A drill. It runs until ``revealed_at``; only then may any page, report or list tell of it."""

    __tablename__ = "drill"
    __table_args__ = (Index(None, "system", "id"), Index(None, "revealed_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(Name)
    fault: Mapped[str] = mapped_column(Name)
    title: Mapped[str]
    causes: Mapped[list[str]]
    seed: Mapped[int]
    author: Mapped[str]
    asked_at: Mapped[datetime]
    ends_by: Mapped[datetime]
    place: Mapped[str]
    started_at: Mapped[datetime | None]
    revealed_at: Mapped[datetime | None]
    ending: Mapped[str]
    result: Mapped[dict[str, Any]]


class DrillObservationRow(Base):
    """An observation whose verdict is of an altered copy, and the verdict on it as it came.

    Written in the transaction of the altered verdict, so that none is ever unmarked.
    """

    __tablename__ = "drill_observation"

    observation_id: Mapped[int] = mapped_column(ForeignKey("observation.id"), primary_key=True, autoincrement=False)
    drill_id: Mapped[int] = mapped_column(ForeignKey("drill.id"), index=True)
    quality: Mapped[Quality]
    verdict: Mapped[dict[str, Any]]


class DrillAlarmRow(Base):
    """An alarm that an altered observation raised: marked when the drill is revealed."""

    __tablename__ = "drill_alarm"

    alarm_id: Mapped[int] = mapped_column(ForeignKey("alarm.id"), primary_key=True, autoincrement=False)
    drill_id: Mapped[int] = mapped_column(ForeignKey("drill.id"), index=True)
