"""The last things seen of a system, as a strip of small pictures."""

from collections.abc import Sequence
from datetime import datetime
from types import ModuleType

import streamlit as st

from app.dashboard import links
from app.dashboard.access import displays, picture
from app.dashboard.known import NEWEST
from app.dashboard.wording import QUALITY, ago, plain, shortened
from core.store.views import ObservationView
from core.verdict import Quality


def draw(system: str, newest: Sequence[ObservationView], now: datetime) -> None:
    """Draw the newest observations with their state; each is the address of its page."""
    if not newest:
        return
    module = displays()[system]
    st.markdown(f"**{module.TITLE}, last seen**")
    with st.container(key=f"lately_{system}"):
        for column, view in zip(st.columns(NEWEST), newest, strict=False):
            with column:
                _one(view, module, now)


def _coloured(quality: Quality) -> str:
    colour = {Quality.BAD: "red", Quality.NULL: "violet"}.get(quality)
    return f":{colour}[**{QUALITY[quality]}**]" if colour else QUALITY[quality]


def _one(view: ObservationView, module: ModuleType, now: datetime) -> None:
    name = str(module.name(view))
    content = picture(view.thumbnail) if view.thumbnail else None
    if content is None:
        st.html('<div class="no-picture">no picture</div>')
    else:
        st.image(content, width="stretch", alt=f"Small picture of {name}")
    links.to(module.PAGE, plain(shortened(name)), None, **{module.ASKS: view.id})
    decided = f", {view.disposition.value.replace('_', ' ')}" if view.disposition else ""
    st.caption(f"{_coloured(view.quality)}{decided} · {ago(module.when(view), now)}")
