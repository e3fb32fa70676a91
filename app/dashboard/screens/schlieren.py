"""The plasma page: the last shot, the channel with honest errors, whether it can be trusted, how the shift went."""

from datetime import datetime, tzinfo

import streamlit as st

from accelerator.schlieren import display
from accelerator.schlieren.result import PICTURES, RESIDUAL_SIGMA, ShotResult
from app.dashboard import links, plasma
from app.dashboard.access import picture, settings
from app.dashboard.live import live
from app.dashboard.panels import browsing, channel, channel_trends, shots
from core.store.views import ObservationDetail

REFRESH_S = 2
_MARKED = "plasma_marks"


def page() -> None:
    """Draw the shot in the address, or the newest; the page keeps itself up to date."""
    _live()


@live(REFRESH_S)
def _live() -> None:
    browsing.live(display.SYSTEM, display.ASKS, "shot", links.PLASMA, _idle, _desk)


def _idle() -> None:
    st.header("No shot yet")
    st.markdown(f"{display.next_step(settings())}; they appear here by themselves within seconds.")
    st.markdown(
        f"The camera is `{settings().schlieren.camera}`; set yours with `SHIFTWATCH_SCHLIEREN__CAMERA`. "
        "Single files are judged with `shiftwatch score schlieren FILE --json`."
    )


def _desk(detail: ObservationDetail, latest: int, instant: datetime, where: tzinfo) -> None:
    found, points = shots.result(detail), shots.of_shift(detail, latest)
    shots.heading(detail, found, latest, points, instant, where)
    left, right = st.columns([8, 5], gap="medium")
    with left:
        _pictures(detail, found)
        channel_trends.draw(detail, found, points, where)
        shots.listed(points, detail.view.id, instant, where)
    with right, st.container(key="its_panel"):
        channel.draw(detail, found, instant, where)
        if detail.view.element == display.UNREADABLE:
            shots.last_judged(points)
        shots.offer(detail, latest)


def _pictures(detail: ObservationDetail, found: ShotResult | None) -> None:
    there = {name: content for name in PICTURES if (content := _content(detail, name)) is not None}
    if not there:
        st.html('<div class="no-picture its-none">No picture: nothing could be drawn of this.</div>')
        return
    marked = bool(st.session_state.get(_MARKED, True))
    drawn = "".join(
        plasma.picture(name, there[name], f"{plasma.NAMES[name]}, {display.name(detail.view)}", found, marked=marked)
        if name in there
        else plasma.no_picture(name)
        for name in PICTURES
    )
    wide, narrow = st.columns([5, 1], gap="small")
    wide.html(f'<div class="shot-row">{drawn}</div>')
    with narrow, st.container(key="plasma_legend"):
        label = "Hide marks" if marked else "Show marks"
        st.button(label, key="plasma_marks_button", shortcut="H", on_click=_mark, args=(not marked,))
        st.html(_legend())


def _content(detail: ObservationDetail, name: str) -> bytes | None:
    digest = detail.evidence.get(name)
    return picture(digest) if digest else None


def _legend() -> str:
    ends = (f"{RESIDUAL_SIGMA:.0f} σ brighter", "0", f"{RESIDUAL_SIGMA:.0f} σ darker")
    words = "".join(f"<span>{word}</span>" for word in ends)
    lines = '<span><i class="k-axis"></i>axis</span><span><i class="k-edge"></i>core, ± r0</span>'
    scale = f'<div class="residual-scale"><i></i><div>{words}</div></div>'
    return f'<div class="keys-legend plasma-keys">{lines}</div><div class="plasma-keys">Residual{scale}</div>'


def _mark(wanted: bool) -> None:
    st.session_state[_MARKED] = wanted
