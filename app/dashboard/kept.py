"""What pages read that is costly and may be some seconds old: kept here, for all sessions together.

Everything else is read anew at every refresh: index lookups of a millisecond or two.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from app.across import CHUNK, Across, reader
from app.across import gather as gather_across
from app.dashboard import modelling
from app.dashboard.access import now, settings, store
from app.dashboard.modelling import Figures, Rival
from app.dashboard.parts import missing
from app.handover.facts import Facts, gather
from core.alarms.health import Health, measure
from core.coincidence.history import STEP_S
from core.precision import Precision
from core.shifts import Span
from core.store import answers
from core.store.across import Steps
from core.verdict import Model

Heard = tuple[int, frozenset[tuple[str, str]]]
HEARD_S = 1
HEALTH_S = 30
FACTS_S, OLD_S = 30, 120
MODELS_S = 60
KEPT_SPANS = 16
ACROSS_S = 60
OVER_S, KEPT_DAYS_S, KEPT_DAYS = 3600, 12 * 3600, 160
"""What came an hour after its day counts at the latest half a day later."""


def health(length: timedelta) -> Health:
    """Return the figures of alarm health over the last hours or days."""
    return _health(_grain(now(), HEALTH_S).isoformat(), length.total_seconds())


def health_of(span: Span) -> Health:
    """Return the figures of alarm health of a span that is over, or up to now."""
    return _health(min(span.ends, _grain(now(), HEALTH_S)).isoformat(), span.length.total_seconds())


def shift_facts(shift: Span) -> Facts:
    """Return what the report of a shift says; what was judged up to half a minute ago, what people did up to now."""
    newest = max((deed.id for deed in store().trail(1)), default=0)
    grain = FACTS_S if shift.ends > now() else OLD_S
    return _facts(shift.begins.isoformat(), shift.ends.isoformat(), f"{_grain(now(), grain).isoformat()} {newest}")


@st.cache_data(show_spinner=False, ttl=timedelta(seconds=HEARD_S))
def heard() -> Heard:
    """Return what a page must not miss: the number of changes of any alarm, and which parts give no sign of life."""
    return store().newest_alarm_change(), missing(store().heartbeats(), now())


def across(until: datetime | None) -> Across:
    """Return what the systems did up to an instant; None: up to a minute ago."""
    return _across((until or _grain(now(), ACROSS_S)).isoformat())


@st.cache_resource(show_spinner=False, ttl=OLD_S, max_entries=KEPT_SPANS)
def _across(until: str) -> Across:
    return gather_across(store(), datetime.fromisoformat(until), _steps)


def _steps(system: str, first: int, last: int) -> Steps:
    """A part of the past: whole days that are over are kept, since reading two weeks takes seconds."""
    is_kept = last - first == CHUNK and last * STEP_S < now().timestamp() - OVER_S
    return _old_steps(system, first, last) if is_kept else reader(store())(system, first, last)


@st.cache_resource(show_spinner=False, ttl=KEPT_DAYS_S, max_entries=KEPT_DAYS)
def _old_steps(system: str, first: int, last: int) -> Steps:
    return reader(store())(system, first, last)


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone that the settings name."""
    return ZoneInfo(name)


@st.cache_data(show_spinner=False, ttl=OLD_S, max_entries=KEPT_SPANS)
def _facts(begins: str, ends: str, fresh: str) -> Facts:  # noqa: ARG001  Streamlit's key
    shift = Span(datetime.fromisoformat(begins), datetime.fromisoformat(ends))
    return gather(store(), settings(), shift, max(min(shift.ends, now()), shift.begins), _steps)


@st.cache_data(show_spinner=False, ttl=MODELS_S, max_entries=KEPT_SPANS)
def precision(system: str) -> dict[Model, Precision]:
    """Return what people said of each model of a system, up to a minute ago."""
    return answers.precision(store().database, system)


def model_figures(system: str, name: str, version: str, since: datetime) -> Figures:
    """Return the figures of a version that is in charge since an instant, up to a minute ago."""
    return _model_figures(system, name, version, since.isoformat())


@st.cache_data(show_spinner=False, ttl=MODELS_S, max_entries=KEPT_SPANS)
def _model_figures(system: str, name: str, version: str, since: str) -> Figures:
    return modelling.figures(store(), settings(), system, Model(name, version), datetime.fromisoformat(since), now())


@st.cache_data(show_spinner=False, ttl=FACTS_S, max_entries=KEPT_SPANS)
def rival(system: str, name: str, version: str) -> Rival:
    """Return how a version compares with the champion, up to half a minute ago."""
    return modelling.rival(store(), system, Model(name, version))


@st.cache_data(show_spinner=False, ttl=2 * HEALTH_S, max_entries=KEPT_SPANS)
def _health(until: str, length_s: float) -> Health:
    ends = datetime.fromisoformat(until)
    span = Span(ends - timedelta(seconds=length_s), ends)
    return measure(store().alarm_lines(span.begins, span.ends), span, settings().shifts.plan)


def _grain(instant: datetime, seconds: int) -> datetime:
    """The instant as keys of what is kept have it: all sessions ask for the same until the next one."""
    return datetime.fromtimestamp(instant.timestamp() // seconds * seconds, instant.tzinfo)
