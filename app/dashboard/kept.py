"""What pages read that is costly and may be some seconds old: kept here, for all sessions together.

Everything else is read anew at every refresh: index lookups of a millisecond or two.
"""

from datetime import datetime, timedelta

import streamlit as st

from app.dashboard.access import now, settings, store
from core.alarms.health import Health, measure
from core.shifts import Span

HEALTH_S = 30
GRAIN_S = 10
KEPT_SPANS = 16


def health(length: timedelta) -> Health:
    """Return the figures of alarm health over the last hours or days."""
    return _health(_grain(now(), HEALTH_S).isoformat(), length.total_seconds())


def health_of(span: Span) -> Health:
    """Return the figures of alarm health of a span that is over, or up to now."""
    return _health(min(span.ends, _grain(now(), HEALTH_S)).isoformat(), span.length.total_seconds())


@st.cache_data(show_spinner=False, ttl=2 * HEALTH_S, max_entries=KEPT_SPANS)
def _health(until: str, length_s: float) -> Health:
    ends = datetime.fromisoformat(until)
    span = Span(ends - timedelta(seconds=length_s), ends)
    return measure(store().alarm_lines(span.begins, span.ends), span, settings().shifts.plan)


def _grain(instant: datetime, seconds: int) -> datetime:
    """The instant as keys of what is kept have it: all sessions ask for the same until the next one."""
    return datetime.fromtimestamp(instant.timestamp() // seconds * seconds, instant.tzinfo)
