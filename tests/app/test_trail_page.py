"""The page of what people did: who may look, what is sought, what is taken home."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from app.deed_table import to_csv
from core.desk import Desk, Person, Way
from core.errors import NotAllowedError
from core.roles import Role
from core.store import Store
from core.store.audit import Deed, Sought
from core.store.views import AuditView
from tests.app.conftest import PageRun
from tests.app.test_pages import text

NOW = datetime.now(UTC)


@pytest.fixture
def busy(shelf: Store) -> Store:
    """Return a store in which people did and were refused some things."""
    for hours, who, what, note, allowed in (
        (200, "Old Hand", "acknowledge", "", True),
        (30, "Anna Keller", "shelve", "lane is being repaired", True),
        (3, "Vic Viewer", "promote", "", False),
        (1, "Anna Keller <anna@cern.ch>", "comment", "<script>alert(1)</script> =1+1", True),
    ):
        deed = Deed(NOW - timedelta(hours=hours), who, "expert", "page", what, "alarm 7", note, "its")
        shelf.note_deed(deed, allowed=allowed)
    return shelf


def test_an_empty_trail_says_what_will_be_there(run_page: PageRun) -> None:
    page = run_page("trail")
    assert not page.exception
    assert "Nothing of the kind was done" in text(page)


def test_an_expert_sees_the_newest_first_as_text_and_what_was_refused(run_page: PageRun, busy: Store) -> None:
    page = run_page("trail")
    assert not page.exception
    shown = text(page)
    assert shown.index("comment") < shown.index("promote") < shown.index("lane is being repaired")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script>" not in shown
    assert "Old Hand" not in shown
    assert "Old Hand" in text(run_page("trail", since="All"))
    assert 'class="over"' in shown


@pytest.mark.parametrize(
    ("query", "there", "gone"),
    [
        ({"who": "anna"}, "repaired", "Vic Viewer"),
        ({"what": "promote"}, "Vic Viewer", "repaired"),
        ({"refused": "true"}, "Vic Viewer", "repaired"),
        ({"since": "8 hours"}, "Vic Viewer", "repaired"),
        ({"who": "%"}, "Nothing of the kind was done", "Anna"),
    ],
)
def test_what_is_sought_is_in_the_address(
    run_page: PageRun, busy: Store, query: dict[str, str], there: str, gone: str
) -> None:
    page = run_page("trail", **query)
    assert not page.exception
    shown = text(page)
    assert there in shown
    assert gone not in shown


def test_long_trails_are_read_page_by_page(run_page: PageRun, shelf: Store) -> None:
    for number in range(60):
        shelf.note_deed(Deed(NOW, "Anna", "expert", "page", "comment", f"alarm {number}"), allowed=True)
    page = run_page("trail")
    assert "alarm 59" in text(page)
    assert "alarm 9<" not in text(page)
    page = next(button for button in page.button if button.label == "Older ones").click().run()
    assert "alarm 9<" in text(page)
    assert "alarm 59" not in text(page)
    page = next(button for button in page.button if button.label == "Newest ones").click().run()
    assert "alarm 59" in text(page)


def test_shifters_do_not_read_it_by_any_way_in(run_page: PageRun, busy: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTWATCH_ACCESS__LOCAL", "shifter")
    shown = text(run_page("trail"))
    assert "Your role (shifter) does not include this" in shown
    assert "repaired" not in shown
    desk = Desk(busy, Person("Sam", Role.SHIFTER, Way.PAGE))
    with pytest.raises(NotAllowedError):
        desk.trail(10)
    [newest, *_] = busy.trail()
    assert (newest.author, newest.deed, newest.allowed) == ("Sam", "read the trail", False)


def test_the_table_to_take_home_runs_nothing_in_a_spreadsheet(busy: Store) -> None:
    deed = AuditView(1, NOW, "Anna", "expert", "page", "comment", "its", "alarm 7", "=HYPERLINK(1)", allowed=False)
    [head, line] = csv.reader(io.StringIO(to_csv([deed]).decode("utf-8-sig")))
    assert line == [NOW.isoformat(), "Anna", "expert", "page", "comment", "its", "alarm 7", "'=HYPERLINK(1)", "no"]
    assert head[-1] == "allowed"
    assert len(busy.trail(100, None, Sought(person="ANNA", since=NOW - timedelta(hours=40)))) == 2
