"""Where the margins are going: the trend over the fill with the time at which one would be gone, or from map to map."""

from datetime import datetime, timedelta, tzinfo
from html import escape

import streamlit as st

from accelerator.collimation.diagnosis import Diagnosis, Trend
from accelerator.collimation.display import SYSTEM
from accelerator.collimation.display_margins import moment, outlook, slope_text, trend_of, trend_title
from app.dashboard import charts
from app.dashboard.access import store
from app.dashboard.charts import Chart, Point
from app.dashboard.wording import clock_time
from core.store.course import CoursePoint
from core.store.views import ObservationDetail
from core.verdict import Quality

WIDE = 430
_LEAST = (0.0, 1.6)
_MARGIN = "margin "
_FEWEST = 2
_BACK = timedelta(days=400)
_FURTHEST = 1.5
"""No more of the time ahead is drawn than so many times what was seen."""


def draw(detail: ObservationDetail, found: Diagnosis | None, now: datetime, where: tzinfo) -> None:
    """Draw the margin that ends first along the fill, or along earlier maps of the same beam and plane."""
    trend = trend_of(found) if found is not None else None
    if trend is not None:
        _said(trend, now, where)
        st.html(charts.html(_along(trend), where))
        return
    points = store().course(
        SYSTEM, detail.view.element, detail.view.observed_at - _BACK, detail.view.observed_at, limit=60
    )
    chart = _from_map_to_map(points)
    if chart is not None:
        st.html(charts.html(chart, where))


def _said(trend: Trend, now: datetime, where: tzinfo) -> None:
    reached = outlook(trend)
    ends = "Its end is not in sight."
    if reached is not None:
        ends = f"<b>Gone at {clock_time(reached.at, now, where)}</b>"
        if reached.earliest and reached.latest:
            ends += f" ({clock_time(reached.earliest, now, where)} to {clock_time(reached.latest, now, where)})"
    title = escape(f"{trend_title(trend)}: {slope_text(trend)}")
    st.html(f'<div class="conditions"><b>{title}</b><div class="m-summary">{ends}</div></div>')


def _along(trend: Trend) -> Chart:
    times = [moment(text) for text in trend.times]
    points = [Point(at, value) for at, value in zip(times, trend.values_sigma, strict=False) if at is not None]
    reached = outlook(trend)
    ahead: tuple[Point, ...] = ()
    span = None
    if reached is not None and points:
        seen = points[-1].at - points[0].at
        last = points[-1].at + max(_FURTHEST * seen, timedelta(hours=2))
        ahead = _line_to(points[-1], reached.at, last)
        if reached.at <= last:
            span = (reached.earliest or reached.at, min(reached.latest or reached.at, last))
    return Chart(
        "σ",
        points,
        line=0.0,
        line_name="gone",
        least=_LEAST,
        errors=trend.errors_sigma,
        ahead=ahead,
        reaches=span,
        shown=points[-1].at if ahead else None,
        width=WIDE,
    )


def _line_to(start: Point, gone_at: datetime, last: datetime) -> tuple[Point, ...]:
    """The way from the last point down to nothing, cut off where it is too far ahead."""
    value, length = start.value or 0.0, (gone_at - start.at).total_seconds()
    if length <= 0:
        return ()
    end = min(gone_at, last)
    left = value * (1 - (end - start.at).total_seconds() / length)
    return (start, Point(end, left))


def _from_map_to_map(points: list[CoursePoint]) -> Chart | None:
    if len(points) < _FEWEST:
        return None
    names = {name for point in points for name in point.measurements if name.startswith(_MARGIN)}
    often = [name for name in names if sum(name in point.measurements for point in points) >= _FEWEST]
    newest = next((point for point in reversed(points) if set(often) & set(point.measurements)), None)
    if newest is None:
        return None
    name = min(set(often) & set(newest.measurements), key=lambda one: newest.measurements[one].value)
    known = [point for point in points if name in point.measurements]
    pick = [point.measurements[name] for point in known]
    best = max(one.value for one in pick)
    marked = [
        Point(point.observed_at, one.value, point.quality is Quality.BAD and one.value < best - 2 * (one.sigma or 0.0))
        for point, one in zip(known, pick, strict=True)
    ]
    return Chart(
        f"{_title(name)} in σ, map by map",
        marked,
        line=0.0,
        line_name="gone",
        least=_LEAST,
        errors=[one.sigma or 0.0 for one in pick],
        clock="%d %b %H:%M",
        width=WIDE,
    )


def _title(name: str) -> str:
    return trend_title(Trend(name.removeprefix(_MARGIN), (), (), (), 0.0, 0.0))
