"""The head of the overview: the one thing that needs somebody first and what to do; and the parts of the console."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from html import escape

import streamlit as st

from app.dashboard import links, needs
from app.dashboard.needs import Need
from app.dashboard.panels.alarm_guidance import summons
from app.dashboard.parts import Part, told
from app.dashboard.states import Tone
from app.dashboard.wording import age, clock_time


def draw(found: Sequence[Need], quiet: Sequence[str], now: datetime, where: tzinfo) -> None:
    """Draw the first need and the way to it, and how many others there are; or that nothing needs anybody."""
    if not found:
        st.html(f'<div class="urgent calm" role="status">{escape(_calm(quiet))}</div>')
        return
    first, others = found[0], sum(one.is_pressing for one in found[1:])
    look = first.tone.value if first.is_pressing or first.tone is Tone.STALE else "calm"
    todo = summons(first.alarm) if first.alarm is not None else first.todo
    st.html(
        f'<div class="urgent {look}" role="{"alert" if first.is_pressing else "status"}">'
        f"<b>{escape(first.title)}: {escape(first.word)}.</b> {escape(todo).replace('`', '')}"
        f'<div class="urgent-under">{escape(_under(first, others, now, where))}</div></div>'
    )
    with st.container(horizontal=True, key="urgent_way"):
        _way(first)


def nothing_yet() -> None:
    """Say that no system has given anything yet."""
    st.html('<div class="urgent empty" role="status"><b>No data yet.</b> What to do first is said below.</div>')


def foot(parts: Sequence[Part], now: datetime, read_at: datetime, where: tzinfo, old_after_s: float) -> None:
    """Draw the parts of the console in a line, grey while they live, and when all this was read.

    A style sheet turns the time into a warning across the page if nothing replaces it in time.
    """
    words = "".join(
        f'<span class="part {one.tone}" title="{escape(one.todo).replace("`", "")}">{escape(told(one, now))}</span>'
        for one in parts
    )
    old = f"This page has not been refreshed since {now.astimezone(where):%H:%M:%S}: what it shows is old. Reload it."
    st.html(
        f'<div class="parts" role="group" aria-label="Parts of this console">{words}'
        f'<span class="stamp"><span>as of {read_at.astimezone(where):%H:%M:%S}</span>'
        f'<b style="animation-delay:{old_after_s:g}s" aria-hidden="true">{escape(old)}</b></span></div>'
    )


def _calm(quiet: Sequence[str]) -> str:
    if not quiet:
        return "Nothing needs you right now."
    return f"Nothing needs you right now. No new data from {', '.join(quiet)}."


def _under(first: Need, others: int, now: datetime, where: tzinfo) -> str:
    words = []
    if first.since is not None:
        words.append(f"Since {clock_time(first.since, now, where)}, {age(first.since, now)}.")
    if first.alarm is not None:
        words.append(needs.standing(first.alarm, now))
    if others:
        words.append(f"{others} more {'needs' if others == 1 else 'need'} somebody.")
    return " ".join(words)


def _way(first: Need) -> None:
    if first.alarm is not None:
        links.to(links.ALARMS, "Go to this alarm", ":material/arrow_forward:", alarm=first.alarm.id)
    elif first.tone is Tone.STALE and first.system is not None:
        links.to(links.MODELS, "Go to its model", ":material/arrow_forward:", models_of=first.system)
