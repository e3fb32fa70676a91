"""How a run went along: what the trends of the ITS page show, out of the store."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import streamlit as st

from app.dashboard.access import store
from app.dashboard.barrel import Figures
from app.dashboard.charts import Point
from core.errors import StoreError
from core.store.course import CoursePoint
from core.store.views import ObservationDetail
from core.verdict import Quality
from dqm.its import drawing_figures
from dqm.its.display import BARREL, SYSTEM
from dqm.its.layout import INNER

LONGEST = timedelta(hours=12)
MOST_READ = 250
KEPT_FIGURES = 2000
RATES = ("interactions per frame", "vertices", "tracks")
"""Measurements that may stand for the luminosity, the best first."""


def of_run(detail: ObservationDetail) -> list[CoursePoint]:
    """Return the cycles of the run so far, or the earlier runs of a chip's hit maps, oldest first; itself included."""
    view = detail.view
    until, element = view.observed_at, view.element
    if element != BARREL:
        return store().course(SYSTEM, element, until - timedelta(days=3650), until, limit=100)
    age = view.conditions.get("run_age_s")
    length = timedelta(seconds=float(age)) if isinstance(age, int | float) else LONGEST
    since = until - min(length, LONGEST)
    found = store().course(SYSTEM, element, since, max(until, until + _after(detail)), evidence="cells")
    return [point for point in found if point.conditions.get("run") == view.conditions.get("run")]


def scores(points: Sequence[CoursePoint]) -> list[Point]:
    """Return the score of every cycle; hot where it was judged bad."""
    return [Point(point.observed_at, point.score, point.quality is Quality.BAD) for point in points]


def rate_name(points: Sequence[CoursePoint]) -> str | None:
    """Return the name of the measurement that stands for the luminosity, None if no cycle has one."""
    known = {name for point in points for name in point.measurements}
    return next((name for name in RATES if name in known), None)


def rates(points: Sequence[CoursePoint], name: str) -> list[Point]:
    """Return the luminosity's stand-in in every cycle."""
    return [
        Point(point.observed_at, point.measurements[name].value if name in point.measurements else None)
        for point in points
    ]


def ratios(points: Sequence[CoursePoint], cells: Sequence[int]) -> list[Point]:
    """Return observed over expected clusters at some cells in every cycle; without cells: of the inner barrel."""
    chosen = list(cells) or list(range(INNER))
    step = max(1, -(-len(points) // MOST_READ))
    kept = [point for number, point in enumerate(points[::-1]) if number % step == 0][::-1]
    return [Point(point.observed_at, _ratio(point, chosen)) for point in kept]


@st.cache_resource(show_spinner=False, max_entries=KEPT_FIGURES)
def figures(digest: str) -> Figures | None:
    """Return the figures behind a cycle's pictures, None if they are gone or no such figures."""
    try:
        return drawing_figures.read(store().artefacts.get(digest))
    except (StoreError, ValueError):
        return None


def _ratio(point: CoursePoint, chosen: list[int]) -> float | None:
    if point.figures is None or point.quality is Quality.NULL or (found := figures(point.figures)) is None:
        return None
    valid = found["valid"][chosen] > 0
    expected = float(np.sum(found["expected"][chosen][valid], dtype=np.float64))
    return float(np.sum(found["observed"][chosen][valid], dtype=np.float64)) / expected if expected > 0 else None


def _after(detail: ObservationDetail) -> timedelta:
    """How much of what came later is shown beside an older cycle."""
    return timedelta(seconds=30 * float(detail.view.conditions.get("cycle_s") or 60))
