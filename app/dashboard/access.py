"""The dashboard's one way to data: the store, opened once per server, and pictures by their digest."""

from datetime import UTC, datetime

import streamlit as st

from app.dashboard import heap
from app.displays import displays
from core.errors import StoreError
from core.settings import Settings, load_settings
from core.store import Store

KEPT_PICTURES = 200

__all__ = ["displays", "now", "picture", "settings", "store"]


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """Return the settings, read once per server."""
    return load_settings()


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """Return the store, opened once per server and shared by all sessions."""
    known = settings()
    known.home.mkdir(parents=True, exist_ok=True)
    opened = Store.open(known.url, known.artefacts)
    opened.upgrade()
    heap.freeze()
    return opened


@st.cache_data(show_spinner=False, max_entries=KEPT_PICTURES)
def picture(digest: str) -> bytes | None:
    """Return a picture drawn at detection time, None if its file is gone."""
    try:
        return store().artefacts.get(digest)
    except StoreError:
        return None


def now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)
