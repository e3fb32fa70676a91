"""All that the overview knows, read at one instant; and the last of it, for when the database cannot be reached."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import streamlit as st

from app.dashboard import strip
from app.dashboard.access import displays, settings, store
from app.dashboard.strip import Strip
from core.errors import StoreError
from core.store import strips
from core.store.strips import Period
from core.store.views import AlarmView, ChannelState, Heartbeat, ObservationView, SystemState

WINDOW = timedelta(hours=8)
MOST_ALARMS = 500
NEWEST = 6
PIECE = timedelta(hours=1)
FINISHED_S, FRESH_S = 300, 10
"""How long finished hours and others are kept, for all sessions: what comes out of order is seen in five minutes."""
LATE_DATA = timedelta(minutes=10)
PIECES = 100


@dataclass(frozen=True, slots=True)
class Known:
    """What was known at an instant."""

    at: datetime
    alarms: Sequence[AlarmView]
    states: Mapping[str, SystemState]
    signs: Sequence[Heartbeat]
    channels: Sequence[ChannelState]
    strips: Mapping[str, Strip]
    newest: Mapping[str, Sequence[ObservationView]]


@dataclass(frozen=True, slots=True)
class Away:
    """The database cannot be reached: since when, why, and what was known before (None: nothing, ever)."""

    since: datetime
    why: str
    last: Known | None


@dataclass
class _Memory:
    """What this server knew last; shared by all sessions."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    last: Known | None = None
    away_since: datetime | None = None


@st.cache_resource(show_spinner=False)
def _memory() -> _Memory:
    return _Memory()


def look(now: datetime) -> Known | Away:
    """Return what is known now, or that the database cannot be reached."""
    memory = _memory()
    try:
        found = _read(now)
    except StoreError as error:
        with memory.lock:
            memory.away_since = memory.away_since or now
            return Away(memory.away_since, str(error), memory.last)
    with memory.lock:
        memory.last, memory.away_since = found, None
    return found


def away_since(now: datetime) -> datetime:
    """Return since when the database cannot be reached, for a page that just found it so."""
    memory = _memory()
    with memory.lock:
        memory.away_since = memory.away_since or now
        return memory.away_since


def is_back() -> bool:
    """Whether the database answers."""
    try:
        store().heartbeats()
    except StoreError:
        return False
    memory = _memory()
    with memory.lock:
        memory.away_since = None
    return True


def _read(now: datetime) -> Known:
    opened, names = store(), tuple(displays())
    alarms = [alarm for alarm in opened.alarms(limit=MOST_ALARMS) if alarm.needs_person(now)]
    states = {state.system: state for state in opened.overview(now, WINDOW, names)}
    spans = strips.alarm_spans(opened.database, strip.end_of(now) - strip.LENGTH)
    drawn = {
        name: strip.strip(_periods(name, now, states[name].last_observed_at), spans.get(name, ()), now)
        for name in names
    }
    channels = opened.channels(list(settings().notify.channels))
    newest = {name: opened.observations(name, NEWEST) for name in names}
    return Known(now, alarms, states, opened.heartbeats(), channels, drawn, newest)


def _periods(system: str, now: datetime, newest: datetime | None) -> list[Period]:
    """What was judged within the strip. An hour is finished when data well after it has come: not while a backlog is
    being caught up with, or a source is silent."""
    ends = strip.end_of(now)
    begins = ends - strip.LENGTH
    begins -= timedelta(seconds=begins.timestamp() % PIECE.total_seconds())
    found: list[Period] = []
    while begins < ends:
        piece = begins.isoformat()
        is_finished = newest is not None and begins + PIECE + LATE_DATA < newest
        found += _finished(system, piece) if is_finished else _fresh(system, piece)
        begins += PIECE
    return found


@st.cache_data(show_spinner=False, ttl=FINISHED_S, max_entries=PIECES)
def _finished(system: str, begins: str) -> list[Period]:
    return _piece(system, begins)


@st.cache_data(show_spinner=False, ttl=FRESH_S, max_entries=PIECES)
def _fresh(system: str, begins: str) -> list[Period]:
    return _piece(system, begins)


def _piece(system: str, begins: str) -> list[Period]:
    at = datetime.fromisoformat(begins)
    return strips.periods(store().database, system, at, at + PIECE)
