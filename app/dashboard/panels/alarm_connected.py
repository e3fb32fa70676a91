"""What an alarm is possibly connected with in other systems, and the way to all systems at its time."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from app import across_words as say
from app.dashboard import kept, links
from app.dashboard.access import now
from app.dashboard.panels import connected
from app.dashboard.wording import plain
from core.coincidence.chance import SHIFT_S
from core.store.views import AlarmView

AROUND = timedelta(hours=4)


def draw(view: AlarmView) -> None:
    """Draw it; what began before the last eight hours is looked at on the page of its time."""
    instant = now()
    since = view.began_at
    if (instant - since).total_seconds() < SHIFT_S:
        across = kept.across(None)
        alarms = {one.id: one for one in across.alarms}
        for number, one in enumerate(across.of_alarm(view.id)):
            with st.container(key=f"connected_{number}"):
                st.markdown(f"**Possibly connected: {plain(say.headline(one))}**, {plain(say.rarity(one))}")
                connected.to_alarms(one, alarms, but=view.id)
    to_time(since, instant)


def to_time(since: datetime, instant: datetime) -> None:
    """Draw the link to all systems around an instant."""
    until = since + AROUND
    query = {} if until >= instant else {"until": until.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")}
    links.to(links.ACROSS, "All systems at that time", ":material/view_timeline:", **query)
