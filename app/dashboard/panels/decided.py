"""A board that was decided: what was said, by whom, and the record that came of it."""

import streamlit as st

from app.dashboard.access import now
from app.dashboard.panels.spot import said
from app.dashboard.review import Review
from app.dashboard.wording import DISPOSITION, ago, plain
from core.store.views import FeedbackView, ObservationDetail, RegionDecision
from inspection.flex import display

REOPENED = "reopened"


def draw(detail: ObservationDetail) -> None:
    """Draw the newest decision, its answers, its record and the way to decide again."""
    last = detail.decisions[-1]
    st.markdown(f"**{DISPOSITION[last.disposition].capitalize()}** by {plain(last.author)}, {ago(last.at, now())}")
    answers = as_review(detail).answers
    for place in display.spots(detail):
        st.markdown(f"{place.number}. {said(answers.get(place.index))}")
    if len(detail.decisions) > 1:
        st.caption(f"Decided {len(detail.decisions)} times; this is the newest.")
    with st.container(horizontal=True):
        download(detail, "record")
        st.button("Decide again", key="reopen", icon=":material/edit:", on_click=_reopen, args=(detail.view.id,))
    if detail.records:
        with st.expander("The record as it goes to the production database"):
            st.json(dict(detail.records[-1].content), expanded=True)


def download(detail: ObservationDetail, key: str) -> None:
    """Draw the button that downloads the newest record, if there is one."""
    if detail.records:
        st.download_button(
            "Download the record",
            display.record_file(detail.records[-1].content),
            file_name=display.record_name(detail),
            mime="application/json",
            icon=":material/download:",
            key=key,
            on_click="ignore",
        )


def as_review(detail: ObservationDetail) -> Review:
    """Return the newest decision in the form of a review, for drawing."""
    causes = tuple(place.cause for place in display.spots(detail))
    newest = detail.decisions[-1].id if detail.decisions else None
    said_of_places = [word for word in detail.feedback if word.decision_id == newest and word.region_index is not None]
    answers = {index: _as_decision(word, index) for word in said_of_places if (index := word.region_index) is not None}
    return Review(detail.view.id, causes, cursor=-1, answers=answers)


def _as_decision(word: FeedbackView, index: int) -> RegionDecision:
    return RegionDecision(index, word.judgement, word.cause, word.comment)


def _reopen(board: int) -> None:
    st.session_state.setdefault(REOPENED, set()).add(board)
