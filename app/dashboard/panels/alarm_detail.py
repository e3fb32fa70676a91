"""One alarm: what it is, what to do, the evidence, its history, and what a person may do with it."""

import streamlit as st

from app.dashboard import links, person
from app.dashboard.access import displays, now, picture, store
from app.dashboard.panels.alarm_rows import name, severity_badge, standing, title, words
from app.dashboard.wording import CHANGE, QUALITY, ago, began, clock_time, plain, zone
from core.alarms.events import AlarmAction
from core.errors import ShiftwatchError
from core.store.views import AlarmDetail, AlarmView

REFRESH_S = 5
_NOTE = "alarm_note"


def draw(alarm_id: int) -> None:
    """Draw the alarm; its facts keep themselves up to date, the note being typed stays."""
    links.to(links.ALARMS, "All alarms", ":material/arrow_back:")
    detail = store().alarm(alarm_id)
    if detail is None:
        st.header("There is no such alarm")
        return
    left, right = st.columns([2, 3], gap="large")
    with left:
        _facts(alarm_id)
        _actions(detail.view)
        _history(alarm_id)
    with right:
        _evidence(detail.view)


@st.fragment(run_every=REFRESH_S)
def _facts(alarm_id: int) -> None:
    view = _fresh(alarm_id).view
    instant, where = now(), zone(st.context.timezone)
    st.html(severity_badge(view))
    st.markdown(f"### {name(view)}: {words(view)}", anchors=False)
    st.markdown(
        f"{title(view)} · since {clock_time(began(view), instant, where)} ({ago(began(view), instant)}) · "
        f"seen by: {standing(view, instant)}"
    )
    if view.is_open and (module := displays().get(view.system)):
        st.markdown(f"**What to do:** {plain(module.guidance(view))}")


def _actions(view: AlarmView) -> None:
    if not view.is_open:
        st.caption("This alarm is closed.")
        return
    st.text_input("Note (optional)", key=_NOTE, placeholder="What you saw or did", max_chars=500)
    nobody = not person.name()
    with st.container(horizontal=True):
        _action(view, AlarmAction.ACKNOWLEDGE, "I take care of it", "E", disabled=nobody or bool(view.acknowledged_by))
        _action(view, AlarmAction.CLEAR, "It is over", "O", disabled=nobody or view.recovered_at is not None)
        _action(view, AlarmAction.COMMENT, "Only add the note", "M", disabled=nobody)
    if nobody:
        st.caption("Type your name at the top first.")
    if problem := st.session_state.pop("alarm_problem", None):
        st.error(f"Not done: {plain(problem)}", icon=":material/error:")


def _action(view: AlarmView, action: AlarmAction, label: str, key: str, *, disabled: bool) -> None:
    first = action is AlarmAction.ACKNOWLEDGE
    st.button(
        label,
        key=f"{action}_{view.id}",
        shortcut=key,
        type="primary" if first else "secondary",
        disabled=disabled,
        on_click=_act,
        args=(view.id, action),
    )


def _act(alarm_id: int, action: AlarmAction) -> None:
    note = str(st.session_state.get(_NOTE, "")).strip()
    if action is AlarmAction.COMMENT and not note:
        st.session_state["alarm_problem"] = "there is no note to add"
        return
    try:
        store().act(alarm_id, action, person.name(), note, now())
    except ShiftwatchError as error:
        st.session_state["alarm_problem"] = str(error)
        return
    st.session_state[_NOTE] = ""


@st.fragment(run_every=REFRESH_S)
def _history(alarm_id: int) -> None:
    instant, where = now(), zone(st.context.timezone)
    st.markdown("**History**")
    for event in reversed(_fresh(alarm_id).events):
        who = f" by {plain(event.author)}" if event.author else ""
        note = f": {plain(event.note)}" if event.note and event.author else ""
        st.markdown(f"{clock_time(event.at, instant, where)} · {CHANGE[event.kind]}{who}{note}")


def _evidence(view: AlarmView) -> None:
    if view.observation_id is None:
        st.caption("This alarm is about the watch itself; there is no picture.")
        return
    if module := displays().get(view.system):
        links.to(module.PAGE, module.OPEN, ":material/search:", **{module.ASKS: view.observation_id})
    seen = store().observation(view.observation_id)
    if seen is None:
        return
    drawn = next(
        (known for known in ("board", "plain", "pull", "cascade", "occupancy", "thumbnail") if known in seen.evidence),
        None,
    )
    content = picture(seen.evidence[drawn]) if drawn else None
    if content is None:
        st.caption("No picture was drawn.")
    else:
        st.image(content, width="stretch", alt=f"Picture of {view.element}, judged {QUALITY[seen.view.quality]}")
    if seen.view.reason:
        reason = seen.view.reason.removeprefix(f"{seen.view.origin}: ")
        st.markdown(f"**Why it could not be judged:** {plain(reason)}")


def _fresh(alarm_id: int) -> AlarmDetail:
    detail = store().alarm(alarm_id)
    if detail is None:
        st.stop()
    return detail
