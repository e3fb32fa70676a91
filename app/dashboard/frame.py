"""What is around every page: who is at the desk, and what is said when nothing can be shown."""

from collections.abc import Callable

import streamlit as st

from app.dashboard import live, person
from app.dashboard.access import store
from core.errors import ShiftwatchError, StoreError


def draw(page: Callable[[], None]) -> None:
    """Draw a page for whoever is at the desk; while the database is away, wait for it."""
    try:
        store()
        person.admit()
        with st.container(key="desk", horizontal=True, horizontal_alignment="right"):
            person.badge()
        page()
    except StoreError as error:
        live.wait_for_database(str(error))
    except ShiftwatchError as error:
        st.error(f"Nothing can be shown: {error}", icon=":material/error:")
