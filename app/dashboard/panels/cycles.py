"""Which cycle is shown: the newest, as it comes, or the one in the address; and the keys that lead to others."""

from datetime import datetime, timedelta, tzinfo
from html import escape

import streamlit as st

from app.dashboard import links
from app.dashboard.access import store
from app.dashboard.wording import ago, clock_time
from core.store.views import ObservationDetail
from core.verdict import Quality
from dqm.its import display

_BADGES = {
    Quality.BAD: ("MAJOR", "Alarm"),
    Quality.MEDIUM: ("MINOR", "Worth a look"),
    Quality.NULL: ("INVALID", "Not judged"),
}


def newest() -> int | None:
    """Return the id of the observation that arrived last, None if there is none."""
    found = store().observations(display.SYSTEM, 1)
    return found[0].id if found else None


def heading(detail: ObservationDetail, latest: int, now: datetime, where: tzinfo) -> None:
    """Draw what is the matter, which cycle this is, and the way to others."""
    pinned = links.asked_for(display.ASKS) is not None
    with st.container(horizontal=True, horizontal_alignment="distribute", key="its_heading"):
        st.html(_title(detail, now, where, old=pinned and detail.view.id != latest))
        with st.container(horizontal=True, width="content", key="its_keys", vertical_alignment="center"):
            _keys(detail, pinned=pinned)


def span(detail: ObservationDetail) -> tuple[datetime, datetime] | None:
    """Return from when to when the data were taken, None if it is not known."""
    length = detail.view.conditions.get("cycle_s")
    if not isinstance(length, int | float):
        return None
    return detail.view.observed_at - timedelta(seconds=float(length)), detail.view.observed_at


def _title(detail: ObservationDetail, now: datetime, where: tzinfo, *, old: bool) -> str:
    word, text = _BADGES.get(detail.view.quality, ("", ""))
    badge = f'<span class="severity {word}">{text}</span> ' if word else ""
    known = [escape(part) for part in display.subtitle(detail.view.conditions)] or [escape(display.name(detail.view))]
    if not display.is_barrel(detail):
        known.insert(0, escape(detail.view.element))
    taken = span(detail)
    if taken:
        length = (taken[1] - taken[0]).total_seconds()
        known.append(f"{length:.0f} s of data until {clock_time(taken[1], now, where)}")
    known.append(ago(detail.view.observed_at, now))
    if old:
        known.append("<b>not the latest</b>")
    return (
        f'<div class="its-title">{badge}<span>{escape(display.headline(detail))}</span></div>'
        f'<div class="its-under">{" · ".join(known)}</div>'
    )


def _keys(detail: ObservationDetail, *, pinned: bool) -> None:
    before, after = store().neighbours(detail.view.id)
    if detail.alarm_id is not None:
        links.to(links.ALARMS, "Alarm", ":material/notifications:", alarm=detail.alarm_id)
    for label, name, key, target, what in (
        ("◀", "cycle_before", "Left", before, "The cycle before"),
        ("▶", "cycle_after", "Right", after, "The cycle after"),
    ):
        st.button(label, key=name, shortcut=key, help=what, disabled=target is None, on_click=_show, args=(target,))
    help_latest = "Follow the newest cycle as it comes"
    st.button("Latest", key="cycle_latest", shortcut="L", help=help_latest, disabled=not pinned, on_click=_show)


def _show(target: int | None = None) -> None:
    if target is None:
        st.query_params.pop(display.ASKS, None)
    else:
        st.query_params[display.ASKS] = str(target)
