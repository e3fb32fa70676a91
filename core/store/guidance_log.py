"""What to do about a cause, as experts wrote it: every version is kept, the newest counts."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import StoreError
from core.store.console_models import GuidanceRow
from core.store.types import plain_name
from core.store.views import GuidanceView

LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Guidance:
    """What an expert says of a cause. Without ``needs_action`` its alarms are notices.

    ``respond_min``: minutes after which nobody having acknowledged is too long (None: as the system's rule says).
    """

    text: str
    contact: str = ""
    needs_action: bool = True
    respond_min: float | None = None


def newest(session: Session, system: str, topic: str) -> GuidanceRow | None:
    """Return what counts now, None if no expert wrote anything."""
    query = select(GuidanceRow).where(GuidanceRow.system == system, GuidanceRow.cause == plain_name(topic))
    return session.scalar(query.order_by(GuidanceRow.id.desc()).limit(1))


def versions(session: Session, system: str, topic: str) -> list[GuidanceView]:
    """Return all versions, newest first."""
    query = select(GuidanceRow).where(GuidanceRow.system == system, GuidanceRow.cause == plain_name(topic))
    rows = session.scalars(query.order_by(GuidanceRow.id)).all()
    return [_view(row, number) for number, row in enumerate(rows, start=1)][::-1]


def write(
    session: Session, system: str, topic: str, said: Guidance, author: str, reason: str, at: datetime
) -> GuidanceRow:
    """Add a version.

    Raises
    ------
    StoreError
        If there is no text, author or reason, or the minutes are none.
    """
    where = f"guidance for {system}, {topic}"
    if not said.text.strip() or len(said.text) > LONGEST:
        raise StoreError(f"{where}: the text must have 1 to {LONGEST} letters")
    if not author.strip() or not reason.strip():
        raise StoreError(f"{where}: needs its author's name and a reason")
    if said.respond_min is not None and not 0 < said.respond_min <= 1440:
        raise StoreError(f"{where}: the time to respond must be more than 0 and at most 1440 minutes")
    row = GuidanceRow(
        system=system,
        cause=topic,
        text=said.text.strip(),
        contact=said.contact.strip(),
        needs_action=said.needs_action,
        respond_min=said.respond_min,
        author=author,
        reason=reason.strip(),
        at=at,
    )
    session.add(row)
    session.flush()
    return row


def _view(row: GuidanceRow, version: int) -> GuidanceView:
    return GuidanceView(
        system=row.system,
        topic=row.cause,
        version=version,
        text=row.text,
        contact=row.contact,
        needs_action=row.needs_action,
        respond_min=row.respond_min,
        author=row.author,
        reason=row.reason,
        at=row.at,
    )
