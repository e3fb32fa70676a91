"""What may be removed of a system, found piece by piece, and removing it in transactions that hold nobody up.

An observation that an alarm's history, an answer, a decision, a record or a drill rests on stays for ever: those are
append-only. Its pictures stay as long as its alarm is open, or for ever with the answers of people and drills.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.store import rows
from core.store.drill_models import DrillObservationRow
from core.store.engine import Database
from core.store.model_models import ReplayRow, ReplayState, ShadowVerdictRow
from core.store.models import (
    AlarmEventRow,
    AlarmRow,
    ArtefactRow,
    DecisionRow,
    EvidenceRow,
    FeedbackRow,
    ObservationRow,
    RecordRow,
    TicketRow,
    VerdictRow,
)
from core.verdict import Quality

PIECE = 200
"""So many observations are removed in one transaction: some tens of milliseconds."""


class Files(Protocol):
    """Where pictures and tables are kept, a folder or a bucket."""

    def remove(self, digest: str) -> None:
        """Remove a file, if it is there."""
        ...


@dataclass(frozen=True, slots=True)
class Aged:
    """An observation that is older than it need be kept, and the tickets by which its source would offer it again."""

    id: int
    tickets: frozenset[str] = frozenset()


@dataclass(slots=True)
class Gone:
    """What was removed: observations with their verdicts, observations whose pictures went, files and their bytes."""

    verdicts: int = 0
    pictured: int = 0
    files: int = 0
    bytes: int = 0
    digests: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Gone") -> None:
        """Add what another transaction removed."""
        self.verdicts += other.verdicts
        self.pictured += other.pictured
        self.files += other.files
        self.bytes += other.bytes


def aged_verdicts(database: Database, system: str, before: datetime) -> Iterator[list[Aged]]:
    """Yield what was judged before an instant and nothing rests on, oldest first, in pieces."""
    query = (
        select(VerdictRow.processed_at, VerdictRow.observation_id)
        .where(VerdictRow.system == system, VerdictRow.processed_at < before)
        .where(~_is_cited(VerdictRow.observation_id))
        .order_by(VerdictRow.processed_at, VerdictRow.observation_id)
        .limit(PIECE)
    )
    last: tuple[datetime, int] | None = None
    while True:
        with database.reading() as session:
            found = session.execute(query if last is None else query.where(_after(last))).tuples().all()
            tickets = _tickets_of(session, [number for _, number in found])
        if not found:
            return
        last = (found[-1][0], found[-1][1])
        yield [Aged(number, tickets.get(number, frozenset())) for _, number in found]


def aged_pictures(
    database: Database, system: str, before: datetime | None, *, good: bool | None
) -> Iterator[list[tuple[int, int]]]:
    """Yield observations that have pictures, were judged before an instant (None: whenever) and need none any more.

    In pieces, oldest first, each with the bytes of its pictures; of GOOD verdicts or of all others. Of any quality
    (None) are those too that only go on with an open alarm, whose history names others.
    """
    chosen = and_(VerdictRow.system == system, ~_needs_pictures(named_only=good is None))
    if good is not None:
        chosen = and_(chosen, _of_quality(good))
    if before is not None:
        chosen = and_(chosen, VerdictRow.processed_at < before)
    query = (
        select(EvidenceRow.observation_id, func.sum(ArtefactRow.bytes))
        .join(VerdictRow, VerdictRow.observation_id == EvidenceRow.observation_id)
        .join(ArtefactRow, ArtefactRow.digest == EvidenceRow.digest)
        .where(chosen)
        .group_by(EvidenceRow.observation_id)
        .order_by(EvidenceRow.observation_id)
        .limit(PIECE)
    )
    last = 0
    while True:
        with database.reading() as session:
            found = session.execute(query.where(EvidenceRow.observation_id > last)).tuples().all()
        if not found:
            return
        last = found[-1][0]
        yield [(number, int(size)) for number, size in found]


def pictures_bytes(database: Database, system: str) -> int:
    """Return how many bytes the pictures and tables of a system take."""
    own = (
        select(EvidenceRow.digest)
        .join(VerdictRow, VerdictRow.observation_id == EvidenceRow.observation_id)
        .where(VerdictRow.system == system)
    )
    with database.reading() as session:
        return int(session.scalar(select(func.sum(ArtefactRow.bytes)).where(ArtefactRow.digest.in_(own))) or 0)


def remove_verdicts(database: Database, artefacts: Files, system: str, numbers: Sequence[int]) -> Gone:
    """Remove observations with everything that belongs to them, unless something has come to rest on them."""
    with database.writing(system) as session:
        chosen = select(VerdictRow.observation_id).where(VerdictRow.observation_id.in_(numbers))
        free = list(session.scalars(chosen.where(~_is_cited(VerdictRow.observation_id))))
        gone = Gone(verdicts=len(free), digests=_drop_pictures(session, free))
        for kind in (TicketRow, ShadowVerdictRow, VerdictRow):
            session.execute(delete(kind).where(kind.observation_id.in_(free)))
        session.execute(delete(ObservationRow).where(ObservationRow.id.in_(free)))
    return _drop_files(database, artefacts, system, gone)


def remove_pictures(
    database: Database, artefacts: Files, system: str, numbers: Sequence[int], *, named_only: bool = False
) -> Gone:
    """Remove the pictures of observations, unless somebody has come to need them."""
    with database.writing(system) as session:
        chosen = select(VerdictRow.observation_id).where(VerdictRow.observation_id.in_(numbers))
        free = list(session.scalars(chosen.where(~_needs_pictures(named_only=named_only))))
        gone = Gone(pictured=len(free), digests=_drop_pictures(session, free))
    return _drop_files(database, artefacts, system, gone)


def remove_orphans(database: Database, artefacts: Files, system: str, digests: Sequence[str]) -> Gone:
    """Remove files that no row knows (their writer was killed before it could commit)."""
    return _drop_files(database, artefacts, system, Gone(digests=dict.fromkeys(digests, 0)))


def without_row(database: Database, digests: Sequence[str]) -> list[str]:
    """Return those of ``digests`` that no row knows."""
    known: set[str] = set()
    with database.reading() as session:
        for piece in _pieces(digests):
            known |= set(session.scalars(select(ArtefactRow.digest).where(ArtefactRow.digest.in_(piece))))
    return [digest for digest in digests if digest not in known]


def settled_before(
    database: Database, system: str, source: str, tickets: Collection[str], before: datetime | None
) -> set[str]:
    """Return those of ``tickets`` that were settled (before an instant) and whose input nobody needs any more."""
    digests = {rows.ticket_digest(ticket): ticket for ticket in tickets}
    query = (
        select(TicketRow.digest)
        .join(VerdictRow, VerdictRow.observation_id == TicketRow.observation_id)
        .where(TicketRow.system == system, TicketRow.source == source, ~_needs_pictures())
    )
    if before is not None:
        query = query.where(TicketRow.settled_at < before)
    found: set[str] = set()
    with database.reading() as session:
        for piece in _pieces(sorted(digests)):
            found |= {digests[digest] for digest in session.scalars(query.where(TicketRow.digest.in_(piece)))}
    return found


def is_replayed(database: Database, system: str) -> bool:
    """Whether a replay of a system is under way, which reads inputs and observations of the past."""
    going_on = ReplayRow.state.in_([ReplayState.ASKED, ReplayState.RUNNING])
    with database.reading() as session:
        return session.scalar(select(ReplayRow.id).where(ReplayRow.system == system, going_on).limit(1)) is not None


def _is_cited(number: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Whether something that is kept for ever names an observation, or an alarm does that is not closed."""
    cites = [
        exists().where(kind.observation_id == number)
        for kind in (AlarmRow, AlarmEventRow, FeedbackRow, DecisionRow, RecordRow, DrillObservationRow)
    ]
    return or_(*cites, _has_open_alarm())


def _needs_pictures(*, named_only: bool = False) -> ColumnElement[bool]:
    """Whether people, drills or an open alarm need what was drawn of an observation (or its input).

    ``named_only``: an alarm that stays open for weeks does not need all that goes on with it, only what it names: the
    last one, and those of its history.
    """
    number = VerdictRow.observation_id
    said = [exists().where(kind.observation_id == number)
            for kind in (FeedbackRow, DecisionRow, RecordRow, DrillObservationRow)]  # fmt: skip
    shown = exists().where(AlarmRow.observation_id == number, AlarmRow.closed_at.is_(None))
    told = exists().where(
        AlarmEventRow.observation_id == number, AlarmEventRow.alarm_id == AlarmRow.id, AlarmRow.closed_at.is_(None)
    )
    named = or_(*said, shown, told)
    return named if named_only else or_(named, _has_open_alarm())


def _has_open_alarm() -> ColumnElement[bool]:
    return exists().where(AlarmRow.id == VerdictRow.alarm_id, AlarmRow.closed_at.is_(None))


def _of_quality(good: bool) -> ColumnElement[bool]:
    return VerdictRow.quality == Quality.GOOD if good else VerdictRow.quality != Quality.GOOD


def _after(last: tuple[datetime, int]) -> ColumnElement[bool]:
    same = and_(VerdictRow.processed_at == last[0], VerdictRow.observation_id > last[1])
    return or_(VerdictRow.processed_at > last[0], same)


def _tickets_of(session: Session, numbers: Sequence[int]) -> dict[int, frozenset[str]]:
    query: Select[tuple[int, str]] = select(TicketRow.observation_id, TicketRow.digest)
    found: dict[int, set[str]] = {}
    for number, digest in session.execute(query.where(TicketRow.observation_id.in_(numbers))).tuples():
        found.setdefault(number, set()).add(digest)
    return {number: frozenset(digests) for number, digests in found.items()}


def _drop_pictures(session: Session, numbers: Sequence[int]) -> dict[str, int]:
    """Remove the links of observations to their pictures, and the rows of pictures that nothing links to any more.

    Returns the digests of the latter with their bytes.
    """
    of_these = EvidenceRow.observation_id.in_(numbers)
    digests = sorted(set(session.scalars(select(EvidenceRow.digest).where(of_these))))
    session.execute(delete(EvidenceRow).where(of_these))
    left: dict[str, int] = {}
    for piece in _pieces(digests):
        unused = ArtefactRow.digest.in_(piece) & ~exists().where(EvidenceRow.digest == ArtefactRow.digest)
        dropped = delete(ArtefactRow).where(unused).returning(ArtefactRow.digest, ArtefactRow.bytes)
        left |= dict(session.execute(dropped).tuples().all())
    return left


def _drop_files(database: Database, artefacts: Files, system: str, gone: Gone) -> Gone:
    """Remove files whose rows are gone, after that is certain: a row never points to a file that is not there.

    The turn of the system is held, so that none of its watches commits a link meanwhile; one that found the file there
    before, and commits after, writes it again (``core.store.writing``).
    """
    for piece in _pieces(list(gone.digests)):
        with database.writing(system) as session:
            known = set(session.scalars(select(ArtefactRow.digest).where(ArtefactRow.digest.in_(piece))))
            for digest in piece:
                if digest not in known:
                    artefacts.remove(digest)
                    gone.bytes += gone.digests[digest]
                    gone.files += 1
    return gone


def _pieces(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), 500):
        yield items[start : start + 500]
