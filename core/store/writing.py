"""Taking a batch of judged arrivals in: all of it in one transaction, each thing once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import insert, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.alarms.events import Judged
from core.alarms.lifecycle import severity_of
from core.alarms.severity import Severity
from core.contracts import AlarmRule, Circumstance, Settled
from core.errors import StoreError
from core.store import circumstances, drills, operations, rows
from core.store.alarm_log import Ledger
from core.store.artefacts import Artefacts
from core.store.engine import Database
from core.store.incident_log import IncidentLedger
from core.store.models import ArtefactRow, EvidenceRow, ObservationRow, TicketRow, VerdictRow
from core.store.rows import Identity
from core.store.stepping import Turn
from core.store.views import AlarmChange
from core.verdict import Quality

_CHUNK = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One arrival of the batch with its names as the tables hold them."""

    settled: Settled
    ticket: str
    identity: Identity


def settled(session: Session, system: str, source: str, tickets: Sequence[str]) -> set[str]:
    """Return those of ``tickets`` that were dealt with already."""
    digests = {rows.ticket_digest(ticket): ticket for ticket in tickets}
    return {digests[digest] for digest in _settled_digests(session, system, source, digests)}


def known(session: Session, system: str, identities: Sequence[Identity]) -> set[Identity]:
    """Return those of ``(element, key)`` that are stored already."""
    names = {rows.identity(element, key): (element, key) for element, key in identities}
    return {names[found] for found in _known(session, system, names)}


def record(
    database: Database,
    artefacts: Artefacts,
    system: str,
    source: str,
    *,
    batch: Sequence[Settled],
    rule: AlarmRule | None,
    watermark: Mapping[str, Any] | None,
) -> list[AlarmChange]:
    """Commit a batch. Evidence files come first: a row never points to a file that is not there.

    What a drill altered is committed untouched once the drill is over. Without ``rule`` the batch is of the past: no
    alarm is stepped, what is new is marked, and its verdicts count at the time when it was observed.
    """
    with database.reading() as session:
        entries = [_entry(system, item if drills.goes_on(session, item) else _untouched(item)) for item in batch]
        expected, _ = _new(session, system, source, entries)
    evidence = {entry.identity: rows.put_evidence(artefacts, entry.settled.verdict) for entry in expected}
    with database.writing(system) as session:
        new, known = _new(session, system, source, entries)
        ids = known | _insert_observations(session, system, new, is_backfill=rule is None)
        _insert_evidence(session, new, ids, evidence)
        changes = (
            _insert_past(session, system, new, ids)
            if rule is None
            else (_insert_verdicts(session, system, new, ids, rule))
        )
        drills.mark(session, {ids[entry.identity]: entry.settled for entry in new})
        _insert_tickets(session, system, source, entries, new=new, ids=ids)
        if watermark is not None:
            operations.set_watermark(session, system, source, watermark)
    for entry in new:  # retention may have removed an equal file before these rows were committed
        rows.put_evidence(artefacts, entry.settled.verdict)
    return changes


def _untouched(item: Settled) -> Settled:
    return item if item.altered is None else item.altered.untouched


def _entry(system: str, item: Settled) -> _Entry:
    ticket = rows.ticket_digest(item.arrival.ticket)
    if item.observation is None:
        return _Entry(item, ticket, (rows.UNREADABLE, ticket))
    if item.observation.system != system:
        raise StoreError(f"{item.arrival.origin}: an observation of {item.observation.system} is none of {system}")
    return _Entry(item, ticket, rows.identity(item.observation.element, item.observation.key))


def _new(
    session: Session, system: str, source: str, entries: Sequence[_Entry]
) -> tuple[list[_Entry], dict[Identity, int]]:
    """Return the entries that add an observation, and the observations that are there already."""
    done = _settled_digests(session, system, source, [entry.ticket for entry in entries])
    known = _known(session, system, [entry.identity for entry in entries])
    new: dict[Identity, _Entry] = {}
    for entry in entries:
        if entry.ticket not in done and entry.identity not in known:
            new.setdefault(entry.identity, entry)
    return list(new.values()), known


def _settled_digests(session: Session, system: str, source: str, digests: Iterable[str]) -> set[str]:
    query = select(TicketRow.digest).where(TicketRow.system == system, TicketRow.source == source)
    return {
        digest for chunk in _chunks(digests) for digest in session.scalars(query.where(TicketRow.digest.in_(chunk)))
    }


def _known(session: Session, system: str, identities: Iterable[Identity]) -> dict[Identity, int]:
    query = select(ObservationRow.element, ObservationRow.key, ObservationRow.id).where(ObservationRow.system == system)
    pair = tuple_(ObservationRow.element, ObservationRow.key)
    return {
        (element, key): number
        for chunk in _chunks(identities)
        for element, key, number in session.execute(query.where(pair.in_(chunk))).tuples()
    }


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    unique = list(dict.fromkeys(items))
    for start in range(0, len(unique), _CHUNK):
        yield unique[start : start + _CHUNK]


def _insert_observations(
    session: Session, system: str, new: Sequence[_Entry], *, is_backfill: bool
) -> dict[Identity, int]:
    if not new:
        return {}
    statement = insert(ObservationRow).returning(ObservationRow.element, ObservationRow.key, ObservationRow.id)
    mark = {"is_backfill": is_backfill}
    values = [rows.observation_values(system, entry.settled, entry.identity) | mark for entry in new]
    return {(element, key): number for element, key, number in session.execute(statement, values).tuples()}


def _insert_evidence(
    session: Session,
    new: Sequence[_Entry],
    ids: Mapping[Identity, int],
    evidence: Mapping[Identity, Sequence[rows.Stored]],
) -> None:
    stored = [(entry, item) for entry in new for item in evidence.get(entry.identity, ())]
    if not stored:
        return
    files = {item.digest: rows.artefact_values(item, entry.settled.processed_at) for entry, item in stored}
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(ArtefactRow).on_conflict_do_nothing(), [files[digest] for digest in sorted(files)])
    links = [
        {"observation_id": ids[entry.identity], "name": item.name, "digest": item.digest} for entry, item in stored
    ]
    session.execute(insert(EvidenceRow), links)


def _insert_verdicts(
    session: Session, system: str, new: Sequence[_Entry], ids: Mapping[Identity, int], rule: AlarmRule
) -> list[AlarmChange]:
    """Step the alarms in the order of arrival and insert the verdicts with the alarm that each belongs to."""
    turn = Turn.begin(session, system, rule)
    ledger = Ledger.load(turn, [entry.identity[0] for entry in new])
    tells = any(entry.settled.incidents is not None for entry in new)
    incidents = IncidentLedger.load(turn) if tells else None
    changes: list[AlarmChange] = []
    values: list[dict[str, Any]] = []
    for entry in new:
        number = ids[entry.identity]
        alarm_id, changed = _judge(entry, number, ledger, incidents)
        changed += circumstances.reconcile(turn, entry.settled.processed_at)
        values.append(rows.verdict_values(system, entry.settled, number, alarm_id))
        changes += changed
    for value in values:
        value["alarm_id"] = None if value["alarm_id"] in turn.dropped else value["alarm_id"]
    if values:
        session.execute(insert(VerdictRow), values)
    return changes


def _insert_past(
    session: Session, system: str, new: Sequence[_Entry], ids: Mapping[Identity, int]
) -> list[AlarmChange]:
    """Insert verdicts that concern no alarm; when they were given is what their tickets say."""
    values = [
        rows.verdict_values(system, entry.settled, ids[entry.identity], None)
        | {"processed_at": rows.observed_at(entry.settled)}
        for entry in new
    ]
    if values:
        session.execute(insert(VerdictRow), values)
    return []


def _judge(
    entry: _Entry, number: int, ledger: Ledger, incidents: IncidentLedger | None
) -> tuple[int | None, list[AlarmChange]]:
    """Step the alarms that one verdict concerns; return the one that it belongs to, and what changed.

    Without incidents that is the alarm of its element. With them it is theirs, and the element's own is over, unless
    the verdict is NULL (nothing is known of any incident) or bad without naming one. Where a circumstance holds
    everything back, the observation says nothing of any alarm.
    """
    if _sets_apart(entry, ledger.turn):
        return None, []
    verdict, told, element = entry.settled.verdict, entry.settled.incidents, entry.identity[0]
    event = Judged(
        at=entry.settled.processed_at,
        severity=severity_of(verdict.quality, ledger.turn.rule),
        observed_at=rows.observed_at(entry.settled),
        note=rows.summary(verdict, entry.settled.arrival.origin),
    )
    if told is None or incidents is None or verdict.quality is Quality.NULL:
        return ledger.judge(element, event, number)
    alarm_id, changes = incidents.judge(element, told, event, number)
    own = event if alarm_id is None else replace(event, severity=Severity.OK, note="")
    own_id, changed = ledger.judge(element, own, number)
    return alarm_id or own_id, changes + changed


def _sets_apart(entry: _Entry, turn: Turn) -> bool:
    """Note what holds alarms back in this observation; whether that is everything."""
    told: tuple[Circumstance, ...] | None = entry.settled.circumstances
    if told is None:
        return False
    circumstances.told(turn, entry.identity[0], told, rows.observed_at(entry.settled))
    return any(one.kinds is None for one in told)


def _insert_tickets(
    session: Session,
    system: str,
    source: str,
    entries: Sequence[_Entry],
    *,
    new: Sequence[_Entry],
    ids: Mapping[Identity, int],
) -> None:
    first = {id(entry) for entry in new}
    done = _settled_digests(session, system, source, [entry.ticket for entry in entries])
    values = {
        entry.ticket: rows.ticket_values(
            system, source, entry.settled, ids[entry.identity], is_first=id(entry) in first
        )
        for entry in reversed(entries)
        if entry.ticket not in done
    }
    if values:
        session.execute(insert(TicketRow), list(values.values()))
