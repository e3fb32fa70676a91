"""The alarm list: the unacknowledged and severe first."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

import streamlit as st

from app.dashboard import links
from app.dashboard.access import displays
from app.dashboard.wording import SEVERITY, age, clock_time, plain, zone
from core.store.views import AlarmView

WIDTHS = (2, 4, 2, 3, 2)
HEADS = ("Severity", "What", "Since", "Seen by", "")


def draw(alarms: Sequence[AlarmView], now: datetime) -> None:
    """Draw one row per alarm; each row has the address of its alarm."""
    for column, head in zip(st.columns(WIDTHS), HEADS, strict=True):
        column.caption(head)
    where = zone(st.context.timezone)
    for alarm in sorted(alarms, key=_urgency):
        severity, what, since, seen, open_it = st.columns(WIDTHS, vertical_alignment="center")
        severity.html(severity_badge(alarm))
        what.markdown(f"**{plain(alarm.element)}**  \n{title(alarm)}: {plain(alarm.message)}")
        since.markdown(f"{clock_time(alarm.raised_at, now, where)}  \n{age(alarm.raised_at, now)}")
        seen.markdown(standing(alarm, now))
        with open_it:
            links.to(links.ALARMS, "Open", ":material/arrow_forward:", alarm=alarm.id)


def severity_badge(alarm: AlarmView) -> str:
    """Return the severity as a coloured word, grey once the alarm is over."""
    over = "" if alarm.is_open and not alarm.recovered_at else " over"
    return f'<span class="severity {alarm.severity.name}{over}">{escape(SEVERITY[alarm.severity])}</span>'


def title(alarm: AlarmView) -> str:
    """Return the title of the alarm's system."""
    module = displays().get(alarm.system)
    return str(module.TITLE) if module else plain(alarm.system)


def standing(alarm: AlarmView, now: datetime) -> str:
    """Return where an alarm stands, in words."""
    if alarm.closed_at is not None:
        return f"Closed, seen by {plain(alarm.acknowledged_by or 'nobody')}"
    if alarm.is_shelved(now):
        return f"Set aside by {plain(alarm.shelved_by or '')}"
    over = "Over, but " if alarm.recovered_at is not None else ""
    if alarm.acknowledged_by:
        return f"{over}{plain(alarm.acknowledged_by)}"
    return f"{over}**nobody yet**" if over else "**Nobody yet**"


def _urgency(alarm: AlarmView) -> tuple[bool, bool, bool, int, float]:
    done = alarm.closed_at is not None
    return (
        done,
        alarm.acknowledged_at is not None,
        alarm.recovered_at is not None,
        -alarm.severity,
        -alarm.raised_at.timestamp(),
    )
