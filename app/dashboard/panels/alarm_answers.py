"""What the person at the desk says of an alarm, by one key: it counts in the precision, and exempts at once."""

import streamlit as st

from app.dashboard import person
from app.dashboard.access import now, settings, store
from app.dashboard.wording import clock_time, plain, zone
from app.displays import causes
from core.answering import Said, answer
from core.desk import Deeds
from core.errors import ShiftwatchError
from core.store.answers import on_alarm
from core.store.views import AlarmView, Judgement

_PROBLEM, _DONE, _COMMENT = "answer_problem", "answer_done", "alarm_note"
_KEYS = (
    ("It is so", Judgement.RIGHT, "A", "Something is wrong there, and this is the cause"),
    ("False alarm", Judgement.FALSE_ALARM, "X", "Nothing is wrong: closes it and sets it aside for this shift"),
    ("Known", Judgement.KNOWN, "Y", "It is so and nobody needs to act: sets it aside for this shift"),
)
_WORDS = {
    Judgement.RIGHT: "it is so",
    Judgement.FALSE_ALARM: "false alarm",
    Judgement.KNOWN: "known",
    Judgement.WRONG_CAUSE: "another cause",
}


def draw(alarm: AlarmView) -> None:
    """Draw the keys that answer, and what was answered so far."""
    if alarm.observation_id is None:
        return
    st.markdown("**Was it right?** The answer teaches the detector's experts and counts in its precision.")
    with st.container(horizontal=True, key="answers"):
        for label, judgement, key, what in _KEYS:
            st.button(
                label,
                key=f"alarm_answer_{judgement}",
                shortcut=key,
                help=what,
                disabled=not person.may(Deeds.JUDGE),
                on_click=_say,
                args=(alarm, judgement),
            )
        _other(alarm)
    if said := on_alarm(store().database, alarm.id):
        st.caption(_told(alarm, *said[:3]))
    if done := st.session_state.pop(_DONE, None):
        st.caption(done)
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(f"Not stored: {plain(problem)}", icon=":material/error:")


def _other(alarm: AlarmView) -> None:
    known = causes(alarm.system)
    if not known:
        return
    with st.popover("Other", disabled=not person.may(Deeds.JUDGE)):
        st.selectbox(
            "It is something else",
            [name for name in known if name != alarm.cause],
            index=None,
            format_func=lambda name: known.get(name, name),
            placeholder="Choose the cause",
            key=f"alarm_cause_{alarm.id}",
            on_change=_say_other,
            args=(alarm,),
        )


def _told(alarm: AlarmView, judgement: Judgement, cause: str | None, author: str) -> str:
    named = f": {causes(alarm.system).get(cause or '', cause or '')}" if judgement is Judgement.WRONG_CAUSE else ""
    return f"{plain(author)} said: {_WORDS[judgement]}{plain(named)}."


def _say_other(alarm: AlarmView) -> None:
    cause = st.session_state.get(f"alarm_cause_{alarm.id}")
    if cause is not None:
        _say(alarm, Judgement.WRONG_CAUSE, str(cause))


def _say(alarm: AlarmView, judgement: Judgement, cause: str | None = None) -> None:
    ends = settings().shifts.plan.at(now()).ends
    note = str(st.session_state.get(_COMMENT, "")).strip()
    try:
        done = answer(person.desk(), alarm, Said(judgement, cause, note), ends)
    except ShiftwatchError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    st.session_state[_COMMENT] = ""
    if "set aside" in done:
        until = clock_time(ends, now(), zone(st.context.timezone))
        st.session_state[_DONE] = f"It does not ask again before {until}, when the shift ends."
