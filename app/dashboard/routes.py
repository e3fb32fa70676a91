"""The pages of the dashboard and their addresses."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from app.dashboard import links
from app.dashboard.screens import (
    across,
    alarms,
    collimation,
    health,
    inspection,
    its,
    models,
    overview,
    report,
    schlieren,
    trail,
)

_PAGES: dict[str, tuple[Callable[[], None], str, str]] = {
    links.OVERVIEW: (overview.page, "Overview", ":material/dashboard:"),
    links.ALARMS: (alarms.page, "Alarms", ":material/notifications:"),
    links.ACROSS: (across.page, "Across systems", ":material/view_timeline:"),
    links.ITS: (its.page, "ITS", ":material/target:"),
    links.COLLIMATION: (collimation.page, "Collimation", ":material/filter_center_focus:"),
    links.PLASMA: (schlieren.page, "Plasma", ":material/blur_on:"),
    links.INSPECTION: (inspection.page, "Inspection station", ":material/search:"),
    links.REPORT: (report.page, "Shift report", ":material/summarize:"),
    links.HEALTH: (health.page, "Alarm health", ":material/monitor_heart:"),
    links.MODELS: (models.page, "Models", ":material/model_training:"),
    links.TRAIL: (trail.page, "Who did what", ":material/fingerprint:"),
}
_APART = (links.REPORT, links.HEALTH, links.MODELS, links.TRAIL)
"""What is not looked at all the time: in a menu of its own."""


def page(path: str) -> Any:
    """Return the page at an address, for a link or for ``st.navigation``."""
    function, title, icon = _PAGES[path]
    return st.Page(function, title=title, icon=icon, url_path=path, default=path == links.OVERVIEW)


def pages() -> dict[str, list[Any]]:
    """Return all pages by section, in the order of the menu; a bare address shows the overview."""
    return {
        "": [page(path) for path in _PAGES if path not in _APART],
        "Shift": [page(path) for path in _APART],
    }
