"""What people did, in the transaction in which they did it, and what they were refused: only ever added to."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from core.store.console_models import AuditRow
from core.store.drill_marks import hidden_subjects
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


@dataclass(frozen=True, slots=True)
class Sought:
    """Which deeds are sought: of a subject, since an instant, of people whose name has this in it, of one kind.

    ``refused``: only those that were refused.
    """

    subject: str | None = None
    since: datetime | None = None
    person: str = ""
    what: str | None = None
    refused: bool = False


EVERYTHING = Sought()


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


def trail(session: Session, limit: int, before_id: int | None, sought: Sought) -> list[AuditView]:
    """Return deeds, newest first; a drill is told of once it is revealed."""
    query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
    query = query.where(AuditRow.subject.not_in(hidden_subjects()))
    if before_id is not None:
        query = query.where(AuditRow.id < before_id)
    for condition in _conditions(sought):
        query = query.where(condition)
    return [_view(row) for row in session.scalars(query)]


def _conditions(sought: Sought) -> Iterator[ColumnElement[bool]]:
    if sought.subject is not None:
        yield AuditRow.subject == sought.subject
    if sought.since is not None:
        yield AuditRow.at >= sought.since
    if sought.person:
        yield AuditRow.author.icontains(sought.person, autoescape=True)
    if sought.what is not None:
        yield AuditRow.deed == sought.what
    if sought.refused:
        yield AuditRow.allowed.is_(False)


def _view(row: AuditRow) -> AuditView:
    return AuditView(
        row.id, row.at, row.author, row.role, row.via, row.deed, row.system, row.subject, row.note, row.allowed
    )
