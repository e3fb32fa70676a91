"""Which loss map is shown: the newest, as it comes, or the one in the address; the way to others, and their list."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from html import escape

import streamlit as st

from accelerator.collimation import display
from accelerator.collimation.diagnosis import Answer, Diagnosis
from app.dashboard import links
from app.dashboard.access import picture, store
from app.dashboard.wording import QUALITY, ago, clock_time, plain, shortened
from core.store.views import ObservationDetail, ObservationView
from core.verdict import Quality

_BADGES = {
    Quality.BAD: ("MAJOR", "Alarm"),
    Quality.MEDIUM: ("MINOR", "Worth a look"),
    Quality.NULL: ("INVALID", "Not judged"),
}
_LISTED, _LOOKED_THROUGH = 5, 60


def newest() -> int | None:
    """Return the id of the observation that arrived last, None if there is none."""
    found = store().observations(display.SYSTEM, 1)
    return found[0].id if found else None


def diagnosis(detail: ObservationDetail) -> Diagnosis | None:
    """Return what the detector found out, None if it is not there or damaged."""
    digest = detail.evidence.get("diagnosis")
    content = picture(digest) if digest else None
    return None if content is None else display.read(content)


def heading(detail: ObservationDetail, found: Diagnosis | None, latest: int, now: datetime, where: tzinfo) -> None:
    """Draw what is the matter, which map this is, and the way to others."""
    pinned = links.asked_for(display.ASKS) is not None
    with st.container(horizontal=True, horizontal_alignment="distribute", key="its_heading"):
        st.html(_title(detail, found, now, where, old=pinned and detail.view.id != latest))
        with st.container(horizontal=True, width="content", key="its_keys", vertical_alignment="center"):
            _keys(detail, pinned=pinned)


def lately(shown: int, now: datetime, where: tzinfo) -> None:
    """Draw the newest maps, and of the stream its newest piece; each is an address."""
    entries = _worth_listing(store().observations(display.SYSTEM, _LOOKED_THROUGH), shown)
    if not entries:
        return
    st.html('<div class="conditions"><b>Other maps</b></div>')
    with st.container(key="coll_list"):
        for view in entries:
            name = f"{clock_time(display.when(view), now, where)} {shortened(display.full_name(view), 30)}"
            links.to(links.COLLIMATION, f"{plain(name)}{_colour(view)}", None, **{display.ASKS: view.id})


def _worth_listing(views: Sequence[ObservationView], shown: int) -> list[ObservationView]:
    stream = [view for view in views if display.is_stream(view)][:1]
    chosen = [view for view in views if not display.is_stream(view)] + stream
    others = [view for view in chosen if view.id != shown]
    return sorted(others, key=display.when, reverse=True)[:_LISTED]


def _colour(view: ObservationView) -> str:
    colour = {Quality.BAD: "red", Quality.MEDIUM: "orange", Quality.NULL: "violet"}.get(view.quality, "gray")
    return f" :{colour}[{QUALITY[view.quality]}]"


def _title(detail: ObservationDetail, found: Diagnosis | None, now: datetime, where: tzinfo, *, old: bool) -> str:
    view = detail.view
    word, text = _BADGES.get(view.quality, ("", ""))
    if found is not None and found.answer is Answer.CANNOT_TELL:
        word, text = "over", "No answer"
    badge = f'<span class="severity {word}">{text}</span> ' if word else ""
    known = [escape(part) for part in display.subtitle(view, found)] or [escape(display.name(view))]
    known += [clock_time(view.observed_at, now, where), ago(view.observed_at, now)]
    if old:
        known.append("<b>not the latest</b>")
    return (
        f'<div class="its-title">{badge}<span>{escape(display.headline(detail, found))}</span></div>'
        f'<div class="its-under">{" · ".join(known)}</div>'
    )


def _keys(detail: ObservationDetail, *, pinned: bool) -> None:
    before, after = store().neighbours(detail.view.id)
    if detail.alarm_id is not None:
        links.to(links.ALARMS, "Alarm", ":material/notifications:", alarm=detail.alarm_id)
    for label, name, key, target, what in (
        ("◀", "map_before", "Left", before, "The one before, of this beam and plane"),
        ("▶", "map_after", "Right", after, "The one after, of this beam and plane"),
    ):
        st.button(label, key=name, shortcut=key, help=what, disabled=target is None, on_click=_show, args=(target,))
    help_latest = "Follow the newest losses as they come"
    st.button("Latest", key="map_latest", shortcut="L", help=help_latest, disabled=not pinned, on_click=_show)


def _show(target: int | None = None) -> None:
    if target is None:
        st.query_params.pop(display.ASKS, None)
    else:
        st.query_params[display.ASKS] = str(target)
