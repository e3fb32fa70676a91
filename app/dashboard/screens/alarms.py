"""Alarms: what is wrong, where, since when, who has seen it; one alarm with its history and evidence."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from html import escape

import streamlit as st

from app.dashboard import links, person
from app.dashboard.access import displays, now, settings, store
from app.dashboard.alarm_groups import Flood, Shelf, flood, shelf_of
from app.dashboard.live import listen, live
from app.dashboard.panels import alarm_detail, alarm_rows
from app.dashboard.wording import clock_time, plain, plural, zone
from core.store.views import AlarmView

REFRESH_S = 10
LONGEST = 500
PAGE = 50
_VIEW, _SYSTEM = "alarm_view", "alarm_system"
_NAMES = {
    Shelf.OPEN: "Need somebody",
    Shelf.SHELVED: "Set aside",
    Shelf.HELD: "Held back",
    Shelf.NOTICES: "Notices",
    Shelf.CLOSED: "Closed",
}
_STANDING = {Shelf.SHELVED: "Set aside by whom, until when, why", Shelf.HELD: "Why nobody is asked"}
_NOTHING = {
    Shelf.OPEN: (
        "No alarm is open",
        "A bad board, a silent scanner or a watch that fails raises one; it appears here by itself.",
    ),
    Shelf.SHELVED: (
        "Nothing is set aside",
        "An expert sets an alarm aside for a time and a reason; it is listed here and returns by itself.",
    ),
    Shelf.HELD: (
        "Nothing is held back",
        "Without beam, or while a source is silent, some alarms need nobody; they wait here with the reason.",
    ),
    Shelf.NOTICES: ("There is no notice", "What needs no action by the guidance of its cause is listed here, quietly."),
    Shelf.CLOSED: ("No alarm was closed yet", "Alarms that are over and were acknowledged end here."),
}


def page() -> None:
    """Draw the one alarm in the address, or the list."""
    links.keep_address()
    chosen = links.asked_for("alarm")
    if chosen is None:
        listen()
        _list()
        return
    person.ask("it is stored with what you do")
    alarm_detail.draw(chosen)


@live(REFRESH_S)
def _list() -> None:
    instant = now()
    found = store().alarms(limit=LONGEST)
    view, system = _choose(found, instant)
    if view is Shelf.CLOSED:
        _closed(system, instant)
        return
    shown = [alarm for alarm in found if shelf_of(alarm, instant) is view and system in {None, alarm.system}]
    if view is Shelf.OPEN:
        _undelivered()
        if much := flood(shown, instant):
            _flood(much, instant)
    if not shown:
        _nothing(view)
        return
    alarm_rows.draw(shown, instant, _STANDING.get(view, "Seen by"))
    if len(found) == LONGEST:
        st.caption(f"The newest {LONGEST} open alarms were looked at; there are more.")


def _choose(found: Sequence[AlarmView], instant: datetime) -> tuple[Shelf, str | None]:
    """The view and the system in the address, with what changes them."""
    counts, known = Counter(shelf_of(alarm, instant) for alarm in found), displays()
    view, system = st.query_params.get("view"), st.query_params.get("system")
    st.session_state[_VIEW] = view if view in set(Shelf) else Shelf.OPEN.value
    st.session_state[_SYSTEM] = system if system in known else None
    with st.container(horizontal=True, vertical_alignment="center", key="alarm_views"):
        st.segmented_control(
            "View",
            [shelf.value for shelf in Shelf],
            key=_VIEW,
            required=True,
            format_func=lambda name: _label(Shelf(name), counts),
            on_change=_go,
            label_visibility="collapsed",
        )
        st.selectbox(
            "System",
            list(known),
            index=None,
            key=_SYSTEM,
            format_func=lambda name: str(known[name].TITLE),
            on_change=_go,
            placeholder="All systems",
            label_visibility="collapsed",
            width=200,
        )
    return Shelf(st.session_state[_VIEW]), st.session_state[_SYSTEM]


def _go() -> None:
    """Put what was chosen into the address, which is what the page goes by."""
    chosen = {"view": st.session_state[_VIEW], "system": st.session_state[_SYSTEM]}
    st.query_params.from_dict({name: value for name, value in chosen.items() if value})


def _label(shelf: Shelf, counts: Counter[Shelf]) -> str:
    return _NAMES[shelf] if shelf is Shelf.CLOSED else f"{_NAMES[shelf]} ({counts[shelf]})"


def _nothing(view: Shelf) -> None:
    head, what = _NOTHING[view]
    st.header(head, anchor=False)
    st.markdown(what)


def _undelivered() -> None:
    """Say which notifications do not get through: who is asked elsewhere may not know."""
    instant = now()
    for state in store().channels(list(settings().notify.channels)):
        if state.failing_since is not None:
            since = clock_time(state.failing_since, instant, zone(st.context.timezone))
            st.warning(
                f"Notifications to “{plain(state.channel)}” do not get through since {since}: {plain(state.error)}",
                icon=":material/notifications_off:",
            )


def _flood(much: Flood, instant: datetime) -> None:
    """Many alarms at once are told in a line: which, and which came first, for that is most often the cause."""
    titles = {name: str(module.TITLE) for name, module in displays().items()}
    parts = "; ".join(
        f"{titles.get(system, system)}{', ' if cause else ''}{cause}: {count}"
        for system, cause, count in much.parts[:4]
    )
    since = clock_time(much.first.began_at, instant, zone(st.context.timezone))
    first = f"The first began at {since}: {alarm_text(much.first)}."
    text = f"<b>Flood: {plural(much.count, 'alarm')} in ten minutes.</b> {escape(parts)}. {escape(first)}"
    st.html(f'<div class="urgent notice" role="alert">{text}</div>')
    links.to(links.ALARMS, "Go to the first one", ":material/arrow_forward:", alarm=much.first.id)


def alarm_text(alarm: AlarmView) -> str:
    """Return what an alarm says, as plain text (not for Markdown)."""
    module = displays().get(alarm.system)
    if module is None:
        return f"{alarm.element}, {alarm.message}"
    return f"{module.alarm_name(alarm)}, {module.alarm_words(alarm)}"


def _closed(system: str | None, instant: datetime) -> None:
    before = links.asked_for("before")
    shown = store().alarms(open_only=False, system=system, limit=PAGE, before_id=before, closed_only=True)
    if not shown:
        _nothing(Shelf.CLOSED)
        return
    alarm_rows.draw(shown, instant)
    if len(shown) == PAGE:
        links.to(links.ALARMS, "Older ones", ":material/arrow_forward:", view=Shelf.CLOSED, before=shown[-1].id)
