"""Across systems: the four on one axis of time with what the machine did, and what is possibly connected."""

from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

import streamlit as st

from app import across_words as say
from app.across import Across
from app.dashboard import kept, lanes, links, timeline
from app.dashboard.access import now
from app.dashboard.live import live
from app.dashboard.panels import connected
from app.dashboard.wording import clock_time, zone

REFRESH_S = 30
LENGTHS = {"2 hours": timedelta(hours=2), "4 hours": timedelta(hours=4), "8 hours": timedelta(hours=8)}
_FIRST = "8 hours"
_STEP = timedelta(hours=4)
_FORMAT = "%Y-%m-%dT%H:%M"
_SHEET = Path(__file__).parents[1] / "axis.css"


def page() -> None:
    """Draw the time in the address, else the last hours; they keep themselves up to date."""
    st.html(_SHEET)
    until = asked_until()
    with st.container(horizontal=True, vertical_alignment="center", key="across_time"):
        chosen = st.segmented_control(
            "Time", list(LENGTHS), default=_FIRST, key="last", label_visibility="collapsed", bind="query-params"
        )
        length = chosen or _FIRST
        ends = until or now()
        to_time(ends - _STEP, "Earlier", ":material/arrow_back:", length)
        if until is not None:
            if until + _STEP < now():
                to_time(until + _STEP, "Later", ":material/arrow_forward:", length)
            links.to(links.ACROSS, "Now", ":material/last_page:", last=length)
    if until is None:
        _live(length)
    else:
        _draw(until, length)


def asked_until() -> datetime | None:
    """Return the end that the address names, None for now: also if it is nonsense or lies ahead."""
    try:
        until = datetime.strptime(st.query_params.get("until", ""), _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return until if until < now() else None


def to_time(until: datetime, label: str, icon: str, length: str = _FIRST) -> None:
    """Draw a link to the hours that end at an instant."""
    links.to(links.ACROSS, label, icon, until=until.astimezone(UTC).strftime(_FORMAT), last=length)


@live(REFRESH_S)
def _live(length: str) -> None:
    _draw(None, length)


def _draw(until: datetime | None, length: str) -> None:
    across = kept.across(until)
    instant, where = now(), zone(st.context.timezone)
    if not across.history.watched:
        st.header("No system has told anything yet", anchor=False)
        st.markdown("As soon as data of two systems come, they are drawn here on one axis of time and compared.")
        return
    st.html(_verdict(across))
    st.html(timeline.html(lanes.axis(across, LENGTHS[length], where)))
    if until is not None:
        begins = until - LENGTHS[length]
        st.caption(f"{clock_time(begins, instant, where)} to {clock_time(until, instant, where)}, as it was then.")
    left, right = st.columns([3, 2], gap="large")
    with left:
        connected.cards(across, instant, where)
        st.caption(say.MEANING)
    with right:
        connected.rest(across, instant, where)


def _verdict(across: Across) -> str:
    found = across.found.connected
    if found:
        told = "; ".join(f"{say.headline(one)} ({say.rarity(one)})" for one in found[:2])
        more = f", and {len(found) - 2} more" if len(found) > 2 else ""
        return f'<div class="urgent notice" role="status"><b>Possibly connected:</b> {escape(told + more)}.</div>'
    words = say.TOO_SHORT if say.cannot_tell(across.found) else say.NOTHING
    return f'<div class="urgent calm" role="status">{words}</div>'
