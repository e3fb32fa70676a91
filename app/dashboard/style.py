"""Looks that the theme cannot express: greys made from the text colour, so that they fit light and dark alike."""

from pathlib import Path

import streamlit as st

_SHEET = Path(__file__).with_name("style.css")


def apply() -> None:
    """Add the style sheet to the page."""
    st.html(_SHEET)
