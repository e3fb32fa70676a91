"""The tables of the console: guidance, audit (both append-only), circumstances, and notifications."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.store.models import Base
from core.store.types import Name


class GuidanceRow(Base):
    """What to do about a cause, as an expert wrote it: append-only, the newest of its system and cause counts.

    ``cause`` is empty for what could not be judged or named. An alarm that needs no action is a notice.
    """

    __tablename__ = "guidance"
    __table_args__ = (Index(None, "system", "cause", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(Name)
    cause: Mapped[str] = mapped_column(Name)
    text: Mapped[str]
    contact: Mapped[str]
    needs_action: Mapped[bool]
    respond_min: Mapped[float | None]
    author: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]


class AuditRow(Base):
    """Something that a person did or was refused: append-only."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    author: Mapped[str]
    role: Mapped[str]
    via: Mapped[str]
    deed: Mapped[str]
    system: Mapped[str]
    subject: Mapped[str]
    note: Mapped[str]
    allowed: Mapped[bool]


class CircumstanceRow(Base):
    """What holds alarms of a system back now. ``subject``: those of this element (see ``core.alarms.inhibition``)."""

    __tablename__ = "circumstance"

    system: Mapped[str] = mapped_column(Name, primary_key=True)
    name: Mapped[str] = mapped_column(Name, primary_key=True)
    subject: Mapped[str] = mapped_column(Name, primary_key=True)
    reason: Mapped[str]
    since: Mapped[datetime]
    observed_at: Mapped[datetime]
    kinds: Mapped[list[str] | None]


class NotificationRow(Base):
    """One line of an alarm's history on its way to one channel."""

    __tablename__ = "notification"
    __table_args__ = (UniqueConstraint("channel", "event_id"), Index(None, "channel", "sent_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(Name)
    event_id: Mapped[int] = mapped_column(ForeignKey("alarm_event.id"))
    queued_at: Mapped[datetime]
    next_at: Mapped[datetime]
    attempts: Mapped[int]
    error: Mapped[str]
    sent_at: Mapped[datetime | None]
    message: Mapped[str | None]
    given_up_at: Mapped[datetime | None]
