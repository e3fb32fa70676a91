"""The store: one object through which flows, command line and dashboard read and write."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from core.contracts import AlarmRule, Settled
from core.placing import Bucket
from core.store import (
    operations,
    outbox,
    overview,
    queries,
    review,
    schema,
    writing,
)
from core.store.alarm_store import AlarmStore
from core.store.artefacts import Artefacts
from core.store.audit import Deed
from core.store.course import CoursePoint, between, neighbours
from core.store.engine import Database
from core.store.model_store import ModelStore
from core.store.remote_artefacts import RemoteArtefacts
from core.store.views import (
    AlarmChange,
    ChannelState,
    Disposition,
    Heartbeat,
    Judgement,
    ObservationDetail,
    ObservationView,
    RegionDecision,
    SystemState,
    TicketView,
)
from core.verdict import Quality


class Store(AlarmStore, ModelStore):
    """Rows in SQLite or PostgreSQL, images and arrays as content-addressed files.

    Every method is one transaction and raises ``StoreError`` if database or files refuse.
    """

    def __init__(self, database: Database, artefacts: Artefacts) -> None:
        super().__init__(database)
        self.artefacts = artefacts

    @classmethod
    def open(cls, url: str, artefacts: Path | Bucket) -> Self:
        """Open the store at ``url`` (``sqlite:///file`` or ``postgresql+psycopg://…``) with its artefacts."""
        kept = Artefacts(artefacts) if isinstance(artefacts, Path) else RemoteArtefacts(artefacts)
        return cls(Database.open(url), kept)

    def close(self) -> None:
        """Give all connections back."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- schema

    def upgrade(self) -> None:
        """Bring the tables to the newest migration; does nothing if they are; safe from several processes."""
        schema.upgrade(self.database)

    def is_current(self) -> bool:
        """Whether the tables are at the newest migration."""
        return schema.is_current(self.database)

    # -- what flows write

    def settled(self, system: str, source: str, tickets: Sequence[str]) -> set[str]:
        """Return those of ``tickets`` that were dealt with already."""
        with self.database.reading() as session:
            return writing.settled(session, system, source, tickets)

    def ticket(self, system: str, source: str, ticket: str) -> TicketView | None:
        """Return what became of one arrival."""
        with self.database.reading() as session:
            return queries.ticket(session, system, source, ticket)

    def record(
        self,
        system: str,
        source: str,
        batch: Sequence[Settled],
        rule: AlarmRule,
        watermark: Mapping[str, Any] | None = None,
    ) -> list[AlarmChange]:
        """Commit a batch in one transaction: observations, verdicts, evidence, tickets, alarms and the watermark.

        A ticket that was settled before changes nothing. An observation seen before (by system, element, key)
        settles its ticket as a duplicate and neither adds a verdict nor steps an alarm. An unreadable arrival
        becomes an observation of the element ``unreadable`` with its NULL verdict.
        """
        return writing.record(
            self.database, self.artefacts, system, source, batch=batch, rule=rule, watermark=watermark
        )

    def record_past(self, system: str, source: str, batch: Sequence[Settled]) -> None:
        """Commit a batch of long ago as ``record`` does, but marked as such, and without a word to any alarm."""
        writing.record(self.database, self.artefacts, system, source, batch=batch, rule=None, watermark=None)

    def known(self, system: str, identities: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of ``(element, key)`` that are stored already."""
        with self.database.reading() as session:
            return writing.known(session, system, identities)

    def heartbeat(self, system: str, flow: str, at: datetime, ok: bool, detail: str = "") -> None:
        """Note that a flow succeeded or failed."""
        with self.database.writing(system) as session:
            operations.heartbeat(session, system, flow, at, ok=ok, detail=detail)

    def forget_sign(self, system: str, flow: str) -> None:
        """Let a flow be unknown again: it is no longer meant to give signs."""
        with self.database.writing(system) as session:
            operations.forget_sign(session, system, flow)

    def watermark(self, system: str, source: str) -> dict[str, Any] | None:
        """Return how far a source was taken in, None if never."""
        with self.database.reading() as session:
            return operations.watermark(session, system, source)

    def set_watermark(self, system: str, source: str, mark: Mapping[str, Any]) -> None:
        """Remember how far a source was taken in (``record`` does it within its own transaction)."""
        with self.database.writing(system) as session:
            operations.set_watermark(session, system, source, mark)

    # -- overview and observations

    def overview(
        self, now: datetime, window: timedelta = timedelta(hours=8), systems: Collection[str] = ()
    ) -> list[SystemState]:
        """Return the state of every known system, and of those in ``systems`` even if nothing was ever seen."""
        with self.database.reading() as session:
            return overview.overview(session, now, window, systems)

    def heartbeats(self) -> list[Heartbeat]:
        """Return the last sign of life of every flow."""
        with self.database.reading() as session:
            return overview.heartbeats(session)

    def channels(self, names: Sequence[str]) -> list[ChannelState]:
        """Return how the deliveries of channels of notifications go."""
        with self.database.reading() as session:
            return outbox.states(session, names)

    def observations(
        self,
        system: str,
        limit: int = 50,
        before: int | None = None,
        qualities: Collection[Quality] | None = None,
        *,
        undecided: bool = False,
    ) -> list[ObservationView]:
        """Return observations, last arrived first; ``before`` is the ``id`` of the last one of the page before."""
        with self.database.reading() as session:
            return queries.observations(session, system, limit, before, qualities, undecided=undecided)

    def observation(self, observation_id: int) -> ObservationDetail | None:
        """Return everything known of one observation, None if there is none of this ``id``."""
        with self.database.reading() as session:
            return queries.detail(session, observation_id)

    def find(self, system: str, element: str, key: str) -> int | None:
        """Return the ``id`` of an observation by its unique name."""
        with self.database.reading() as session:
            return queries.find(session, system, element, key)

    def history(self, system: str, element: str, limit: int = 200) -> list[ObservationView]:
        """Return the observations of one element, latest observed first."""
        with self.database.reading() as session:
            return queries.history(session, system, element, limit)

    def course(
        self, system: str, element: str, since: datetime, until: datetime, *, evidence: str = "", limit: int = 1000
    ) -> list[CoursePoint]:
        """Return how the verdicts on one element went, oldest first, each with the digest of one kind of evidence."""
        with self.database.reading() as session:
            return between(session, system, element, since, until, evidence=evidence, limit=limit)

    def neighbours(self, observation_id: int) -> tuple[int | None, int | None]:
        """Return the ids of what was observed of the same element right before and right after an observation."""
        with self.database.reading() as session:
            return neighbours(session, observation_id)

    # -- what people say

    def add_feedback(
        self,
        observation_id: int,
        author: str,
        at: datetime,
        judgement: Judgement,
        region_index: int | None = None,
        cause: str | None = None,
        comment: str = "",
        alarm_id: int | None = None,
        deed: Deed | None = None,
    ) -> int:
        """Append what a person said of an observation, or of one region of it; return its ``id``."""
        word = RegionDecision(region_index, judgement, cause, comment)
        return review.add_feedback(self.database, observation_id, author, at, word, alarm_id, deed)

    def decide(
        self,
        observation_id: int,
        author: str,
        at: datetime,
        decisions: Sequence[RegionDecision],
        record: Mapping[str, Any] | None,
        disposition: Disposition | None = None,
        kind: str = "VISUAL_INSPECTION",
        deed: Deed | None = None,
    ) -> int:
        """Commit a person's decision on a whole observation and return its ``id``; submitting again appends.

        Feedback per region, disposition, record (``kind``) and the clearing and acknowledging of the element's
        open alarm are one transaction. Without ``disposition`` it follows ``record["passed"]``, or else fails
        where any region was not rejected as a false alarm.
        """
        decision = review.Decision(observation_id, author, at, tuple(decisions), record, kind, disposition)
        return review.decide(self.database, decision, deed)
