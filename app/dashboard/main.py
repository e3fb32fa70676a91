"""The frame of the dashboard: ``streamlit run app/dashboard/main.py``."""

from pathlib import Path

import streamlit as st

from app.dashboard import live, person, routes, style
from app.dashboard.access import store
from core.errors import ShiftwatchError, StoreError

ICON = Path(__file__).with_name("icon.png")


def frame() -> None:
    """Draw the header and the page that the address asks for."""
    st.set_page_config(page_title="shiftwatch", page_icon=str(ICON), layout="wide")
    style.apply()
    page = st.navigation(routes.pages(), position="top")
    try:
        store()
        person.admit()
        with st.container(key="desk", horizontal=True, horizontal_alignment="right"):
            person.badge()
        page.run()
    except StoreError as error:
        live.wait_for_database(str(error))
    except ShiftwatchError as error:
        st.error(f"Nothing can be shown: {error}", icon=":material/error:")


frame()
