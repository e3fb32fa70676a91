"""From every earlier migration to the newest with data in place, and back: what both know is the same afterwards."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect, select

from core.backup.rolling_back import roll_back
from core.errors import StoreError
from core.store import Store, schema
from core.store.audit import Deed, Sought
from core.store.console_models import AuditRow
from core.store.contents import contents
from core.store.views import Judgement
from core.verdict import Quality
from tests.core.store.conftest import NOW, RULE, Server, a_broken_arrival, an_arrival

DEED = Deed(NOW, "ops", "expert", "command line", "downgrade", "tables", "to it")
FROM_FIRST = (
    "observation",
    "verdict",
    "artefact",
    "evidence",
    "ticket",
    "feedback",
    "decision",
    "record",
    "alarm_event",
)
REVISIONS = ["0001", "0002", "0003", "0004", "0005", "0006"]


@pytest.fixture
def filled(server: Server, tmp_path: Path) -> Iterator[Store]:
    url = server.make(tmp_path, tables=True)
    with Store.open(url, tmp_path / "artefacts") as store:
        batch = [an_arrival(Quality.GOOD, f"board {number}") for number in range(5)]
        batch += [an_arrival(Quality.BAD, "bad board"), a_broken_arrival()]
        store.record("flex", "inbox", batch, RULE, {"taken_at": NOW.isoformat()})
        store.add_feedback(6, "ana", NOW, Judgement.RIGHT)
        store.decide(6, "ana", NOW, [], {"passed": False})
        store.heartbeat("flex", "watch", NOW - timedelta(days=1), ok=True)
        yield store
    server.drop(url)


@pytest.mark.parametrize("revision", REVISIONS)
def test_there_and_back_with_data_in_place(filled: Store, revision: str) -> None:
    before = contents(filled.database)
    assert roll_back(filled.database, revision, DEED) == schema.newest()
    assert schema.revision(filled.database) == revision
    earlier = contents(filled.database)
    for table in FROM_FIRST:
        assert earlier[table].rows == before[table].rows, table
    filled.upgrade()
    assert filled.is_current()
    schema.check(filled.database)  # the tables are those of the models again, with every index
    after = contents(filled.database)
    for table in FROM_FIRST:
        assert after[table] == before[table], table
    filled.record("flex", "inbox", [an_arrival(Quality.BAD, "next board")], RULE)  # and it goes on
    assert {"bad board", "next board"} <= {view.element for view in filled.observations("flex")}
    assert "next board" in {alarm.element for alarm in filled.alarms()}


def test_who_went_back_is_in_the_trail(filled: Store) -> None:
    roll_back(filled.database, "0005", DEED)
    filled.upgrade()
    (deed,) = filled.trail(sought=Sought(what="downgrade"))
    assert (deed.author, deed.note) == ("ops", "to it")


@pytest.mark.parametrize("wanted", ["0999", "nonsense", "", "base", "head", schema.newest()])
def test_what_is_no_earlier_migration_is_refused(filled: Store, wanted: str) -> None:
    before = contents(filled.database)
    with pytest.raises(StoreError, match="is no migration before"):
        roll_back(filled.database, wanted, DEED)
    assert contents(filled.database) == before


def test_it_waits_until_nothing_runs(filled: Store) -> None:
    from core.clock import SystemClock

    filled.heartbeat("flex", "watch", SystemClock().now(), ok=True)
    with pytest.raises(StoreError, match=r"still in use \(watch gave signs of life"):
        roll_back(filled.database, "0005", DEED)
    assert filled.is_current()
    with filled.database.reading() as session:
        assert not session.scalars(select(AuditRow)).all()


def test_what_rests_on_an_observation_is_found_in_an_index(filled: Store) -> None:
    """Without, both databases would read all alarms for every observation that retention removes."""
    inspector = inspect(filled.database.engine)
    for table in ("alarm", "alarm_event"):
        columns = [index["column_names"] for index in inspector.get_indexes(table)]
        assert ["observation_id"] in columns
