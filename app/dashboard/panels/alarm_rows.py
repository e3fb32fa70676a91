"""The rows of the alarm list: the unacknowledged and severe first; many of one cause are one row that opens."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from html import escape

import streamlit as st

from app.dashboard import links
from app.dashboard.access import displays
from app.dashboard.alarm_groups import Group, grouped, urgency
from app.dashboard.wording import SEVERITY, age, clock_time, plain, plural, shortened, zone
from core.store.views import AlarmView

__all__ = ["draw", "name", "severity_badge", "standing", "title", "urgency", "words"]

WIDTHS = (2, 4, 2, 3, 2)
HEADS = ("Severity", "What", "Since", "Seen by", "")
LONGEST_NAME = 80
"""A file that could not be read may have any name; the page of its alarm shows all of it."""


def draw(alarms: Sequence[AlarmView], now: datetime, standing_head: str = HEADS[3]) -> None:
    """Draw one row per alarm or group; each row has the address of its alarm."""
    for column, head in zip(st.columns(WIDTHS), (*HEADS[:3], standing_head, HEADS[4]), strict=True):
        column.caption(head)
    where = zone(st.context.timezone)
    for group in grouped(alarms):
        if len(group.alarms) == 1:
            _row(group.first, now, where)
        else:
            _group(group, now, where)


def _row(alarm: AlarmView, now: datetime, where: tzinfo) -> None:
    severity, what, since, seen, open_it = st.columns(WIDTHS, vertical_alignment="center")
    severity.html(severity_badge(alarm))
    what.markdown(f"**{name(alarm, LONGEST_NAME)}**: {words(alarm)}  \n:small[{title(alarm)}]")
    since.markdown(f"{clock_time(alarm.began_at, now, where)}  \n{age(alarm.began_at, now)}")
    seen.markdown(standing(alarm, now))
    with open_it:
        links.to(links.ALARMS, "Open", ":material/arrow_forward:", alarm=alarm.id)


def _group(group: Group, now: datetime, where: tzinfo) -> None:
    alarm = group.first
    severity, what, since, seen, _ = st.columns(WIDTHS, vertical_alignment="center")
    severity.html(severity_badge(alarm))
    what.markdown(f"**{plural(len(group.alarms), 'alarm')}**: {words(alarm)}  \n:small[{title(alarm)}]")
    since.markdown(f"{clock_time(group.began, now, where)}  \n{age(group.began, now)}")
    seen.markdown(standing(alarm, now))
    with st.expander(f"Show the {len(group.alarms)}: {words(alarm)}"):
        for one in group.alarms:
            _row(one, now, where)


def severity_badge(alarm: AlarmView) -> str:
    """Return the severity as a coloured word, grey once the alarm is over or needs nobody."""
    put_off = alarm.inhibited_by is not None or alarm.is_notice
    grey = " over" if not alarm.is_open or alarm.recovered_at or put_off else ""
    word = "Notice" if alarm.is_notice else SEVERITY[alarm.severity]
    return f'<span class="severity {alarm.severity.name}{grey}">{escape(word)}</span>'


def title(alarm: AlarmView) -> str:
    """Return the title of the alarm's system."""
    module = displays().get(alarm.system)
    return str(module.TITLE) if module else plain(alarm.system)


def name(alarm: AlarmView, most: int | None = None) -> str:
    """Return what people call the thing the alarm is about, in at most so many letters."""
    module = displays().get(alarm.system)
    known = str(module.alarm_name(alarm) if module else alarm.element)
    return plain(known if most is None else shortened(known, most))


def words(alarm: AlarmView) -> str:
    """Return what is wrong, in plain words."""
    module = displays().get(alarm.system)
    return plain(module.alarm_words(alarm) if module else alarm.message)


def standing(alarm: AlarmView, now: datetime) -> str:
    """Return where an alarm stands, in words."""
    if alarm.closed_at is not None:
        return f"Closed, seen by {plain(alarm.acknowledged_by or 'nobody')}"
    if put_off := _put_off(alarm, now):
        return put_off
    over = "Over, but " if alarm.recovered_at is not None else ""
    if alarm.acknowledged_by:
        return f"{over}{plain(alarm.acknowledged_by)}"
    if alarm.is_notice:
        return "Needs nobody"
    if alarm.overdue_at is not None and alarm.asked_at is not None:
        return f"**Nobody for {age(alarm.asked_at, now)}**"
    return f"{over}**nobody yet**" if over else "**Nobody yet**"


def _put_off(alarm: AlarmView, now: datetime) -> str:
    """Why an open alarm asks nobody now, empty if it does."""
    if alarm.is_shelved(now) and alarm.shelved_until is not None:
        until = clock_time(alarm.shelved_until, now, zone(st.context.timezone))
        return f"Set aside by {plain(alarm.shelved_by or '')} until {until}: {plain(alarm.shelved_reason or '')}"
    return f"Held back: {plain(alarm.inhibited_by)}" if alarm.inhibited_by is not None else ""
