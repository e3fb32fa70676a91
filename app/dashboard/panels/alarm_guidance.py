"""What to do about an alarm: as an expert wrote it for its cause, else as the system's own guidance says."""

import streamlit as st

from app.dashboard import person
from app.dashboard.access import displays, now, store
from app.dashboard.wording import clock_time, plain, plural, zone
from core.alarms.guidance import topic
from core.desk import Deeds
from core.errors import ShiftwatchError
from core.signs import DISK
from core.space import TODO
from core.store.guidance_log import LONGEST, Guidance
from core.store.views import AlarmView, GuidanceView

_PROBLEM = "guidance_problem"


def topic_of(view: AlarmView) -> str:
    """Return what the guidance of an alarm is filed under."""
    return topic(view.cause, view.severity, of_watch=view.observation_id is None and not view.kind)


def written(view: AlarmView) -> GuidanceView | None:
    """Return the newest version that an expert wrote for the cause of an alarm, None if none did."""
    versions = store().guidance(view.system, topic_of(view))
    return versions[0] if versions else None


def own(view: AlarmView) -> str:
    """Return what the system's own guidance says."""
    module = displays().get(view.system)
    if module is None:
        return TODO if view.element == DISK else ""
    return str(module.guidance(view))


def summons(view: AlarmView) -> str:
    """Return what is wrong where and what to do, for across a room: an expert's text comes before the system's own."""
    module, said = displays().get(view.system), written(view)
    if said is None:
        return str(module.summons(view)) if module else f"{view.message}. {own(view)}"
    where = f"{module.alarm_name(view)}: {module.alarm_words(view)}" if module else view.message
    return f"{where}. {said.text} {said.contact}".strip()


def draw(view: AlarmView) -> None:
    """Draw what to do, whom to call, and who wrote it."""
    said = written(view)
    st.markdown(f"**What to do:** {plain(said.text if said else own(view))}")
    if said is None:
        return
    if said.contact:
        st.markdown(f"**Whom to call:** {plain(said.contact)}")
    when = clock_time(said.at, now(), zone(st.context.timezone))
    st.caption(f"Version {said.version} of {plain(said.author)}, {when}: {plain(said.reason)}")


def edit(view: AlarmView) -> None:
    """Draw the form in which an expert writes a new version, and the versions before."""
    name, versions = topic_of(view), store().guidance(view.system, topic_of(view))
    last = versions[0] if versions else None
    key = f"guidance_{view.system}_{name}_{last.version if last else 0}"
    with st.expander(f"What to do about “{plain(name)}” ({plural(len(versions), 'version')})"):
        if refused := person.why_not(Deeds.GUIDE):
            st.caption(f"Only experts write here. {refused}")
        else:
            _form(view, last, key)
        if problem := st.session_state.pop(_PROBLEM, None):
            st.error(f"Not stored: {plain(problem)}", icon=":material/error:")
        for version in versions:
            _version(version)


def _form(view: AlarmView, last: GuidanceView | None, key: str) -> None:
    text = last.text if last else own(view)
    st.text_area("What to do", value=text, key=f"{key}_text", max_chars=LONGEST, height=120)
    st.text_input("Whom to call", value=last.contact if last else "", key=f"{key}_contact", max_chars=200)
    st.toggle(
        "Somebody must act",
        value=last.needs_action if last else True,
        key=f"{key}_act",
        help="If not, alarms of this cause become notices: listed, but nobody is asked.",
    )
    st.number_input(
        "Minutes until somebody must have acknowledged it",
        min_value=1.0,
        max_value=1440.0,
        value=last.respond_min if last else None,
        step=1.0,
        key=f"{key}_respond",
        placeholder="as usual in this system",
    )
    st.text_input("Why you change it", key=f"{key}_reason", max_chars=200)
    st.button("Store as a new version", key=f"{key}_store", on_click=_store, args=(view.system, topic_of(view), key))


def _store(system: str, name: str, key: str) -> None:
    asked = {part: st.session_state.get(f"{key}_{part}") for part in ("text", "contact", "act", "respond", "reason")}
    minutes = asked["respond"]
    said = Guidance(
        str(asked["text"] or ""),
        str(asked["contact"] or ""),
        bool(asked["act"]),
        None if minutes is None else float(minutes),
    )
    try:
        person.desk().write_guidance(system, name, said, str(asked["reason"] or ""))
    except ShiftwatchError as error:
        st.session_state[_PROBLEM] = str(error)


def _version(version: GuidanceView) -> None:
    when = clock_time(version.at, now(), zone(st.context.timezone))
    needs = "" if version.needs_action else " (notice)"
    st.markdown(f"**{version.version}** · {when} · {plain(version.author)}: {plain(version.reason)}{needs}")
    st.markdown(f":small[{plain(version.text)}]")
