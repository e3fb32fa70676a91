"""Addresses within the dashboard: every board, cycle, loss map and alarm has one."""

import streamlit as st

INSPECTION = "inspection"
ALARMS = "alarms"
OVERVIEW = "overview"
ITS = "its"
COLLIMATION = "collimation"
PLASMA = "plasma"
HEALTH = "health"
ACROSS = "across"
REPORT = "report"
MODELS = "models"
TRAIL = "trail"


def to(path: str, label: str, icon: str | None = None, **query: int | str) -> None:
    """Draw a link to a page, for example ``to(INSPECTION, "Open the board", board=12)``."""
    from app.dashboard.routes import page

    asked = {name: str(value) for name, value in query.items()}
    st.page_link(page(path), label=label, icon=icon, query_params=asked or None)


def asked_for(name: str) -> int | None:
    """Return the id that the address of this page names, None if it is missing or nonsense."""
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def keep_address() -> None:
    """Put what the page was asked for into the browser's address, which a link from a page to itself leaves as it was.

    The browser changes nothing where it is there already.
    """
    st.query_params.from_dict(st.query_params.to_dict())
