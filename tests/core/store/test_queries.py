"""Lists, pages, history and overview."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from core.alarms.severity import Severity
from core.errors import StoreError
from core.store import Store
from core.verdict import Quality

from .conftest import NOW, RULE, an_arrival

QUALITIES = (Quality.GOOD, Quality.MEDIUM, Quality.BAD, Quality.NULL)


def fill(store: Store, count: int = 12) -> None:
    batch = [
        an_arrival(QUALITIES[i % 4], f"b{i}", at=NOW + timedelta(minutes=i), observed_at=NOW - timedelta(days=i))
        for i in range(count)
    ]
    store.record("flex", "inbox", batch, RULE)


def test_pages_are_in_order_of_arrival_and_miss_nothing(store: Store) -> None:
    fill(store)
    seen, before = [], None
    while page := store.observations("flex", limit=5, before=before):
        seen += [view.element for view in page]
        before = page[-1].id
    assert seen == [f"b{i}" for i in reversed(range(12))]


def test_pages_by_quality_and_undecided(store: Store) -> None:
    fill(store)
    wanted = {Quality.BAD, Quality.MEDIUM}
    assert [view.element for view in store.observations("flex", qualities=wanted)] == [
        f"b{i}" for i in (10, 9, 6, 5, 2, 1)
    ]
    decided = store.observations("flex", qualities=[Quality.BAD])[0]
    store.decide(decided.id, "ana", NOW, [], None)
    assert [v.element for v in store.observations("flex", qualities=[Quality.BAD], undecided=True)] == ["b6", "b2"]
    assert store.observations("flex", qualities=[]) == []
    assert store.observations("its") == []


def test_history_of_an_element_is_by_time_of_observation(store: Store) -> None:
    times = [3, 1, 2]
    batch = [an_arrival(key=f"k{i}", observed_at=NOW + timedelta(hours=i)) for i in times]
    store.record("flex", "inbox", [*batch, an_arrival(element="another")], RULE)
    assert [view.key for view in store.history("flex", "20UPGFC0000001")] == ["k3", "k2", "k1"]


def test_what_is_not_there(store: Store) -> None:
    assert store.observation(1) is None
    assert store.alarm(1) is None
    assert store.find("flex", "none", "k") is None
    assert store.ticket("flex", "inbox", "t") is None
    assert store.overview(NOW) == []


def test_overview(store: Store) -> None:
    fill(store)
    store.heartbeat("flex", "watch", NOW, ok=True)
    store.heartbeat("flex", "watch", NOW + timedelta(minutes=1), ok=False, detail="disk full")
    store.heartbeat("its", "watch", NOW, ok=True)
    flex, its, missing = store.overview(NOW + timedelta(minutes=11), timedelta(minutes=8), systems=["schlieren"])
    assert (flex.system, its.system, missing.system) == ("flex", "its", "schlieren")
    assert flex.last_observed_at == NOW
    assert flex.last_processed_at == NOW + timedelta(minutes=11)
    assert flex.counts == {Quality.GOOD: 2, Quality.MEDIUM: 2, Quality.BAD: 2, Quality.NULL: 2}
    assert flex.open_alarms == {Severity.MAJOR: 3, Severity.INVALID: 3}
    assert (flex.unacknowledged, flex.worst) == (6, Severity.INVALID)
    beat = flex.heartbeat
    assert beat is not None
    assert (beat.ok, beat.detail, beat.last_success_at, beat.last_failure_at) == (
        False,
        "disk full",
        NOW,
        NOW + timedelta(minutes=1),
    )
    assert (its.last_observed_at, its.worst, its.counts[Quality.GOOD]) == (None, Severity.OK, 0)
    assert (missing.heartbeat, missing.unacknowledged) == (None, 0)


def test_acknowledged_alarms_stay_open_but_are_not_unacknowledged(store: Store) -> None:
    fill(store)
    store.act(store.alarms()[0].id, "acknowledge", "ana", "", NOW)  # type: ignore[arg-type]
    [flex] = store.overview(NOW)
    assert (sum(flex.open_alarms.values()), flex.unacknowledged) == (6, 5)


def test_lists_use_their_indexes(store: Store) -> None:
    """The overview's counts and a page of observations read no table from end to end (SQLite says how it plans)."""
    if not store.database.name.startswith("sqlite"):
        pytest.skip("PostgreSQL plans by the size of the tables")
    with store.database.reading() as session:
        for query in (
            "SELECT quality, count(*) FROM verdict WHERE system = 'flex' AND processed_at > '2026' GROUP BY quality",
            "SELECT * FROM observation WHERE system = 'flex' AND id < 9 ORDER BY id DESC LIMIT 5",
            "SELECT max(observed_at) FROM observation WHERE system = 'flex'",
        ):
            plan = " ".join(row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {query}")))
            assert "SEARCH" in plan
            assert "SCAN" not in plan


def test_a_store_that_was_closed_or_removed_says_so(store: Store) -> None:
    with store.database.writing("test") as session:
        session.execute(text("DROP TABLE evidence"))
    with pytest.raises(StoreError, match="evidence"):
        store.observations("flex")
