"""What the person at the desk says of an incident: stored with the cycle, for the expert and for later learning."""

import streamlit as st

from app.dashboard import person
from app.dashboard.access import now, store
from app.dashboard.wording import plain
from core.errors import ShiftwatchError
from core.store.views import FeedbackView, Judgement, ObservationDetail
from dqm.its.display import Incident
from dqm.its.display_words import CAUSES, cause_label

_PROBLEM = "its_problem"
_KEYS = (
    ("It is so", Judgement.RIGHT, "A", "Something is wrong there, and this is the cause"),
    ("False alarm", Judgement.FALSE_ALARM, "X", "Nothing is wrong there"),
    ("Known", Judgement.KNOWN, "Y", "It is so, and nobody needs to do anything"),
)


def draw(detail: ObservationDetail, one: Incident) -> None:
    """Draw the keys that answer, and what was answered of this cycle; before them, who is asked."""
    if not person.name():
        person.ask_in_line("to answer")
    else:
        with st.container(horizontal=True, key="answers"):
            _keys(detail, one)
    said = [word for word in detail.feedback if word.region_index == one.index]
    if said:
        st.caption(_told(said[-1]))
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(f"Not stored: {plain(problem)}", icon=":material/error:")


def _keys(detail: ObservationDetail, one: Incident) -> None:
    for label, judgement, key, what in _KEYS:
        given = (detail, one, judgement)
        st.button(label, key=f"answer_{judgement}", shortcut=key, help=what, on_click=_say, args=given)
    with st.popover("Other"):
        st.selectbox(
            "It is something else",
            [cause for cause in CAUSES if cause != one.cause],
            index=None,
            format_func=cause_label,
            placeholder="Choose the cause",
            key=f"answer_cause_{one.index}",
            on_change=_say_other,
            args=(detail, one),
        )


def _told(word: FeedbackView) -> str:
    said = {judgement: label.lower() for label, judgement, _, _ in _KEYS}
    what = said.get(word.judgement) or f"another cause, {cause_label(word.cause).lower()}"
    return f"{plain(word.author)} said: {what}."


def _say_other(detail: ObservationDetail, one: Incident) -> None:
    cause = st.session_state.get(f"answer_cause_{one.index}")
    if cause is not None:
        _say(detail, one, Judgement.WRONG_CAUSE, str(cause))


def _say(detail: ObservationDetail, one: Incident, judgement: Judgement, cause: str | None = None) -> None:
    named = cause or (None if judgement is Judgement.FALSE_ALARM else one.cause)
    try:
        store().add_feedback(detail.view.id, person.name(), now(), judgement, one.index, named)
    except ShiftwatchError as error:
        st.session_state[_PROBLEM] = str(error)
