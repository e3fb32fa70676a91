"""A full disk on the pages: the overview takes it from the disk itself, the alarm has its own page and guidance."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.settings import load_settings
from core.store import Store
from flows.room import Disk
from tests.app.conftest import PageRun
from tests.app.test_overview_page import html
from tests.app.test_pages import text
from tests.flows.test_disk_full import MB, fill_up, small_disk


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home on a file system of 8 MB."""
    import streamlit as st

    with small_disk(tmp_path / "disk", 8) as disk:
        monkeypatch.setenv("SHIFTWATCH_HOME", str(disk / "home"))
        monkeypatch.chdir(tmp_path)
        st.config.set_option("server.address", "127.0.0.1")
        yield disk / "home"
        from app.dashboard.access import store

        store().close()
        st.cache_resource.clear()
        st.cache_data.clear()


def look(store: Store) -> None:
    Disk(store, load_settings()).look(datetime.now(UTC))


def test_a_disk_that_fills_up_is_said_on_top_and_asks_for_somebody(run_page: PageRun, shelf: Store, home: Path) -> None:
    look(shelf)
    assert "Disk: has room" in html(run_page("overview"))
    fill_up(home.parent, leave=MB // 2)
    look(shelf)
    shown = html(run_page("overview"))
    assert re.search(r'class=\\?"urgent blind.{1,80}Disk: nearly full', shown)
    assert "0.5 MB of 8.4 MB free" in shown
    (alarm,) = shelf.alarms()
    page = run_page("alarms", alarm=alarm.id)
    assert not page.exception
    assert "shiftwatch db retain --dry-run" in text(page).replace("\\", "")
    assert "nearly full" in text(run_page("alarms"))
    assert not run_page("alarms").exception
    assert not run_page("report").exception
    assert not run_page("health").exception


def test_once_it_is_full_the_overview_still_says_so(run_page: PageRun, shelf: Store, home: Path) -> None:
    """Nothing can be written any more, neither by the guard nor by a watch; reading goes on."""
    look(shelf)
    fill_up(home.parent)
    page = run_page("overview")
    assert not page.exception
    assert re.search(r'class=\\?"urgent blind.{1,80}Disk: full', html(page))
    os.unlink(home.parent / "ballast")  # noqa: PTH108
    assert "Disk: has room" in html(run_page("overview"))
