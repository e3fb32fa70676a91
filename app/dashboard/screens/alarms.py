"""Alarms: what is wrong, where, since when, who has seen it; one alarm with its history and evidence."""

import streamlit as st

from app.dashboard import links, person
from app.dashboard.access import now, store
from app.dashboard.panels import alarm_detail, alarm_rows

REFRESH_S = 5
LONGEST = 100


def page() -> None:
    """Draw the one alarm in the address, or the list."""
    chosen = links.asked_for("alarm")
    if chosen is None:
        _list()
        return
    person.ask("it is stored with what you do")
    alarm_detail.draw(chosen)


@st.fragment(run_every=REFRESH_S)
def _list() -> None:
    with_closed = st.toggle("Show closed alarms too", key="closed")
    found = store().alarms(not with_closed, limit=LONGEST)
    if not found:
        st.header("No alarm is open")
        st.markdown("A bad board, a silent scanner or a watch that fails raises one; it appears here by itself.")
        return
    alarm_rows.draw(found, now())
