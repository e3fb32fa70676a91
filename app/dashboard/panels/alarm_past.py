"""Past alarms that were like one: when, how long, and what they turned out to be."""

import streamlit as st

from app.dashboard import links
from app.dashboard.access import now, store
from app.dashboard.panels.alarm_rows import name, words
from app.dashboard.wording import age, clock_time, plain, zone
from core.store.views import AlarmView, Judgement, PastAlarm

SHOWN = 5
_SAID = {
    Judgement.RIGHT: "right",
    Judgement.FALSE_ALARM: "false alarm",
    Judgement.KNOWN: "known",
    Judgement.WRONG_CAUSE: "another cause",
}


def draw(view: AlarmView) -> None:
    """Draw them, the most alike first; each is a link."""
    found = store().similar_alarms(view.id, SHOWN)
    st.markdown("**Like it before**")
    if not found:
        st.caption("No closed alarm of this place or cause yet.")
        return
    with st.container(key="alarm_past"):
        for past in found:
            _row(past)


def _row(past: PastAlarm) -> None:
    view, instant = past.view, now()
    when = clock_time(view.began_at, instant, zone(st.context.timezone))
    lasted = f", lasted {age(view.began_at, view.recovered_at)}" if view.recovered_at else ""
    links.to(links.ALARMS, f"{when}{lasted} · {name(view)}: {words(view)}", alarm=view.id)
    st.caption(turned_out(past))


def turned_out(past: PastAlarm) -> str:
    """Return what an alarm turned out to be, in the words of those who saw it."""
    said = ", ".join(
        f"{_SAID[judgement]} ({count})" if count > 1 else _SAID[judgement] for judgement, count in past.said.items()
    )
    cause = f", was: {plain(past.cause)}" if past.cause and Judgement.WRONG_CAUSE in past.said else ""
    note = f" “{plain(past.note)}”" if past.note else ""
    if not said:
        return f"Nobody said what it was.{note}"
    return f"Turned out: {said}{cause}.{note}"
