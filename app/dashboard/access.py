"""The dashboard's one way to data: the store, opened once per server, and pictures by their digest."""

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import streamlit as st

from core.errors import StoreError
from core.settings import Settings, load_settings
from core.store import Store

FIELDS = ("dqm", "inspection", "accelerator")
KEPT_PICTURES = 200


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
    return opened


@st.cache_resource(show_spinner=False)
def displays() -> dict[str, ModuleType]:
    """Return the ``display`` module of every system there is, by name of the system."""
    found = [import_module(name) for name in _display_names(FIELDS)]
    return {str(module.SYSTEM): module for module in found}


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


def _display_names(fields: Iterable[str]) -> Iterable[str]:
    for field in fields:
        try:
            package = import_module(field)
        except ModuleNotFoundError:
            continue
        for module in iter_modules(package.__path__):
            if any((Path(folder) / module.name / "display.py").is_file() for folder in package.__path__):
                yield f"{field}.{module.name}.display"
