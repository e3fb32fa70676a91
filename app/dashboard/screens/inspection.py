"""Inspection station: the next board, its suspect places beside the golden board, one key each, submit, next."""

import streamlit as st

from app.dashboard import links, person
from app.dashboard.access import now, settings, store
from app.dashboard.live import live, steady
from app.dashboard.panels import board, decided, deciding, waiting
from app.dashboard.review import Review
from app.dashboard.wording import ago, plain
from core.store.views import ObservationDetail
from core.verdict import Quality
from inspection.flex import display

REFRESH_S = 4


def page() -> None:
    """Draw the page for the board in the address, or for the next one that waits."""
    person.ask("it is stored with every decision")
    chosen = links.asked_for("board")
    with st.sidebar:
        _queue(chosen)
    if chosen is None:
        first = waiting.after(-1)
        if first is None:
            _idle()
            return
        st.query_params["board"] = str(first)
        chosen = first
    deciding.last_submitted()
    _desk(chosen)


@live(REFRESH_S)
def _queue(chosen: int | None) -> None:
    waiting.draw(waiting.boards(), chosen)
    waiting.decided_lately()


@live(2)
def _idle() -> None:
    if waiting.after(-1) is not None:
        st.rerun()
    deciding.last_submitted()
    st.header("No board waits for you")
    st.markdown(f"{display.next_step(settings())}. It appears here within seconds.")


@steady
def _desk(chosen: int) -> None:
    if deciding.moved_on():
        return
    detail = store().observation(chosen)
    if detail is None or detail.view.system != display.SYSTEM:
        st.header("There is no such board")
        links.to(links.INSPECTION, "Go to the next board that waits", ":material/arrow_forward:")
        return
    _heading(detail)
    if detail.decisions and not deciding.is_reopened(chosen):
        _show_decided(detail)
    elif detail.view.quality is Quality.NULL:
        deciding.unjudged(detail)
        if "plain" in detail.evidence:
            board.draw(detail, (), deciding.current(detail), board.LIGHT)
        waiting.seen_before(detail.view)
    else:
        _decide(detail)


def _heading(detail: ObservationDetail) -> None:
    view = detail.view
    known = [display.subtitle(view.conditions), f"arrived {ago(view.processed_at, now())}"]
    under = " · ".join(plain(text) for text in [*known, str(view.conditions.get("file") or "")] if text)
    title = f"### {plain(display.name(view))}: {display.headline(detail).lower()}"
    with st.container(horizontal=True, horizontal_alignment="distribute", key="heading"):
        st.markdown(f"{title}\n:small[:gray[{under}]]", anchors=False, width="content")
        if detail.alarm_id is not None:
            links.to(links.ALARMS, "Alarm of this board", ":material/notifications:", alarm=detail.alarm_id)


def _decide(detail: ObservationDetail) -> None:
    spots = display.spots(detail)
    review = deciding.current(detail)
    left, right = st.columns([8, 5], gap="medium")
    with left:
        _picture(detail, review)
    with right, st.container(key="panel"):
        deciding.panel(detail, spots, review)


def _show_decided(detail: ObservationDetail) -> None:
    left, right = st.columns([8, 5], gap="medium")
    with left:
        _picture(detail, decided.as_review(detail))
    with right:
        decided.draw(detail)


def _picture(detail: ObservationDetail, review: Review) -> None:
    look = st.session_state.get("look", board.LIGHT) if "heat" in detail.evidence else board.LIGHT
    board.draw(detail, display.spots(detail), review, look)
    with st.container(horizontal=True, vertical_alignment="center"):
        if "heat" in detail.evidence:
            other = board.HEAT if look == board.LIGHT else board.LIGHT
            st.button(f"Show {other.lower()}", key="look_button", shortcut="H", on_click=_look_as, args=(other,))
        st.caption(display.expected_false_spots(detail))
    waiting.seen_before(detail.view)


def _look_as(look: str) -> None:
    st.session_state["look"] = look
