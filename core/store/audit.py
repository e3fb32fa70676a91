"""What people did, in the transaction in which they did it, and what they were refused: only ever added to."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.store.console_models import AuditRow
from core.store.views import AuditView


@dataclass(frozen=True, slots=True)
class Deed:
    """Who does what to what, through which way in (page or command line); ``system`` may follow from the subject."""

    at: datetime
    author: str
    role: str
    via: str
    what: str
    subject: str
    note: str = ""
    system: str = ""


def write(session: Session, deed: Deed | None, system: str = "", *, allowed: bool = True) -> None:
    """Add a deed to the trail; what the machine does (None) is no deed."""
    if deed is None:
        return
    session.add(
        AuditRow(
            at=deed.at,
            author=deed.author,
            role=deed.role,
            via=deed.via,
            deed=deed.what,
            system=deed.system or system,
            subject=deed.subject,
            note=deed.note,
            allowed=allowed,
        )
    )
    session.flush()


def trail(
    session: Session, limit: int, before_id: int | None, subject: str | None, since: datetime | None
) -> list[AuditView]:
    """Return deeds, newest first."""
    query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(AuditRow.id < before_id)
    if subject is not None:
        query = query.where(AuditRow.subject == subject)
    if since is not None:
        query = query.where(AuditRow.at >= since)
    return [_view(row) for row in session.scalars(query)]


def _view(row: AuditRow) -> AuditView:
    return AuditView(
        row.id, row.at, row.author, row.role, row.via, row.deed, row.system, row.subject, row.note, row.allowed
    )
