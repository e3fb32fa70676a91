"""Drills that are over: whether detector and shift found what was put in, how soon, and as what."""

import streamlit as st

from app.dashboard.access import now, store
from app.dashboard.panels import tables
from app.dashboard.wording import clock_time, zone
from app.drilling import HEADS, row
from core.store.drills import revealed

SHOWN = 10


def draw() -> None:
    """Draw the newest drills; nothing, where none was held."""
    found = revealed(store().database, SHOWN)
    if not found:
        return
    st.markdown("**Drills**")
    st.caption("A fault was put on a copy of the data, and nobody was told. These alarms count in no other figure.")
    instant, where = now(), zone(st.context.timezone)
    rows = [(clock_time(one.asked_at, instant, where), *row(one)) for one in found]
    missed = ["over" if one.result is not None and one.result.found is False else "" for one in found]
    tables.draw(("When", *HEADS), rows, marked=missed)
