"""The store's side of alarms: what is read of them, what people and time do with them, what experts wrote."""

from collections.abc import Mapping
from datetime import datetime

from core.alarms.events import AlarmAction, Judged, person_event
from core.alarms.health import Line
from core.alarms.severity import Severity
from core.contracts import AlarmRule
from core.store import alarm_log, alarm_past, alarm_queries, audit, circumstances, guidance_log
from core.store.alarm_log import Ledger
from core.store.audit import EVERYTHING, Deed, Sought
from core.store.engine import Database
from core.store.guidance_log import Guidance
from core.store.stepping import Turn
from core.store.views import AlarmChange, AlarmDetail, AlarmView, AuditView, GuidanceView, PastAlarm


class AlarmStore:
    """Part of ``core.store.Store``: every method is one transaction; ``StoreError`` if the database refuses."""

    def __init__(self, database: Database) -> None:
        self.database = database

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

    def newest_alarm_change(self) -> int:
        """Return a number that grows with every change of any alarm."""
        with self.database.reading() as session:
            return alarm_queries.newest_change(session)

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

    def trail(self, limit: int = 100, before_id: int | None = None, sought: Sought = EVERYTHING) -> list[AuditView]:
        """Return what people did and were refused, newest first (people read it through ``core.desk``)."""
        with self.database.reading() as session:
            return audit.trail(session, limit, before_id, sought)

    def note_deed(self, deed: Deed, *, allowed: bool) -> None:
        """Add to the trail what a person did or was refused, where nothing else is written."""
        with self.database.writing("audit") as session:
            audit.write(session, deed, allowed=allowed)
