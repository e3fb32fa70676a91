"""One alarm: what it is, what to do, the evidence, its history, and alarms like it."""

import streamlit as st

from app.dashboard import links
from app.dashboard.access import displays, now, picture, store
from app.dashboard.live import live
from app.dashboard.panels import alarm_actions, alarm_answers, alarm_connected, alarm_guidance, alarm_past
from app.dashboard.panels.alarm_rows import name, severity_badge, standing, title, words
from app.dashboard.wording import CHANGE, QUALITY, ago, clock_time, plain, zone
from core.alarms.events import ChangeKind
from core.store.views import AlarmChange, AlarmDetail, AlarmView

REFRESH_S = 10
_TOLD = frozenset({ChangeKind.INHIBITED, ChangeKind.OVERDUE})
"""Changes by the machine whose note says why."""
_PICTURES = ("board", "plain", "pull", "cascade", "occupancy", "thumbnail")
"""Shown of an observation where its system does not say which picture an alarm is about."""


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
        beside = st.container()
        alarm_actions.draw(detail.view)
        alarm_answers.draw(detail.view)
        _history(alarm_id)
        alarm_guidance.edit(detail.view)
    with right:
        _evidence(detail.view)
        alarm_past.draw(detail.view)
    with beside:  # last, since the past that it is compared with may have to be read first
        alarm_connected.draw(detail.view)


@live(REFRESH_S)
def _facts(alarm_id: int) -> None:
    view = _fresh(alarm_id).view
    instant, where = now(), zone(st.context.timezone)
    st.html(severity_badge(view))
    st.markdown(f"### {name(view)}: {words(view)}", anchors=False)
    st.markdown(
        f"{title(view)} · since {clock_time(view.began_at, instant, where)} ({ago(view.began_at, instant)}) · "
        f"seen by: {standing(view, instant)}"
    )
    if view.is_open:
        alarm_guidance.draw(view)


@live(REFRESH_S)
def _history(alarm_id: int) -> None:
    st.markdown("**History**")
    with st.container(key="alarm_history"):
        for event in reversed(_fresh(alarm_id).events):
            st.markdown(_line(event))


def _line(event: AlarmChange) -> str:
    instant, where = now(), zone(st.context.timezone)
    who = f" by {plain(event.author)}" if event.author else ""
    until = f" until {clock_time(event.until, instant, where)}" if event.until else ""
    note = f": {plain(event.note)}" if event.note and (event.author or event.kind in _TOLD) else ""
    return f"{clock_time(event.at, instant, where)} · {CHANGE[event.kind]}{who}{until}{note}"


def _evidence(view: AlarmView) -> None:
    if view.observation_id is None:
        st.caption("This alarm is about the watch itself; there is no picture.")
        return
    if module := displays().get(view.system):
        links.to(module.PAGE, module.OPEN, ":material/search:", **{module.ASKS: view.observation_id})
    seen = store().observation(view.observation_id)
    if seen is None:
        return
    own = getattr(module, "alarm_picture", None)
    drawn = own(view, seen.evidence) if own else next((one for one in _PICTURES if one in seen.evidence), None)
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
