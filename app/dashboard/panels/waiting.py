"""The queue: boards that wait for a person, those with marked places first, oldest first."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from app.dashboard import links
from app.dashboard.access import now, picture, store
from app.dashboard.wording import DISPOSITION, age, ago, plain, plural
from core.store.views import ObservationView
from core.store.waiting import forgotten, undecided
from core.verdict import Quality
from inspection.flex import display
from inspection.flex.display import SYSTEM, UNREADABLE, name

LONGEST = 50
SHOWN = 12
FORGOTTEN_S = 300
_ORDER = {Quality.BAD: 0, Quality.MEDIUM: 0, Quality.NULL: 1, Quality.GOOD: 2}


def boards() -> list[ObservationView]:
    """Return the boards that wait, in the order in which to look at them."""
    waiting = store().observations(SYSTEM, LONGEST, undecided=True)
    if len(waiting) < LONGEST:
        waiting += undecided(store().database, _forgotten()[: LONGEST - len(waiting)])
    return sorted(waiting, key=lambda view: (_ORDER[view.quality], view.id))


@st.cache_data(show_spinner=False, ttl=FORGOTTEN_S)
def _forgotten() -> list[int]:
    """Boards of long ago that nobody has decided: looked for once in a while, for all sessions together."""
    return forgotten(store().database, SYSTEM, LONGEST)


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


def decided_lately() -> None:
    """Draw the addresses of the boards that were decided last."""
    newest = store().observations(SYSTEM, LONGEST)
    done = [view for view in newest if view.disposition is not None][:SHOWN]
    if not done:
        return
    with st.expander("Decided lately"), st.container(key="done"):
        for view in done:
            links.to(links.INSPECTION, f"{plain(name(view))}: {decision(view)}", board=view.id)


def seen_before(view: ObservationView) -> None:
    """Draw the addresses of earlier photos of the same board."""
    if view.element == UNREADABLE:
        return
    others = [other for other in store().history(SYSTEM, view.element, SHOWN) if other.id != view.id]
    if not others:
        return
    instant = now()
    st.markdown("**The same board, other photos**")
    with st.container(key="before"):
        for other in others:
            stage = display.subtitle({"stage": other.conditions.get("stage"), "side": other.conditions.get("side")})
            words = [stage, _state(other), decision(other), ago(other.processed_at, instant)]
            links.to(links.INSPECTION, " · ".join(plain(word) for word in words if word), board=other.id)


def decision(view: ObservationView) -> str:
    """Return what was decided, in a word."""
    return DISPOSITION[view.disposition] if view.disposition else "not decided"


def _entry(view: ObservationView, now: datetime) -> None:
    small, words = st.columns([2, 5], gap="xsmall", vertical_alignment="center")
    content = picture(view.thumbnail) if view.thumbnail else None
    if content is None:
        small.html('<div class="no-picture"></div>')
    else:
        small.image(content, width="stretch", alt=f"Small picture of board {view.element}")
    with words:
        links.to(links.INSPECTION, plain(name(view)), board=view.id)
        st.caption(f"{_state(view)} · {age(view.processed_at, now)}")


def _state(view: ObservationView) -> str:
    if view.quality is Quality.NULL:
        return "not judged"
    return plural(view.region_count, "place") if view.region_count else "nothing found"
