"""What the person at the desk says of a finding: stored with what was judged, for the expert and for later learning."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from app.dashboard import person
from app.dashboard.wording import plain
from core.desk import Deeds
from core.errors import ShiftwatchError
from core.store.views import FeedbackView, Judgement, ObservationDetail

_PROBLEM = "answer_problem"
_KEYS = (
    ("It is so", Judgement.RIGHT, "A", "Something is wrong there, and this is the cause"),
    ("False alarm", Judgement.FALSE_ALARM, "X", "Nothing is wrong there"),
    ("Known", Judgement.KNOWN, "Y", "It is so, and nobody needs to do anything"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about: a region of an observation (None: all of it), its proposed cause, and the other causes."""

    index: int | None
    cause: str | None
    others: Sequence[str]
    label: Callable[[str], str]


def draw(detail: ObservationDetail, asked: Question) -> None:
    """Draw the keys that answer, and what was answered of this region; before them, who is asked."""
    if not person.name():
        person.ask_in_line("to answer")
    else:
        with st.container(horizontal=True, key="answers"):
            _keys(detail, asked)
        if refused := person.why_not(Deeds.JUDGE):
            st.caption(refused)
    said = [word for word in detail.feedback if word.region_index == asked.index]
    if said:
        st.caption(_told(said[-1], asked))
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(f"Not stored: {plain(problem)}", icon=":material/error:")


def _keys(detail: ObservationDetail, asked: Question) -> None:
    for label, judgement, key, what in _KEYS:
        given = (detail, asked, judgement)
        st.button(
            label,
            key=f"answer_{judgement}",
            shortcut=key,
            help=what,
            on_click=_say,
            args=given,
            disabled=not person.may(Deeds.JUDGE),
        )
    with st.popover("Other"):
        st.selectbox(
            "It is something else",
            [cause for cause in asked.others if cause != asked.cause],
            index=None,
            format_func=asked.label,
            placeholder="Choose the cause",
            key=f"answer_cause_{asked.index}",
            disabled=not person.may(Deeds.JUDGE),
            on_change=_say_other,
            args=(detail, asked),
        )


def _told(word: FeedbackView, asked: Question) -> str:
    said = {judgement: label.lower() for label, judgement, _, _ in _KEYS}
    what = said.get(word.judgement) or f"another cause: {asked.label(word.cause or '')}"
    return f"{plain(word.author)} said: {what}."


def _say_other(detail: ObservationDetail, asked: Question) -> None:
    cause = st.session_state.get(f"answer_cause_{asked.index}")
    if cause is not None:
        _say(detail, asked, Judgement.WRONG_CAUSE, str(cause))


def _say(detail: ObservationDetail, asked: Question, judgement: Judgement, cause: str | None = None) -> None:
    named = cause or (None if judgement is Judgement.FALSE_ALARM else asked.cause)
    try:
        person.desk().say(detail.view.id, judgement, asked.index, named)
    except ShiftwatchError as error:
        st.session_state[_PROBLEM] = str(error)
