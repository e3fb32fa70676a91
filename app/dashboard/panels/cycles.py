"""Which cycle is shown, and what is the matter with it."""

from datetime import datetime, timedelta, tzinfo
from html import escape

from app.dashboard.panels import browsing
from app.dashboard.panels.browsing import BADGES, Way, is_pinned
from app.dashboard.wording import ago, clock_time
from core.store.views import ObservationDetail
from dqm.its import display

WAY = Way(
    display.SYSTEM, display.ASKS, "cycle", "The cycle before", "The cycle after", "Follow the newest cycle as it comes"
)


def heading(detail: ObservationDetail, latest: int, now: datetime, where: tzinfo) -> None:
    """Draw what is the matter, which cycle this is, and the way to others."""
    old = is_pinned(WAY) and detail.view.id != latest
    browsing.heading(WAY, detail, _title(detail, now, where, old=old))


def span(detail: ObservationDetail) -> tuple[datetime, datetime] | None:
    """Return from when to when the data were taken, None if it is not known."""
    length = detail.view.conditions.get("cycle_s")
    if not isinstance(length, int | float):
        return None
    return detail.view.observed_at - timedelta(seconds=float(length)), detail.view.observed_at


def _title(detail: ObservationDetail, now: datetime, where: tzinfo, *, old: bool) -> str:
    word, text = BADGES.get(detail.view.quality, ("", ""))
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
