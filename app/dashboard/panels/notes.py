"""What a cycle could not tell, and under which conditions it was taken."""

from html import escape

import streamlit as st

from app.dashboard.wording import plain
from core.store.views import ObservationDetail
from core.verdict import Quality
from dqm.its import display, display_notes
from dqm.its.guidance import guidance


def untold(detail: ObservationDetail) -> None:
    """Draw what could not be said of this cycle, if there is anything."""
    conditions = detail.view.conditions
    lines = [*display_notes.missing(conditions), display_notes.masked(conditions), display_notes.short_run(conditions)]
    if detail.view.reason and detail.view.quality is not Quality.NULL:
        lines.insert(0, display.why(detail.view))
    said = [line for line in lines if line]
    if said:
        items = "".join(f"<li>{escape(line)}</li>" for line in said)
        st.html(f'<div class="untold"><b>What this cycle could not tell</b><ul>{items}</ul></div>')


def conditions(detail: ObservationDetail) -> None:
    """Draw what was measured of the run's conditions."""
    rows = display_notes.measured(detail.measurements)
    if rows:
        body = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
        st.html(f'<div class="conditions"><b>Conditions</b><dl class="facts">{body}</dl></div>')


def unjudged(detail: ObservationDetail) -> None:
    """Draw why an observation could not be judged, and what to do."""
    with st.container(key="reason"):
        st.markdown(f"**Why:** {plain(display.why(detail.view))}")
        st.markdown(f"**What to do:** {guidance(None)}")
