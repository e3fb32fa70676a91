"""The store: one object through which flows, command line and dashboard read and write."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from core.alarms.events import AlarmAction, Judged, person_event
from core.alarms.health import Line
from core.alarms.severity import Severity
from core.contracts import AlarmRule, Settled
from core.store import (
    alarm_log,
    alarm_past,
    alarm_queries,
    audit,
    circumstances,
    guidance_log,
    operations,
    outbox,
    overview,
    queries,
    registry,
    review,
    schema,
    writing,
)
from core.store.alarm_log import Ledger
from core.store.artefacts import Artefacts
from core.store.audit import Deed
from core.store.course import CoursePoint, between, neighbours
from core.store.engine import Database
from core.store.guidance_log import Guidance
from core.store.stepping import Turn
from core.store.views import (
    AlarmChange,
    AlarmDetail,
    AlarmView,
    Alias,
    AliasView,
    AuditView,
    ChannelState,
    Disposition,
    GuidanceView,
    Heartbeat,
    Judgement,
    ModelView,
    ObservationDetail,
    ObservationView,
    PastAlarm,
    RegionDecision,
    SystemState,
    TicketView,
)
from core.verdict import Quality


class Store:
    """Rows in SQLite or PostgreSQL, images and arrays as content-addressed files.

    Every method is one transaction and raises ``StoreError`` if database or files refuse.
    """

    def __init__(self, database: Database, artefacts: Artefacts) -> None:
        self.database = database
        self.artefacts = artefacts

    @classmethod
    def open(cls, url: str, artefacts: Path) -> Self:
        """Open the store at ``url`` (``sqlite:///file`` or ``postgresql+psycopg://…``) with its artefact folder."""
        return cls(Database.open(url), Artefacts(artefacts))

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

    def condition(
        self,
        system: str,
        element: str,
        severity: Severity,
        at: datetime,
        note: str,
        rule: AlarmRule | None = None,
        *,
        holds_back: bool = False,
    ) -> list[AlarmChange]:
        """Step the alarm of something that is no observation: a silent source, a failed flow (OK when it is over).

        ``holds_back``: while it is bad, alarms that rest on knowing nothing, or are raised meanwhile, are inhibited.
        """
        with self.database.writing(system) as session:
            turn = Turn.begin(session, system, rule or AlarmRule())
            if holds_back:
                circumstances.silent(turn, element, None if severity is Severity.OK else note, at)
            changes = Ledger.load(turn, [element]).judge(element, Judged(at, severity, at, note))[1]
            return changes + circumstances.reconcile(turn, at)

    def tick(self, now: datetime, rules: Mapping[str, AlarmRule] | None = None) -> list[AlarmChange]:
        """Let time pass: shelves that ended return, delays that ran out raise. ``rules`` by system."""
        return alarm_log.tick(self.database, now, rules or {})

    def heartbeat(self, system: str, flow: str, at: datetime, ok: bool, detail: str = "") -> None:
        """Note that a flow succeeded or failed."""
        with self.database.writing(system) as session:
            operations.heartbeat(session, system, flow, at, ok=ok, detail=detail)

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

    # -- alarms

    def alarms(
        self,
        open_only: bool = True,
        system: str | None = None,
        limit: int = 100,
        before_id: int | None = None,
        *,
        closed_only: bool = False,
    ) -> list[AlarmView]:
        """Return raised alarms, newest first; shelved and inhibited ones and notices are among them."""
        with self.database.reading() as session:
            return alarm_queries.alarms(
                session,
                open_only=open_only,
                system=system,
                limit=limit,
                before_id=before_id,
                closed_only=closed_only,
            )

    def similar_alarms(self, alarm_id: int, limit: int = 5) -> list[PastAlarm]:
        """Return closed alarms that were most like this one, with what people said they turned out to be."""
        with self.database.reading() as session:
            return alarm_past.similar(session, alarm_id, limit)

    def alarm(self, alarm_id: int) -> AlarmDetail | None:
        """Return one alarm with its history, None if there is none of this ``id``."""
        with self.database.reading() as session:
            return alarm_queries.detail(session, alarm_id)

    def alarm_history(self, since: datetime, until: datetime, system: str | None = None) -> list[AlarmChange]:
        """Return the history of all alarms within a time span (for the shift report), oldest first."""
        with self.database.reading() as session:
            return alarm_queries.history(session, since, until, system)

    def alarm_lines(self, since: datetime, until: datetime) -> list[Line]:
        """Return the whole history of every alarm that was open within a span (for the figures of alarm health)."""
        with self.database.reading() as session:
            return alarm_queries.lines(session, since, until)

    def act(
        self,
        alarm_id: int,
        action: AlarmAction,
        author: str,
        note: str,
        at: datetime,
        until: datetime | None = None,
        deed: Deed | None = None,
    ) -> AlarmView:
        """Do what a person asked with an alarm (people come through ``core.desk``, which asks whether they may).

        Raises
        ------
        AlarmError
            If there is no such alarm, its state does not allow it, or author, reason or end are missing.
        """
        return alarm_log.act(self.database, alarm_id, person_event(action, author, note, at, until), deed)

    def guidance(self, system: str, topic: str) -> list[GuidanceView]:
        """Return every version of what experts wrote on a cause, newest first."""
        with self.database.reading() as session:
            return guidance_log.versions(session, system, topic)

    def write_guidance(
        self, system: str, topic: str, said: Guidance, author: str, reason: str, at: datetime, deed: Deed | None = None
    ) -> None:
        """Add a version of what to do about a cause; open alarms of it follow at once."""
        with self.database.writing(system) as session:
            guidance_log.write(session, system, topic, said, author, reason, at)
            audit.write(session, deed, system)
            alarm_log.follow_guidance(session, system, topic, at)

    def trail(
        self, limit: int = 100, before_id: int | None = None, subject: str | None = None, since: datetime | None = None
    ) -> list[AuditView]:
        """Return what people did and were refused, newest first."""
        with self.database.reading() as session:
            return audit.trail(session, limit, before_id, subject, since)

    def note_deed(self, deed: Deed, *, allowed: bool) -> None:
        """Add to the trail what a person did or was refused, where nothing else is written."""
        with self.database.writing("audit") as session:
            audit.write(session, deed, allowed=allowed)

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

    # -- models

    def register_model(
        self, system: str, name: str, version: str, digest: str, path: str, card: Mapping[str, Any], at: datetime
    ) -> ModelView:
        """Register a model version; the same version with the same digest changes nothing, with another is an error."""
        with self.database.writing(system) as session:
            return registry.register(session, system, name, version, digest=digest, path=path, card=card, at=at)

    def set_alias(
        self,
        system: str,
        name: str,
        alias: Alias,
        version: str | None,
        author: str,
        reason: str,
        at: datetime,
        deed: Deed | None = None,
    ) -> None:
        """Point ``champion`` or ``challenger`` to a version (None: to none); every change is kept."""
        with self.database.writing(system) as session:
            registry.set_alias(session, system, name, alias, version=version, author=author, reason=reason, at=at)
            audit.write(session, deed, system)

    def aliases(self, system: str) -> list[AliasView]:
        """Return what each alias points to now."""
        with self.database.reading() as session:
            return registry.aliases(session, system)

    def alias_history(self, system: str, name: str | None = None) -> list[AliasView]:
        """Return every change of an alias, oldest first."""
        with self.database.reading() as session:
            return registry.alias_history(session, system, name)

    def models(self, system: str) -> list[ModelView]:
        """Return the registered versions, newest first, with their aliases."""
        with self.database.reading() as session:
            return registry.models(session, system)

    def model(self, system: str, name: str, alias: Alias = Alias.CHAMPION) -> ModelView | None:
        """Return the version that an alias of a model points to."""
        with self.database.reading() as session:
            return registry.resolve(session, system, name, alias)
