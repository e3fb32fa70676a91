"""The queue: boards that wait for a person, those with marked places first, oldest first."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from app.dashboard import links
from app.dashboard.access import now, picture, store
from app.dashboard.wording import age, plain, plural
from core.store.views import ObservationView
from core.verdict import Quality
from inspection.flex.display import SYSTEM, name

LONGEST = 50
SHOWN = 12
_ORDER = {Quality.BAD: 0, Quality.MEDIUM: 0, Quality.NULL: 1, Quality.GOOD: 2}


def boards() -> list[ObservationView]:
    """Return the boards that wait, in the order in which to look at them."""
    waiting = store().observations(SYSTEM, LONGEST, undecided=True)
    return sorted(waiting, key=lambda view: (_ORDER[view.quality], view.id))


def after(board: int) -> int | None:
    """Return the board to look at next, None if none waits."""
    return next((view.id for view in boards() if view.id != board), None)


def draw(waiting: Sequence[ObservationView], current: int | None) -> None:
    """Draw the queue with small pictures; each entry is the address of its board."""
    st.markdown(
        f"**{plural(len(waiting), 'board')} waiting**" if len(waiting) < LONGEST else f"**{LONGEST} or more waiting**"
    )
    instant = now()
    with st.container(key="queue"):
        for view in waiting[:SHOWN]:
            with st.container(key=f"entry_{'now' if view.id == current else 'then'}_{view.id}"):
                _entry(view, instant)
    if len(waiting) > SHOWN:
        st.caption(f"and {len(waiting) - SHOWN} more")


def _entry(view: ObservationView, now: datetime) -> None:
    small, words = st.columns([2, 5], gap="xsmall", vertical_alignment="center")
    content = picture(view.thumbnail) if view.thumbnail else None
    if content is not None:
        small.image(content, width="stretch", alt=f"Small picture of board {view.element}")
    with words:
        links.to(links.INSPECTION, plain(name(view)), board=view.id)
        st.caption(f"{_state(view)} · {age(view.processed_at, now)}")


def _state(view: ObservationView) -> str:
    if view.quality is Quality.NULL:
        return "not judged"
    return plural(view.region_count, "place") if view.region_count else "nothing found"
