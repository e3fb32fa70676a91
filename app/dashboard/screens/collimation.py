"""The collimation page: is the hierarchy intact, which collimator is it, how much margin is left, what to do now."""

from datetime import datetime, tzinfo

import streamlit as st

from accelerator.collimation import display
from accelerator.collimation.diagnosis import Diagnosis
from accelerator.collimation.drawing_layout import has_band
from accelerator.collimation.drawing_marks import is_trouble
from app.dashboard import campaign, links, lossmap
from app.dashboard.access import picture, settings
from app.dashboard.live import live
from app.dashboard.panels import browsing, finding, maps, outlook
from core.store.views import ObservationDetail

REFRESH_S = 5
_LOOK = "coll_look"
_LOOKS = ("cascade", "ir7", "ir3")
_NAMES = {"cascade": "the cascade", "ir7": "IR7", "ir3": "IR3"}


def page() -> None:
    """Draw the map in the address, or the newest; the page keeps itself up to date."""
    _live()


@live(REFRESH_S)
def _live() -> None:
    browsing.live(display.SYSTEM, display.ASKS, "map", links.COLLIMATION, _idle, _desk)


def _idle() -> None:
    st.header("No loss map yet")
    st.markdown(f"{display.next_step(settings())}; they appear here by themselves within seconds.")
    st.markdown(
        "Maps of xcoll (JSON), TIMBER exports (CSV) and Parquet of the monitors are read. "
        "Single files are judged with `shiftwatch score collimation FILE --json`."
    )


def _desk(detail: ObservationDetail, latest: int, instant: datetime, where: tzinfo) -> None:
    found = maps.diagnosis(detail)
    maps.heading(detail, found, latest, instant, where)
    left, right = st.columns([8, 5], gap="medium")
    with left:
        _pictures(detail, found)
        wide, narrow = st.columns([5, 3], gap="small")
        with wide:
            outlook.draw(detail, found, instant, where)
        with narrow:
            maps.lately(detail.view.id, instant, where)
            campaign.offer(detail)
    with right, st.container(key="its_panel"):
        finding.draw(detail, found, instant, where)


def _pictures(detail: ObservationDetail, found: Diagnosis | None) -> None:
    there = [look for look in _LOOKS if look in detail.evidence]
    if not there:
        st.html('<div class="no-picture its-none">No picture: nothing could be drawn of this.</div>')
        return
    wanted = st.session_state.get(_LOOK, _first_look(found))
    look = wanted if wanted in there else there[0]
    following = there[(there.index(look) + 1) % len(there)]
    with st.container(key="coll_pictures"):
        for name in ("ring", look):
            _picture(detail, found, name)
    with st.container(horizontal=True, vertical_alignment="center", key="its_legend"):
        st.button(
            f"Show {_NAMES[following]}", key="coll_look_button", shortcut="H", on_click=_look_as, args=(following,)
        )
        st.html(_legend(found))


def _picture(detail: ObservationDetail, found: Diagnosis | None, name: str) -> None:
    content = picture(detail.evidence[name]) if name in detail.evidence else None
    if content is None:
        st.html('<div class="no-picture its-none">The picture is not there any more.</div>')
        return
    alt = f"Losses, {_NAMES.get(name, 'around the ring')}, {display.name(detail.view)}"
    st.html(lossmap.html(content, alt, name, found))


def _first_look(found: Diagnosis | None) -> str:
    return "ir3" if found is not None and found.map_class == "off-momentum" else "cascade"


def _legend(found: Diagnosis | None) -> str:
    marks = [("coll", "collimator"), ("cold", "cold"), ("warm", "warm")]
    if found is not None and any(has_band(one) for one in found.channels):
        marks.append(("band", "usual here (95 %)"))
    if found is not None and is_trouble(found):
        marks += [("more", "too many"), ("fewer", "too few"), ("ring", "if put right")]
    items = "".join(f'<span><i class="k-{look}"></i>{word}</span>' for look, word in marks)
    return f'<div class="keys-legend">{items}</div>'


def _look_as(look: str) -> None:
    st.session_state[_LOOK] = look
