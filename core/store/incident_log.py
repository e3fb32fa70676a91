"""Incidents in the store: each goes on as the open alarm that it fits, in the transaction of its verdict."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select

from core.alarms.events import Judged
from core.alarms.incidents import Ongoing, Spell, follow
from core.alarms.lifecycle import severity_of
from core.alarms.severity import Severity
from core.contracts import Incident
from core.store.alarm_log import latest_shelf
from core.store.alarm_rows import new_row
from core.store.models import AlarmRow
from core.store.stepping import Turn
from core.store.types import plain_name, plain_text
from core.store.views import AlarmChange


@dataclass(slots=True)
class IncidentLedger:
    """The open alarms of one system's incidents."""

    turn: Turn
    rows: dict[int, AlarmRow]

    @classmethod
    def load(cls, turn: Turn) -> "IncidentLedger":
        """Load them, oldest first."""
        of_system = (AlarmRow.system == turn.system) & (AlarmRow.kind != "")
        query = select(AlarmRow).where(of_system, AlarmRow.closed_at.is_(None)).order_by(AlarmRow.id)
        return cls(turn, {row.id: row for row in turn.session.scalars(query)})

    def judge(
        self, subject: str, incidents: Sequence[Incident], event: Judged, observation_id: int
    ) -> tuple[int | None, list[AlarmChange]]:
        """Step the alarms of one observation of ``subject``; return the alarm of its worst incident, and what changed.

        ``event`` says when the observation was made and judged; its severity does not matter here.
        """
        plan = follow([_plain(one) for one in incidents], self._ongoing(), self._raises, self.turn.rule.flood)
        changes: list[AlarmChange] = []
        touched: list[int] = []
        for spell in plan.spells:
            row = self._row(subject, spell, event.at)
            touched.append(row.id)
            changes += self._bad(row, spell, event, observation_id)
        good = replace(event, severity=Severity.OK, note="", since=None)
        for row in [row for row in self.rows.values() if row.subject == subject]:
            if row.id not in plan.held and row.id not in touched:
                changes += self._step(row, good, observation_id)
        return (touched[0] if touched else None), changes

    def _raises(self, incident: Incident) -> bool:
        return severity_of(incident.quality, self.turn.rule) is not Severity.OK

    def _ongoing(self) -> list[Ongoing]:
        return [
            Ongoing(row.id, row.kind, row.element, frozenset(row.places), row.current is not Severity.OK, row.bad_since)
            for row in self.rows.values()
        ]

    def _row(self, subject: str, spell: Spell, at: datetime) -> AlarmRow:
        if spell.number is not None:
            return self.rows[spell.number]
        session, system = self.turn.session, self.turn.system
        shelf = latest_shelf(session, system, spell.element, at, spell.kind)
        row = new_row(system, spell.element, shelf, kind=spell.kind, subject=subject)
        session.add(row)
        session.flush()
        self.rows[row.id] = row
        return row

    def _bad(self, row: AlarmRow, spell: Spell, event: Judged, observation_id: int) -> list[AlarmChange]:
        worst = max(spell.incidents, key=lambda one: severity_of(one.quality, self.turn.rule))
        others = len(spell.incidents) - 1
        row.places = sorted(spell.places)
        row.message = f"{worst.message}, and {others} more" if others else worst.message
        row.cause, row.observation_id = worst.cause, observation_id
        bad = replace(
            event,
            severity=severity_of(worst.quality, self.turn.rule),
            note=row.message,
            since=min(one.since for one in spell.incidents),
        )
        return self._step(row, bad, observation_id)

    def _step(self, row: AlarmRow, event: Judged, observation_id: int) -> list[AlarmChange]:
        changes = self.turn.step(row, event, observation_id)
        if not self.turn.is_open(row):
            del self.rows[row.id]
        return changes


def _plain(incident: Incident) -> Incident:
    """The incident with names as the tables hold them."""
    places = frozenset(plain_text(place) for place in incident.places)
    return replace(incident, kind=plain_name(incident.kind), element=plain_name(incident.element), places=places)
