"""What waits for a decision is found however old it is, and not beside what is looked through anyway."""

from datetime import timedelta

import pytest

from core.store import Store, queries, waiting
from core.verdict import Quality

from .conftest import NOW, RULE, an_arrival

LOOKED_THROUGH = 4


@pytest.fixture(autouse=True)
def few_are_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (queries, waiting):
        monkeypatch.setattr(module, "LOOKED_THROUGH", LOOKED_THROUGH)


def test_a_board_left_undecided_long_ago_is_found_until_somebody_decides(store: Store) -> None:
    batch = [an_arrival(Quality.GOOD, f"b{i}", at=NOW + timedelta(minutes=i)) for i in range(10)]
    store.record("flex", "inbox", batch, RULE)
    ids = {view.element: view.id for view in store.observations("flex", 20)}
    for name in ("b0", "b2", "b3", "b5", "b7", "b8"):
        store.decide(ids[name], "ana", NOW, [], None)
    recent = [view.element for view in store.observations("flex", 20, undecided=True)]
    assert recent == ["b9", "b6"]
    old = waiting.forgotten(store.database, "flex", 20)
    assert old == [ids["b4"], ids["b1"]]
    assert waiting.forgotten(store.database, "flex", 1) == [ids["b4"]]
    assert [view.element for view in waiting.undecided(store.database, old)] == ["b4", "b1"]
    store.decide(ids["b4"], "ana", NOW, [], None)
    assert [view.element for view in waiting.undecided(store.database, old)] == ["b1"]
    assert waiting.forgotten(store.database, "its", 20) == []


def test_where_all_is_looked_through_nothing_is_forgotten(store: Store) -> None:
    batch = [an_arrival(Quality.GOOD, f"b{i}", at=NOW + timedelta(minutes=i)) for i in range(LOOKED_THROUGH)]
    store.record("flex", "inbox", batch, RULE)
    assert waiting.forgotten(store.database, "flex", 20) == []
    assert waiting.undecided(store.database, []) == []


def test_what_a_backfill_judged_waits_for_nobody(store: Store) -> None:
    store.record_past("flex", "inbox", [an_arrival(Quality.GOOD, f"p{i}", at=NOW) for i in range(3)])
    batch = [an_arrival(Quality.GOOD, f"b{i}", at=NOW + timedelta(minutes=i)) for i in range(LOOKED_THROUGH + 1)]
    store.record("flex", "inbox", batch, RULE)
    found = waiting.undecided(store.database, waiting.forgotten(store.database, "flex", 20))
    assert [view.element for view in found] == ["b0"]
