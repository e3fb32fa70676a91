"""What is possibly connected: evidence, how often chance shows it, and the alarms it concerns."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo

import streamlit as st

from app import across_words as say
from app.across import Across
from app.dashboard import links
from app.dashboard.wording import clock_time, plain
from core.coincidence.onsets import Together
from core.coincidence.search import Connected
from core.store.views import AlarmView

MOST = 8


def clock(now: datetime, where: tzinfo) -> Callable[[float], str]:
    """Return what writes unix times as those of the desk."""
    return lambda at_s: clock_time(datetime.fromtimestamp(at_s, UTC), now, where)


def cards(across: Across, now: datetime, where: tzinfo) -> None:
    """Draw each, numbered as on the axis."""
    at, alarms = clock(now, where), _by_id(across)
    for number, one in enumerate(across.found.connected):
        with st.container(key=f"connected_{number}"):
            st.markdown(f"**{number + 1}. {plain(say.headline(one))}: possibly connected**, {plain(say.rarity(one))}")
            for sentence in say.evidence(one, alarms, at):
                st.markdown(plain(sentence))
            to_alarms(one, alarms)


def to_alarms(one: Connected, alarms: dict[int, AlarmView], but: int | None = None) -> None:
    """Draw links to the alarms that a connection concerns."""
    for onset in one.alarms[:MOST]:
        if onset.alarm_id != but:
            links.to(
                links.ALARMS,
                plain(say.named(onset, alarms)),
                ":material/notifications:",
                alarm=onset.alarm_id,
            )


def rest(across: Across, now: datetime, where: tzinfo) -> None:
    """Draw what is near in time but no rarer than chance, and what cannot be told."""
    found, at, alarms = across.found, clock(now, where), _by_id(across)
    st.caption(plain(say.compared(found)))
    _list("Close together, but chance explains it", found.by_chance, alarms, at)
    _list("Close together, cannot tell", found.unsure, alarms, at)


def _list(name: str, pairs: Sequence[Together], alarms: dict[int, AlarmView], at: Callable[[float], str]) -> None:
    if not pairs:
        return
    with st.expander(f"{name} ({len(pairs)})"):
        for pair in pairs[:MOST]:
            st.markdown(plain(say.onsets(pair, alarms, at)))


def _by_id(across: Across) -> dict[int, AlarmView]:
    return {one.id: one for one in across.alarms}
