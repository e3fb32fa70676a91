"""Which shot is shown, what is the matter with it, and the table of those before it, to take home."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from html import escape

import streamlit as st

from accelerator.schlieren import display, table
from accelerator.schlieren.display_words import cause_label, value_of
from accelerator.schlieren.result import EVIDENCE, ShotResult
from app.dashboard import links
from app.dashboard.access import picture, settings, store
from app.dashboard.panels import browsing
from app.dashboard.panels.browsing import BADGES, Way, is_pinned
from app.dashboard.wording import age, ago, clock_time
from core.store.course import CoursePoint
from core.store.views import ObservationDetail
from core.verdict import Quality

WAY = Way(
    display.SYSTEM, display.ASKS, "shot", "The shot before", "The shot after", "Follow the newest shot as it comes"
)
SHIFT = timedelta(hours=8)
_MOST, _LISTED = 5000, 10
_COLUMNS = {
    "position_um": "Position µm",
    "core_radius_um": "r0 µm",
    "peak_ionisation": "P",
    "transition_width_um": "t0 µm",
    "tilt_mrad": "Tilt mrad",
}


def result(detail: ObservationDetail) -> ShotResult | None:
    """Return what was found out about a shot, None if it is not there or damaged."""
    digest = detail.evidence.get(EVIDENCE)
    content = picture(digest) if digest else None
    return None if content is None else display.read(content)


def of_shift(detail: ObservationDetail, latest: int) -> list[CoursePoint]:
    """Return the shots of the eight hours up to this one, oldest first, itself included; read anew with ``latest``."""
    return _course(_element(detail), detail.view.observed_at, latest)


def last_judged(points: Sequence[CoursePoint]) -> None:
    """Lead from a file that could not be read to the shot before it."""
    if points:
        links.to(links.PLASMA, "Go to the last shot that was read", ":material/arrow_back:", shot=points[-1].id)


def _element(detail: ObservationDetail) -> str:
    """The camera whose shots are shown; a file that could not be read is taken for one of the usual camera."""
    element = detail.view.element
    return settings().schlieren.camera.split("/")[0] if element == display.UNREADABLE else element


@st.cache_resource(show_spinner=False, max_entries=16, ttl=timedelta(minutes=2))
def _course(element: str, until: datetime, latest: int) -> list[CoursePoint]:  # noqa: ARG001 part of the key
    return store().course(display.SYSTEM, element, until - SHIFT, until, limit=_MOST)


def heading(
    detail: ObservationDetail,
    found: ShotResult | None,
    latest: int,
    points: Sequence[CoursePoint],
    now: datetime,
    where: tzinfo,
) -> None:
    """Draw what is the matter, which shot this is, whether shots still come, and the way to others."""
    old = is_pinned(WAY) and detail.view.id != latest
    browsing.heading(WAY, detail, _title(detail, found, now, where, old=old))
    if not old and (silence := _silence([point.observed_at for point in points], now)):
        st.html(silence)


def _silence(times: Sequence[datetime], now: datetime) -> str:
    if not times or not display.is_silent(times, now):
        return ""
    period = age(times[-1] - timedelta(seconds=display.usual_period_s(times) or 0), times[-1])
    text = (
        f"No shot for {age(times[-1], now)}; before, one came every {period}. "
        "Either the run has ended, or event files no longer reach the watched folder."
    )
    return f'<div class="its-under silence">{escape(text)}</div>'


def _title(detail: ObservationDetail, found: ShotResult | None, now: datetime, where: tzinfo, *, old: bool) -> str:
    view = detail.view
    word, text = BADGES.get(view.quality, ("", ""))
    if view.quality is Quality.BAD:
        text = "Bad shot"
    badge = f'<span class="severity {word}">{text}</span> ' if word else ""
    known = [escape(part) for part in display.subtitle(view)] or [escape(display.name(view))]
    known += [clock_time(view.observed_at, now, where), ago(view.observed_at, now)]
    if old:
        known.append("<b>not the latest</b>")
    return (
        f'<div class="its-title">{badge}<span>{escape(display.headline(detail, found))}</span></div>'
        f'<div class="its-under">{" · ".join(known)}</div>'
    )


def listed(points: Sequence[CoursePoint], shown: int, now: datetime, where: tzinfo) -> None:
    """Draw the shots up to the one shown as a table."""
    heads = "".join(f"<th>{name}</th>" for name in ("Time", "Shot", "Verdict", *_COLUMNS.values()))
    body = "".join(_row(point, now, where, now_shown=point.id == shown) for point in reversed(points[-_LISTED:]))
    st.html(f'<div class="conditions"><b>Shots</b></div><table class="shots"><tr>{heads}</tr>{body}</table>')


def _row(point: CoursePoint, now: datetime, where: tzinfo, *, now_shown: bool) -> str:
    look = {Quality.BAD: "bad", Quality.MEDIUM: "medium", Quality.NULL: "null"}.get(point.quality, "")
    verdict = "good" if point.quality is Quality.GOOD else cause_label(point.cause).lower()
    if point.quality is Quality.NULL:
        verdict = "not judged"
    cells = [clock_time(point.observed_at, now, where), str(point.conditions.get("event") or ""), verdict]
    for name in _COLUMNS:
        one = point.measurements.get(name)
        cells.append(value_of(one.value, one.sigma) if one else "–")
    marked = ' class="now"' if now_shown else ""
    inside = "".join(
        f'<td class="{look if number == 2 else ""}">{escape(cell)}</td>' for number, cell in enumerate(cells)
    )
    return f"<tr{marked}>{inside}</tr>"


def offer(detail: ObservationDetail, latest: int) -> None:
    """Offer the table of the shift, for the analysis.

    It is made with every new shot, not when it is asked for: what is made later is gone by the next look at the store.
    """
    name = f"awake-shots-{detail.view.observed_at:%Y%m%d-%H%M}"
    csv, parquet = _tables(_element(detail), detail.view.observed_at, latest)
    with st.container(horizontal=True, vertical_alignment="center", key="shot_export"):
        st.html('<div class="conditions">Table of these 8 h</div>')
        for label, content, mime in (
            ("CSV", csv, "text/csv"),
            ("Parquet", parquet, "application/vnd.apache.parquet"),
        ):
            suffix = label.lower()
            st.download_button(label, content, f"{name}.{suffix}", mime, on_click="ignore", key=f"shot_{suffix}")


@st.cache_resource(show_spinner=False, max_entries=16, ttl=timedelta(minutes=2))
def _tables(element: str, until: datetime, latest: int) -> tuple[bytes, bytes]:
    points = _course(element, until, latest)
    return table.to_csv(points), table.to_parquet(points)
