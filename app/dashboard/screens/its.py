"""The ITS page: the barrel unrolled, what is wrong, where, since when, what to do, and how it came about."""

from datetime import datetime, tzinfo

import streamlit as st

from app.dashboard import barrel, course, links
from app.dashboard.access import picture, settings
from app.dashboard.live import live
from app.dashboard.panels import browsing, cycles, incidents, notes, trends
from core.store.views import ObservationDetail
from core.verdict import Quality
from dqm.its import display

REFRESH_S = 5
_LOOK = "its_look"
_LOOKS = ("pull", "occupancy")
_NEXT = {"pull": "Show occupancy", "occupancy": "Show pull"}
_LEGENDS = {
    "pull": (
        "Pull from what these conditions should give",
        ("100 sigma too few", "within 2.5", "100 sigma too many"),
    ),
    "occupancy": ("Clusters per readout frame and chip", ("none", "usual in the layer", "twice that")),
}


def page() -> None:
    """Draw the cycle in the address, or the newest; the page keeps itself up to date."""
    _live()


@live(REFRESH_S)
def _live() -> None:
    browsing.live(display.SYSTEM, display.ASKS, "cycle", links.ITS, _idle, _desk)


def _idle() -> None:
    if settings().its.qcdb_url is None:
        st.header("No QCDB is connected")
        st.markdown(f"{display.next_step(settings())}, then start the watch with `shiftwatch up`.")
        st.markdown("Single files are judged with `shiftwatch score its FILE --json`.")
        return
    st.header("No cycle yet")
    st.markdown(f"{display.next_step(settings())}. It appears here by itself within seconds.")


def _desk(detail: ObservationDetail, latest: int, instant: datetime, where: tzinfo) -> None:
    cycles.heading(detail, latest, instant, where)
    found = display.incidents(detail)
    current = incidents.chosen(found)
    left, right = st.columns([8, 5], gap="medium")
    with left:
        _picture(detail, current)
        trends.draw(detail, None if current is None else found[current], where)
    with right, st.container(key="its_panel"):
        if detail.view.quality is Quality.NULL:
            notes.unjudged(detail)
        elif not found:
            st.html('<div class="urgent calm" role="status">Nothing needs you right now.</div>')
        incidents.draw(detail, instant, where)
        notes.untold(detail)
        notes.conditions(detail)
        if display.is_barrel(detail):
            trends.ask()


def _picture(detail: ObservationDetail, current: int | None) -> None:
    there = [look for look in _LOOKS if look in detail.evidence]
    wanted = st.session_state.get(_LOOK, _LOOKS[0])
    look = wanted if wanted in there else next(iter(there), None)
    content = picture(detail.evidence[look]) if look else None
    if look is None or content is None:
        st.html('<div class="no-picture its-none">No picture: nothing could be drawn of this.</div>')
        return
    if not display.is_barrel(detail):
        with st.container(key="its_chips"):
            st.image(content, width="stretch", alt=f"Hit maps of {display.name(detail.view)}")
        st.caption("Hits per 4 x 4 pixels of each chip; new defects in red, known ones in yellow.")
        return
    digest = detail.evidence.get("cells")
    figures = course.figures(digest) if digest else None
    alt = f"{_LEGENDS[look][0]}, {display.name(detail.view)}"
    st.html(barrel.html(content, alt, display.incidents(detail), current, figures, trends.followed()))
    with st.container(horizontal=True, vertical_alignment="center", key="its_legend"):
        if len(there) > 1:
            other = _LOOKS[1 - _LOOKS.index(look)]
            st.button(_NEXT[look], key="its_look_button", shortcut="H", on_click=_look_as, args=(other,))
        st.html(_legend(look))


def _legend(look: str) -> str:
    title, ends = _LEGENDS[look]
    words = "".join(f"<span>{word}</span>" for word in ends)
    hole = '<div class="legend-hole"><i></i>no data or masked</div>'
    scale = f'<div class="legend-bar {look}"></div><div class="legend-words">{words}</div>'
    return f'<div class="legend"><div class="legend-scale"><b>{title}</b>{scale}</div>{hole}</div>'


def _look_as(look: str) -> None:
    st.session_state[_LOOK] = look
