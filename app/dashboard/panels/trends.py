"""How the run went along: how strange each cycle was, the clusters at the chosen place, the luminosity."""

import math
from datetime import datetime, timedelta, tzinfo

import streamlit as st

from app.dashboard import charts, course
from app.dashboard.charts import Chart
from core.store.course import CoursePoint
from core.store.views import ObservationDetail
from dqm.its.display import Incident, is_barrel
from dqm.its.drawing_layout import cells_of

_CALM_SCORES = (-4.0, 2.0)
_CALM_RATIOS = (0.9, 1.1)


_FOLLOWED = "its_follow"


def draw(detail: ObservationDetail, one: Incident | None, where: tzinfo) -> None:
    """Draw the charts side by side; the span of the chosen incident is shaded, the cycle shown is marked."""
    points = course.of_run(detail)
    drawn = [_scores(points, detail, one)]
    if is_barrel(detail):
        drawn += [_ratios(points, detail, one), *_rates(points, detail, one)]
    with st.container(key="trends"):
        for column, chart in zip(st.columns(3, gap="small"), drawn, strict=False):
            column.html(charts.html(chart, where))


def ask() -> None:
    """Ask for a place to follow instead of that of the incident."""
    st.text_input(
        "Follow another place through the run",
        key=_FOLLOWED,
        max_chars=20,
        placeholder="Follow another place: L3_07, L0_03/4, L4_12/lane 7",
        label_visibility="collapsed",
    )
    if _text() and not followed():
        st.caption("There is no such place. A stave is L3_07, a chip L0_03/4, a lane L4_12/lane 7.")


def followed() -> tuple[int, ...]:
    """Return the cells of the place that a person asked to follow, none if there is no such place."""
    return cells_of({"element": _text()})


def _text() -> str:
    return str(st.session_state.get(_FOLLOWED) or "").strip()


def _scores(points: list[CoursePoint], detail: ObservationDetail, one: Incident | None) -> Chart:
    return Chart(
        "How strange (0: healthy, once a shift)" if is_barrel(detail) else "How strange, run by run",
        course.scores(points),
        line=next((point.threshold for point in reversed(points) if point.threshold is not None), None),
        line_name="alarm from here",
        least=_CALM_SCORES,
        span=_span(detail, one),
        shown=detail.view.observed_at,
        clock="%H:%M" if is_barrel(detail) else "%d %b",
    )


def _ratios(points: list[CoursePoint], detail: ObservationDetail, one: Incident | None) -> Chart:
    cells = followed() or (one.cells if one else ())
    there = f"at {_text()}" if followed() else "there" if cells else "in the inner barrel"
    return Chart(
        f"Clusters {there}, of expected",
        course.ratios(points, cells),
        line=1.0,
        least=_CALM_RATIOS,
        span=_span(detail, one),
        shown=detail.view.observed_at,
    )


def _rates(points: list[CoursePoint], detail: ObservationDetail, one: Incident | None) -> list[Chart]:
    name = course.rate_name(points)
    if name is None:
        return []
    unit = next((point.measurements[name].unit for point in points if name in point.measurements), "")
    title = f"{name.capitalize()}{f' ({unit})' if unit else ''}"
    values = course.rates(points, name)
    return [Chart(title, values, least=(0.0, -math.inf), span=_span(detail, one), shown=detail.view.observed_at)]


def _span(detail: ObservationDetail, one: Incident | None) -> tuple[datetime, datetime] | None:
    if one is None or one.since is None:
        return None
    length = float(detail.view.conditions.get("cycle_s") or 0)
    return one.since + timedelta(seconds=min(length, 1.0)), detail.view.observed_at
