"""The frame of the dashboard: ``streamlit run app/dashboard/main.py``."""

from pathlib import Path

import streamlit as st

from app.dashboard import frame, routes, style, warming
from core import logs

ICON = Path(__file__).with_name("icon.png")


def main() -> None:
    """Draw the header and the page that the address asks for."""
    logs.adopt("dashboard")
    st.set_page_config(page_title="shiftwatch", page_icon=str(ICON), layout="wide")
    style.apply()
    page = st.navigation(routes.pages(), position="top")
    frame.draw(page.run)
    warming.begin()


main()
