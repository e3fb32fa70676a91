"""Which loss map is shown, what is the matter with it, and the list of others."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from html import escape

import streamlit as st

from accelerator.collimation import display
from accelerator.collimation.diagnosis import Answer, Diagnosis
from app.dashboard import links
from app.dashboard.access import picture, store
from app.dashboard.panels import browsing
from app.dashboard.panels.browsing import BADGES, Way, is_pinned
from app.dashboard.wording import QUALITY, ago, clock_time, plain, shortened
from core.store.views import ObservationDetail, ObservationView
from core.verdict import Quality

WAY = Way(
    display.SYSTEM,
    display.ASKS,
    "map",
    "The one before, of this beam and plane",
    "The one after, of this beam and plane",
    "Follow the newest losses as they come",
)
_LISTED, _LOOKED_THROUGH = 5, 60


def diagnosis(detail: ObservationDetail) -> Diagnosis | None:
    """Return what the detector found out, None if it is not there or damaged."""
    digest = detail.evidence.get("diagnosis")
    content = picture(digest) if digest else None
    return None if content is None else display.read(content)


def heading(detail: ObservationDetail, found: Diagnosis | None, latest: int, now: datetime, where: tzinfo) -> None:
    """Draw what is the matter, which map this is, and the way to others."""
    old = is_pinned(WAY) and detail.view.id != latest
    browsing.heading(WAY, detail, _title(detail, found, now, where, old=old))


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
    word, text = BADGES.get(view.quality, ("", ""))
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
