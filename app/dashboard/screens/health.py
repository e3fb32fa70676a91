"""Alarm health: do the alarms serve the person on shift, by the figures of ISA-18.2 and EEMUA 191."""

from datetime import timedelta

import streamlit as st

from app.dashboard import kept
from app.dashboard.access import now
from app.dashboard.live import live
from app.dashboard.panels import drill_results, health_figures
from app.dashboard.wording import zone
from core.alarms.health import Health
from core.alarms.targets import Figure, Standing, compare, is_short

REFRESH_S = 30
SPANS = {
    "8 hours": timedelta(hours=8),
    "24 hours": timedelta(hours=24),
    "7 days": timedelta(days=7),
    "30 days": timedelta(days=30),
}
_FIRST = "24 hours"


def page() -> None:
    """Draw the figures of the chosen time; the page keeps itself up to date."""
    chosen = st.segmented_control(
        "Time", list(SPANS), default=_FIRST, key="over", label_visibility="collapsed", bind="query-params"
    )
    _live(chosen or _FIRST)


@live(REFRESH_S)
def _live(chosen: str) -> None:
    found = kept.health(SPANS[chosen])
    figures = compare(found)
    instant, where = now(), zone(st.context.timezone)
    st.html(_verdict(found, figures))
    health_figures.course(found, where)
    left, right = st.columns([3, 2], gap="large")
    with left:
        health_figures.table(figures)
        if is_short(found.span):
            st.caption("The standards judge alarm systems over 30 days or more; a shorter time says less.")
    with right:
        health_figures.offenders(found)
        health_figures.shifts(found.shifts, instant, where)
        health_figures.stale(found.stale)
    drill_results.draw()


def _verdict(found: Health, figures: tuple[Figure, ...]) -> str:
    over = [one.name for one in figures if one.standing in {Standing.OVER, Standing.FAR}]
    if not found.annunciations and not over:
        return '<div class="urgent calm" role="status">No alarm in this time.</div>'
    if not over:
        return '<div class="urgent calm" role="status">Every figure is within what the standards ask for.</div>'
    names = ", ".join(name[0].lower() + name[1:] for name in over)
    look = "notice" if any(one.standing is Standing.FAR for one in figures) else "calm"
    return f'<div class="urgent {look}" role="status"><b>Over the target:</b> {names}.</div>'
