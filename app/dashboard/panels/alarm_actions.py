"""What a person may do with an alarm: take care of it, end it, remark, set it aside for a time and take it back."""

from datetime import timedelta

import streamlit as st

from app.dashboard import person
from app.dashboard.access import now
from app.dashboard.wording import plain
from core.alarms.events import AlarmAction
from core.desk import Deeds
from core.errors import ShiftwatchError
from core.store.views import AlarmView

_NOTE = "alarm_note"
_NOTE_LEFT = "alarm_note_left"
"""What was typed and could not be stored: its field is away with the database."""
_REASON = "shelf_reason"
_SPANS = {
    "30 minutes": timedelta(minutes=30),
    "2 hours": timedelta(hours=2),
    "8 hours": timedelta(hours=8),
    "24 hours": timedelta(hours=24),
    "3 days": timedelta(days=3),
    "7 days": timedelta(days=7),
}


def draw(view: AlarmView) -> None:
    """Draw the keys that act, or that there is nothing left to do."""
    if not view.is_open:
        st.caption("This alarm is closed.")
        return
    if left := st.session_state.pop(_NOTE_LEFT, None):
        st.session_state.setdefault(_NOTE, left)
    st.text_input("Note (optional)", key=_NOTE, placeholder="What you saw or did", max_chars=500)
    with st.container(horizontal=True, key="alarm_keys"):
        _action(view, AlarmAction.ACKNOWLEDGE, "I take care of it", "E", done=bool(view.acknowledged_by))
        _action(view, AlarmAction.CLEAR, "It is over", "O", done=view.recovered_at is not None)
        _action(view, AlarmAction.COMMENT, "Only add the note", "M", done=False)
        _shelf(view)
    if refused := person.why_not(Deeds.ACKNOWLEDGE):
        st.caption(refused)
    if problem := st.session_state.pop("alarm_problem", None):
        st.error(f"Not done: {plain(problem)}", icon=":material/error:")


def _action(view: AlarmView, action: AlarmAction, label: str, key: str, *, done: bool) -> None:
    first = action is AlarmAction.ACKNOWLEDGE
    st.button(
        label,
        key=f"{action}_{view.id}",
        shortcut=key,
        type="primary" if first else "secondary",
        disabled=done or not person.may(Deeds(action.value)),
        on_click=_act,
        args=(view.id, action),
    )


def _shelf(view: AlarmView) -> None:
    """Setting aside needs a time and a reason; what is set aside can be taken back before its time."""
    if view.is_shelved(now()):
        _action(view, AlarmAction.UNSHELVE, "Take it back", "B", done=False)
        return
    with st.popover("Set aside", disabled=not person.may(Deeds.SHELVE), help=person.why_not(Deeds.SHELVE) or None):
        st.selectbox("For how long", list(_SPANS), index=1, key="shelf_span")
        st.text_input("Why (everybody sees it)", key=_REASON, max_chars=500)
        st.button("Set it aside", key=f"shelve_{view.id}", type="primary", on_click=_shelve, args=(view.id,))


def _shelve(alarm_id: int) -> None:
    reason = str(st.session_state.get(_REASON, "")).strip()
    if not reason:
        st.session_state["alarm_problem"] = "setting an alarm aside needs a reason"
        return
    until = now() + _SPANS[str(st.session_state["shelf_span"])]
    try:
        person.desk().act(alarm_id, AlarmAction.SHELVE, reason, until)
    except ShiftwatchError as error:
        st.session_state["alarm_problem"] = str(error)
        return
    st.session_state[_REASON] = ""


def _act(alarm_id: int, action: AlarmAction) -> None:
    note = str(st.session_state.get(_NOTE, "")).strip()
    if action is AlarmAction.COMMENT and not note:
        st.session_state["alarm_problem"] = "there is no note to add"
        return
    try:
        person.desk().act(alarm_id, action, note)
    except ShiftwatchError as error:
        st.session_state["alarm_problem"] = str(error)
        st.session_state[_NOTE_LEFT] = note
        return
    st.session_state[_NOTE] = ""
