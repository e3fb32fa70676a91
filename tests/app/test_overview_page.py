"""The overview as a page: broken parts in words, the database away and back, the wall, words for strips."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from streamlit.testing.v1 import AppTest

from core.alarms.severity import Severity
from core.errors import StoreError
from core.signs import CONSOLE, GUARD, MODEL, POOL, SCHEDULE, WATCH
from core.store import Store
from core.store.engine import Database
from core.verdict import Quality
from tests.app.boards import cheap_picture, cheap_store, fill, judged
from tests.app.conftest import PageRun
from tests.app.test_pages import text

PAGES = ("overview", "alarms", "across", "its", "collimation", "schlieren", "inspection", "models", "health")


def html(page: AppTest) -> str:
    return "\n".join(str(element.proto) for element in page.get("html"))


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


@pytest.fixture
def good(shelf: Store) -> Store:
    """Fill the store with good boards."""
    boards = [judged(cheap_picture(0, n), f"2{n}", Quality.GOOD, ago(minutes=9 - n)) for n in range(8)]
    fill(shelf, boards)
    return shelf


def refuse(*_: Any) -> NoReturn:
    raise StoreError("postgresql+psycopg://db/shiftwatch: connection refused")


def break_database(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    context = pytest.MonkeyPatch()
    context.setattr(Database, "reading", refuse)
    context.setattr(Database, "writing", refuse)
    return context


def after_each_read(run: Callable[[], AppTest], monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """Run a page while the database goes away before its first read, its second and so on; last, while it stays."""
    reading, writing, left = Database.reading, Database.writing, 0

    def read(database: Database) -> Any:
        nonlocal left
        if left <= 0:
            refuse()
        left -= 1
        return reading(database)

    def write(database: Database, *arguments: Any) -> Any:
        if left <= 0:
            refuse()
        return writing(database, *arguments)

    monkeypatch.setattr(Database, "reading", read)
    monkeypatch.setattr(Database, "writing", write)
    for reads in range(100):
        left = reads
        yield run()
        if left > 0:
            return
    raise AssertionError("a page that reads a hundred times")


def test_all_well_is_calm_and_every_strip_has_words(run_page: PageRun, good: Store) -> None:
    page = run_page("overview")
    assert not page.exception
    shown = html(page)
    assert "Nothing needs you right now" in shown
    assert "All well" in shown
    assert len(re.findall(r'role=\\?"img\\?" aria-label=\\?"Last 8 hours: ', shown)) == 4
    assert ">8 good<" in shown
    assert "Guard: never ran" in shown


@pytest.mark.parametrize(
    ("part", "state", "words"),
    [
        (WATCH, {"ago": {"seconds": 50}}, "Watch late"),
        (WATCH, {"ago": {"minutes": 4}}, "Watch not running"),
        (WATCH, {"ok": False, "detail": "/scans: Permission denied"}, "Watch failed"),
        (SCHEDULE, {"ok": False, "detail": "no answer"}, "Prefect does not answer"),
        (SCHEDULE, {"ago": {"seconds": 40}}, "Scheduler: not running"),
        (MODEL, {"ok": False, "detail": "It is retired."}, "Model stale"),
        (GUARD, {"ago": {"minutes": 1}}, "Guard: not running"),
    ],
)
def test_a_part_that_is_broken_is_said_on_top(
    run_page: PageRun, good: Store, part: str, state: dict[str, Any], words: str
) -> None:
    system = CONSOLE if part == GUARD else "flex"
    good.heartbeat(system, part, ago(**state.get("ago", {})), state.get("ok", True), state.get("detail", ""))
    page = run_page("overview")
    assert not page.exception
    assert re.search(rf'class=\\?"urgent (blind|stale).{{1,80}}{words}', html(page))
    assert "Nothing needs you" not in html(page)


def test_of_a_watch_in_a_pool_no_scheduler_is_expected_here(run_page: PageRun, good: Store) -> None:
    good.heartbeat("flex", SCHEDULE, ago(minutes=9), True)
    good.heartbeat("flex", WATCH, ago(seconds=50), True)
    good.forget_sign("flex", SCHEDULE)
    good.heartbeat("flex", POOL, ago(days=9), True, "far")
    shown = html(run_page("overview"))
    assert "Nothing needs you right now" in shown  # its runs hand over to each other: 50 s are not late
    assert "Scheduler" not in shown
    good.heartbeat("flex", WATCH, ago(minutes=4), True)
    shown = html(run_page("overview"))
    assert "Watch not running" in shown
    assert "python -m flows.pooling far" in shown


def test_a_backlog_shows_in_the_strip_as_it_is_caught_up_with(
    run_page: PageRun, shelf: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.dashboard import known

    monkeypatch.setattr(known, "_fresh", known._piece)  # ten seconds are too long for a test
    page = run_page("overview")
    for count, hours in enumerate((7, 6, 5), start=1):
        fill(shelf, [judged(cheap_picture(0, count), f"2{count}", Quality.GOOD, ago(hours=hours))])
        page.run()
        assert f">{count} good<" in html(page)


def test_a_silent_source_is_said_with_what_to_check(run_page: PageRun, good: Store) -> None:
    good.condition("flex", "source folder", Severity.INVALID, ago(minutes=1), "nothing came", holds_back=True)
    shown = html(run_page("overview"))
    assert "FLEX boards: Source silent." in shown
    assert "Check the scanner." in shown
    assert "Nothing known" in shown


def test_the_database_goes_away_and_comes_back(
    run_page: PageRun, shelf: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheap_store(shelf)
    page = run_page("overview")
    assert "2 alarms" in html(page)
    away = break_database(monkeypatch)
    try:
        page.run()
        assert not page.exception
        shown = html(page)
        assert "The database cannot be reached" in shown
        assert "connection refused" in shown
        assert "2 alarms" in shown
        assert re.search(r"FLEX boards<small> \(known at \d\d:\d\d:\d\d\)", shown)
        assert 'class=\\"urgent alarm' not in shown
    finally:
        away.undo()
    page.run()
    assert "cannot be reached" not in html(page)
    assert "known at" not in html(page)


def test_a_database_that_goes_away_between_two_reads_is_not_both_away_and_well(
    run_page: PageRun, good: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    for page in after_each_read(lambda: run_page("overview"), monkeypatch):
        shown = html(page)
        said.append(("cannot be reached" in shown, "Nothing needs you right now" in shown))
    assert said[0] == (True, False)
    assert said[-1] == (False, True)
    assert (True, True) not in said


@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_that_the_database_is_away(
    run_page: PageRun, good: Store, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from app.dashboard.access import store

    store()  # as of a server that has run for a while
    away = break_database(monkeypatch)
    try:
        page = _framed(name)
        assert not page.exception
        assert "The database cannot be reached" in html(page)
    finally:
        away.undo()


@pytest.mark.parametrize("name", [*PAGES, "inspection?board", "alarms?alarm"])
def test_a_page_says_so_whichever_of_its_reads_the_database_is_away_for(
    run_page: PageRun, shelf: Store, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from app.dashboard.access import store

    cheap_store(shelf)
    alarm = shelf.alarms()[0]
    screen, _, key = name.partition("?")
    asked = {"board": alarm.observation_id, "alarm": alarm.id}
    store()  # as of a server that has run for a while
    pages = list(after_each_read(lambda: _framed(screen, **({key: asked[key]} if key else {})), monkeypatch))
    assert len(pages) > 2
    assert not any(page.exception for page in pages)
    assert "The database cannot be reached" in html(pages[0])
    assert "cannot be reached" not in html(pages[-1])


def test_a_server_that_starts_without_its_database_waits_for_it(
    run_page: PageRun, shelf: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.store import schema

    with monkeypatch.context() as away:
        away.setattr(schema, "upgrade", refuse)
        page = _framed("overview")
        assert not page.exception
        assert "The database cannot be reached" in html(page)
    page.run()
    assert "No data yet" in html(page)


def test_what_a_person_does_meanwhile_is_not_stored_and_that_is_said(
    run_page: PageRun, shelf: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cheap_store(shelf)
    alarm = shelf.alarms()[0].id
    page = _framed("alarms", alarm=alarm)
    away = break_database(monkeypatch)
    try:
        page.text_input(key="alarm_note").set_value("on my desk")
        page = page.button(key=f"acknowledge_{alarm}").click().run()
        assert not page.exception
        assert "What you enter here is not stored meanwhile" in html(page)
    finally:
        away.undo()
    page.run()
    assert not page.exception
    assert "connection refused" in "\n".join(error.value for error in page.error)
    detail = shelf.alarm(alarm)
    assert detail is not None
    assert detail.view.acknowledged_by is None
    assert page.text_input(key="alarm_note").value == "on my desk"


def test_the_wall_shows_no_pictures_and_no_way_to_itself(run_page: PageRun, shelf: Store) -> None:
    cheap_store(shelf)
    page = run_page("overview", wall=1)
    assert not page.exception
    assert "2 alarms" in html(page)
    assert "last seen" not in text(page)
    assert "last seen" in text(run_page("overview"))


def _framed(name: str, **query: int) -> AppTest:
    """Run a page as the frame does."""
    test = AppTest.from_function(_frame, default_timeout=120, kwargs={"name": name})
    test.session_state["operator_name"] = "Anna Keller"
    for key, value in query.items():
        test.query_params[key] = str(value)
    return test.run()


def _frame(name: str) -> None:
    from importlib import import_module

    from app.dashboard import frame

    frame.draw(import_module(f"app.dashboard.screens.{name}").page)
