"""The way through a system's observations: the newest, as it comes, or the one in the address; keys lead to others."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TypeAlias

import streamlit as st

from app.dashboard import links
from app.dashboard.access import now, store
from app.dashboard.wording import zone
from core.store.views import ObservationDetail
from core.verdict import Quality

BADGES = {
    Quality.BAD: ("MAJOR", "Alarm"),
    Quality.MEDIUM: ("MINOR", "Worth a look"),
    Quality.NULL: ("INVALID", "Not judged"),
}
"""Look and word of the badge before a title; what is good has none."""


Desk: TypeAlias = Callable[[ObservationDetail, int, datetime, tzinfo], None]
"""Draws an observation; told the newest one's id, the time, and the zone in which people read it."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a system's page is gone through.

    ``asks`` is the name under which the address holds an observation's id, ``name`` begins the keys of the buttons;
    the rest is said when the pointer rests on them.
    """

    system: str
    asks: str
    name: str
    before: str
    after: str
    latest: str


def live(system: str, asks: str, what: str, page: str, idle: Callable[[], None], desk: Desk) -> None:
    """Draw the observation in the address, or the newest one: with ``desk``, or with ``idle`` while there is none.

    ``what`` is what people call one, ``page`` where the latest is shown.
    """
    latest, asked = newest(system), links.asked_for(asks)
    if latest is None and asked is None:
        idle()
        return
    wanted = asked if asked is not None else latest
    detail = store().observation(wanted) if wanted is not None else None
    if detail is None or detail.view.system != system:
        st.header(f"There is no such {what}")
        links.to(page, "Go to the latest one", ":material/arrow_forward:")
        return
    desk(detail, latest or detail.view.id, now(), zone(st.context.timezone))


def newest(system: str) -> int | None:
    """Return the id of the observation that arrived last, None if there is none."""
    found = store().observations(system, 1)
    return found[0].id if found else None


def is_pinned(way: Way) -> bool:
    """Whether the address holds an observation, so that the newest is not followed."""
    return links.asked_for(way.asks) is not None


AFTERWARDS = "Judged afterwards, when the past was gone through (shiftwatch backfill): nobody was alarmed."


def heading(way: Way, detail: ObservationDetail, title: str) -> None:
    """Draw the title and, beside it, the way to the alarm, to the ones before and after, and to the newest."""
    with st.container(horizontal=True, horizontal_alignment="distribute", key="its_heading"):
        st.html(title)
        with st.container(horizontal=True, width="content", key="its_keys", vertical_alignment="center"):
            _keys(way, detail)
    if detail.view.is_backfill:
        st.html(f'<div class="its-under">{AFTERWARDS}</div>')


def _keys(way: Way, detail: ObservationDetail) -> None:
    before, after = store().neighbours(detail.view.id)
    if detail.alarm_id is not None:
        links.to(links.ALARMS, "Alarm", ":material/notifications:", alarm=detail.alarm_id)
    for label, name, key, target, what in (
        ("◀", f"{way.name}_before", "Left", before, way.before),
        ("▶", f"{way.name}_after", "Right", after, way.after),
    ):
        st.button(
            label, key=name, shortcut=key, help=what, disabled=target is None, on_click=_show, args=(way.asks, target)
        )
    st.button(
        "Latest",
        key=f"{way.name}_latest",
        shortcut="L",
        help=way.latest,
        disabled=not is_pinned(way),
        on_click=_show,
        args=(way.asks,),
    )


def _show(asks: str, target: int | None = None) -> None:
    if target is None:
        st.query_params.pop(asks, None)
    else:
        st.query_params[asks] = str(target)
