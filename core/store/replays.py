"""Replays: a stretch of the past judged again by another model, and how far each has come."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import StoreError
from core.shifts import Span
from core.store import audit
from core.store.audit import Deed
from core.store.engine import Database
from core.store.model_models import ReplayRow, ReplayState
from core.store.models import ObservationRow
from core.verdict import Model

__all__ = ["ReplayState", "ReplayView", "Seen", "ask", "newest", "observations", "progress", "replay"]


STUCK = timedelta(minutes=15)
"""A replay that has not moved for so long is given up when another one is asked for."""


@dataclass(frozen=True, slots=True)
class ReplayView:
    """One replay; ``lost``: observations whose input is not there any more or could not be read."""

    id: int
    system: str
    model: Model
    span: Span
    author: str
    asked_at: datetime
    state: ReplayState
    total: int
    done: int
    lost: int
    detail: str
    changed_at: datetime

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in {ReplayState.DONE, ReplayState.FAILED}


@dataclass(frozen=True, slots=True)
class Seen:
    """What is needed to judge an observation again."""

    id: int
    element: str
    key: str
    origin: str
    sha256: str


def ask(database: Database, system: str, model: Model, span: Span, author: str, at: datetime, deed: Deed | None) -> int:
    """Enter a replay that somebody asks for; StoreError if one of this system is under way."""
    with database.writing(system) as session:
        last = session.scalar(
            select(ReplayRow).where(ReplayRow.system == system).order_by(ReplayRow.id.desc()).limit(1)
        )
        if last is not None and not _view(last).is_over and at - last.changed_at > STUCK:
            last.state, last.detail, last.changed_at = ReplayState.FAILED, "its process is gone", at
        if last is not None and not _view(last).is_over:
            raise StoreError(f"a replay of {system} is under way ({last.done} of {last.total}): wait until it is over")
        row = ReplayRow(
            system=system, model_name=model.name, model_version=model.version, begins=span.begins, ends=span.ends,
            author=author, asked_at=at, state=ReplayState.ASKED, total=0, done=0, lost=0, detail="", changed_at=at,
        )  # fmt: skip
        session.add(row)
        audit.write(session, deed, system)
        session.flush()
        return row.id


def progress(
    database: Database,
    number: int,
    at: datetime,
    *,
    state: ReplayState,
    total: int = 0,
    done: int = 0,
    lost: int = 0,
    detail: str = "",
) -> None:
    """Note how far a replay has come."""
    with database.writing(f"replay {number}") as session:
        row = session.get(ReplayRow, number)
        if row is None:
            raise StoreError(f"there is no replay {number}")
        row.state, row.total, row.done, row.lost, row.detail, row.changed_at = state, total, done, lost, detail, at


def replay(database: Database, number: int) -> ReplayView | None:
    """Return one replay."""
    with database.reading() as session:
        row = session.get(ReplayRow, number)
        return None if row is None else _view(row)


def newest(database: Database, system: str, limit: int = 5) -> list[ReplayView]:
    """Return the newest replays of a system."""
    query = select(ReplayRow).where(ReplayRow.system == system).order_by(ReplayRow.id.desc()).limit(limit)
    with database.reading() as session:
        return [_view(row) for row in session.scalars(query)]


def observations(database: Database, system: str, span: Span) -> list[Seen]:
    """Return what was observed in a span, oldest first."""
    with database.reading() as session:
        return _seen(session, system, span)


def _seen(session: Session, system: str, span: Span) -> list[Seen]:
    query = (
        select(
            ObservationRow.id, ObservationRow.element, ObservationRow.key, ObservationRow.origin, ObservationRow.sha256
        )
        .where(ObservationRow.system == system, ObservationRow.sha256 != "")
        .where(ObservationRow.observed_at >= span.begins, ObservationRow.observed_at < span.ends)
        .order_by(ObservationRow.observed_at, ObservationRow.id)
    )
    return [Seen(*row) for row in session.execute(query).tuples()]


def _view(row: ReplayRow) -> ReplayView:
    return ReplayView(
        id=row.id,
        system=row.system,
        model=Model(row.model_name, row.model_version),
        span=Span(row.begins, row.ends),
        author=row.author,
        asked_at=row.asked_at,
        state=row.state,
        total=row.total,
        done=row.done,
        lost=row.lost,
        detail=row.detail,
        changed_at=row.changed_at,
    )
