"""The alarm list: the unacknowledged and severe first."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

import streamlit as st

from app.dashboard import links
from app.dashboard.access import displays
from app.dashboard.wording import SEVERITY, age, began, clock_time, plain, zone
from core.alarms.severity import Severity
from core.store.views import AlarmView

WIDTHS = (2, 4, 2, 3, 2)
PRESSING = {
    Severity.OK: 0,
    Severity.MINOR: 1,
    Severity.UNDEFINED: 2,
    Severity.INVALID: 3,
    Severity.MAJOR: 4,
}
"""A bad board cannot wait; a photo that could not be judged can be taken again."""

HEADS = ("Severity", "What", "Since", "Seen by", "")


def draw(alarms: Sequence[AlarmView], now: datetime) -> None:
    """Draw one row per alarm; each row has the address of its alarm."""
    for column, head in zip(st.columns(WIDTHS), HEADS, strict=True):
        column.caption(head)
    where = zone(st.context.timezone)
    for alarm in sorted(alarms, key=urgency):
        severity, what, since, seen, open_it = st.columns(WIDTHS, vertical_alignment="center")
        severity.html(severity_badge(alarm))
        what.markdown(f"**{name(alarm)}**: {words(alarm)}  \n:small[{title(alarm)}]")
        since.markdown(f"{clock_time(began(alarm), now, where)}  \n{age(began(alarm), now)}")
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


def name(alarm: AlarmView) -> str:
    """Return what people call the thing the alarm is about."""
    module = displays().get(alarm.system)
    return plain(module.alarm_name(alarm) if module else alarm.element)


def words(alarm: AlarmView) -> str:
    """Return what is wrong, in plain words."""
    module = displays().get(alarm.system)
    return plain(module.alarm_words(alarm) if module else alarm.message)


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


def urgency(alarm: AlarmView) -> tuple[bool, bool, bool, int, float]:
    """Return the sorting key: open before closed, unseen first, pressing first, newest first."""
    done = alarm.closed_at is not None
    return (
        done,
        alarm.acknowledged_at is not None,
        alarm.recovered_at is not None,
        -PRESSING[alarm.severity],
        -alarm.raised_at.timestamp(),
    )
