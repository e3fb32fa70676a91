"""How the channel went along the shift: the five parameters shot by shot, and what drifts (else the vapour density)."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

import streamlit as st

from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.display_words import drifting_label, parameter_label, parameter_unit
from accelerator.schlieren.result import Drift, ShotResult
from app.dashboard import charts
from app.dashboard.charts import Chart, Point
from core.store.course import CoursePoint
from core.store.views import ObservationDetail
from core.verdict import Measurement, Quality

_LEAST = {
    "position_um": 20.0,
    "core_radius_um": 20.0,
    "peak_ionisation": 0.03,
    "transition_width_um": 20.0,
    "tilt_mrad": 1.0,
}
"""The smallest range of values that a chart covers, so that noise does not fill it."""
_FEW = "too few shots yet"
_LEAST_PERCENT = (-1.0, 1.0)
_ROW = 3
_ROOM = 2.0
"""What bad shots measured is drawn up to so many ranges of the good ones beyond them."""


def draw(detail: ObservationDetail, found: ShotResult | None, points: Sequence[CoursePoint], where: tzinfo) -> None:
    """Draw the charts in rows of three; what drifts is shaded since it began."""
    drift = found.drifts[0] if found is not None and found.drifts else None
    span = None if drift is None else (datetime.fromisoformat(drift.since), detail.view.observed_at)
    drawn = [_chart(name, points) for name in PARAMETERS]
    drawn.append(_density(points) if drift is None else _drifting(drift, span))
    with st.container(key="channel_trends"):
        for first in range(0, len(drawn), _ROW):
            for column, chart in zip(st.columns(_ROW, gap="small"), drawn[first : first + _ROW], strict=False):
                column.html(charts.html(chart, where))


def _chart(name: str, points: Sequence[CoursePoint]) -> Chart:
    known = _within([point.measurements.get(name) for point in points], points)
    values = [one.value for one in known if one is not None]
    middle = sorted(values)[len(values) // 2] if values else 0.0
    half = _LEAST[name] / 2
    return Chart(
        f"{parameter_label(name)}{f' ({unit})' if (unit := parameter_unit(name)) else ''}",
        [
            Point(point.observed_at, None if one is None else one.value, point.quality is Quality.BAD)
            for point, one in zip(points, known, strict=True)
        ],
        least=(middle - half, middle + half) if values else (0.0, 1.0),
        errors=[0.0 if one is None else one.sigma or 0.0 for one in known],
        few=_FEW,
    )


def _within(known: Sequence[Measurement | None], points: Sequence[CoursePoint]) -> list[Measurement | None]:
    """Leave out what bad shots measured far away from all others: it would flatten the course of the good ones."""
    good = [one.value for one, point in zip(known, points, strict=True) if one and point.quality is not Quality.BAD]
    if len(good) < 2:
        return list(known)
    low, high = min(good), max(good)
    room = _ROOM * (high - low)
    return [one if one is None or low - room <= one.value <= high + room else None for one in known]


def _density(points: Sequence[CoursePoint]) -> Chart:
    """Vapour density against its set point, or against the first shot if none is known."""
    asked = [point.conditions.get("density_set_cm3") for point in points]
    seen = [point.conditions.get("density_cm3") for point in points]
    is_set = any(isinstance(value, int | float) for value in asked)
    first = next((value for value in seen if isinstance(value, int | float)), None)
    usual = asked if is_set else [first] * len(points)
    course = [
        Point(point.observed_at, _percent(value, of)) for point, value, of in zip(points, seen, usual, strict=True)
    ]
    title = f"Vapour density, % from {'set point' if is_set else 'the first shot'}"
    return Chart(title, course, line=0.0, least=_LEAST_PERCENT, few=_FEW)


def _percent(value: object, usual: object) -> float | None:
    if not isinstance(value, int | float) or not isinstance(usual, int | float) or not usual:
        return None
    return 100 * (value / usual - 1)


def _drifting(drift: Drift, span: tuple[datetime, datetime] | None) -> Chart:
    unit = {"um": "µm"}.get(drift.unit, drift.unit)
    return Chart(
        f"{drifting_label(drift.name)}, {unit} since the run began",
        [Point(datetime.fromtimestamp(at, UTC), change) for at, change in drift.course],
        line=drift.limit if drift.change > 0 else -drift.limit,
        line_name="tolerated",
        least=(min(drift.change, 0.0), max(drift.change, 0.0)),
        span=span,
    )
