"""A store filled by hand, and pages of the dashboard run on it without a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.settings import load_settings
from core.store import Store

PageRun = Callable[..., AppTest]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder that settings and dashboard take as their home."""
    monkeypatch.setenv("SHIFTWATCH_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    st.config.set_option("server.address", "127.0.0.1")  # as the dashboard's own configuration says
    yield tmp_path
    from app.dashboard.access import store

    if _opened(tmp_path):
        store().close()
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def shelf(home: Path) -> Iterator[Store]:
    """Return an empty store at the place where the dashboard looks for it."""
    settings = load_settings()
    st.cache_resource.clear()
    st.cache_data.clear()
    with Store.open(settings.url, settings.artefacts) as opened:
        opened.upgrade()
        yield opened


@pytest.fixture
def run_page(shelf: Store) -> PageRun:
    """Return a function that runs one page at an address as one operator."""

    def run(name: str, operator: str = "Anna Keller", **query: int | str) -> AppTest:
        test = AppTest.from_function(_page, default_timeout=30, kwargs={"name": name})
        test.session_state["operator_name"] = operator
        for key, value in query.items():
            test.query_params[key] = str(value)
        return test.run()

    return run


def _page(name: str) -> None:
    from importlib import import_module

    import_module(f"app.dashboard.screens.{name}").page()


def _opened(home: Path) -> bool:
    return (home / "shiftwatch.db").exists()
