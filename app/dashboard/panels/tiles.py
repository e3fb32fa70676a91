"""The tiles of the overview, readable across a room."""

from datetime import datetime, tzinfo
from html import escape

import streamlit as st

from app.dashboard import links
from app.dashboard.states import Tile, Tone
from app.dashboard.wording import QUALITY, ago, clock_time
from core.store.views import AlarmView, SystemState


def draw(tile: Tile, state: SystemState, page: str, now: datetime, where: tzinfo) -> None:
    """Draw one tile and the way from it to what it speaks of."""
    with st.container(key=f"tile_{tile.tone}_{tile.system}"):
        st.html(_body(tile, state, now, where))
        with st.container(horizontal=True):
            if tile.open_alarms:
                links.to(links.ALARMS, "Alarms", ":material/notifications:")
            links.to(page, "Open", ":material/arrow_forward:")


def urgent(tile: Tile | None, what: str, alarm: AlarmView | None) -> None:
    """Draw the one thing that needs a person first and the way to it, or that nothing does."""
    if tile is None:
        st.html('<div class="urgent calm" role="status">Nothing needs you right now.</div>')
        return
    if tile.tone is Tone.EMPTY:
        st.html('<div class="urgent empty" role="status"><b>No data yet.</b> What to do first is said below.</div>')
        return
    text = f"<b>{escape(tile.title)}: {escape(tile.word)}.</b> {escape(what).replace('`', '')}"
    st.html(f'<div class="urgent {tile.tone}" role="alert">{text}</div>')
    if alarm is not None:
        links.to(links.ALARMS, "Go to this alarm", ":material/arrow_forward:", alarm=alarm.id)


def _body(tile: Tile, state: SystemState, now: datetime, where: tzinfo) -> str:
    since = f"since {clock_time(tile.since, now, where)}" if tile.since else "&nbsp;"
    newest = "no data so far" if tile.newest is None else f"newest data {ago(tile.newest, now)}"
    counts = ", ".join(f"{count} {QUALITY[quality]}" for quality, count in state.counts.items() if count)
    todo = f'<div class="tile-line">{escape(tile.todo).replace("`", "")}</div>' if tile.tone is Tone.EMPTY else ""
    return (
        f'<section class="tile" aria-label="{escape(tile.title)}: {escape(tile.word)}">'
        f'<div class="tile-title">{escape(tile.title)}</div>'
        f'<div class="tile-word">{escape(tile.word)}</div>'
        f'<div class="tile-since">{since}</div>'
        f'<div class="tile-line">{escape(newest)}</div>'
        f'<div class="tile-line">Last 8 hours: {escape(counts) or "nothing"}</div>{todo}'
        f"</section>"
    )
