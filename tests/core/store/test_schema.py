"""Migrations lead to the tables of the models, on both databases, from wherever the package lies."""

from importlib.resources import files
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from core.errors import StoreError
from core.store import Store, schema
from core.store.models import Base
from core.store.views import Judgement
from core.verdict import Quality

from .conftest import NOW, RULE, an_arrival


def test_no_drift_between_models_and_migrations(store: Store) -> None:
    schema.check(store.database)


def test_drift_would_be_seen(store: Store) -> None:
    with store.database.writing("test") as session:
        session.execute(text("DROP INDEX ix_verdict_alarm_id"))
    with pytest.raises(StoreError, match="ix_verdict_alarm_id"):
        schema.check(store.database)


def test_upgrade_twice_and_all_the_way_back(store: Store) -> None:
    assert store.is_current()
    store.upgrade()
    schema.downgrade(store.database, "base")
    assert not store.is_current()
    assert set(inspect(store.database.engine).get_table_names()) == {"alembic_version"}
    store.upgrade()
    assert store.is_current()


def test_the_migrations_name_every_table(store: Store) -> None:
    names = set(inspect(store.database.engine).get_table_names())
    assert names == set(Base.metadata.tables) | {"alembic_version"}


def test_without_tables_the_error_says_what_to_do(url: str, tmp_path: Path) -> None:
    with Store.open(url, tmp_path) as store, pytest.raises(StoreError, match="shiftwatch db upgrade"):
        store.observations("flex")


@pytest.mark.parametrize("table", ["alarm_event", "decision", "feedback", "record", "alias_change"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET author = 'forged'", "DELETE FROM {}"])
def test_history_cannot_be_changed(store: Store, table: str, statement: str) -> None:
    _fill(store)
    with (
        store.database.engine.connect() as connection,
        pytest.raises(SQLAlchemyError, match=f"{table} is append-only"),
    ):
        connection.execute(text(statement.format(table)))


def _fill(store: Store) -> None:
    store.record("flex", "inbox", [an_arrival(Quality.BAD)], RULE)
    number = store.observations("flex")[0].id
    store.decide(number, "ana", NOW, [], {"passed": False})
    store.add_feedback(number, "ana", NOW, Judgement.RIGHT)
    store.register_model("flex", "m", "1", "d" * 64, "/m", {}, NOW)
    store.set_alias("flex", "m", "champion", "1", "ana", "first", NOW)  # type: ignore[arg-type]


def test_migrations_are_part_of_the_package() -> None:
    package = files("core.store.migrations")
    assert package.joinpath("script.py.mako").is_file()
    assert package.joinpath("versions", "0001_first_tables.py").is_file()


@pytest.mark.parametrize("bad", ["nonsense", "mysql://host/db", "sqlite://", "postgresql+asyncpg://h/d"])
def test_an_unusable_url_is_named_without_its_password(bad: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        Store.open(bad, tmp_path)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with Store.open("postgresql://me:secret@127.0.0.1:1/none", tmp_path) as store:
        with pytest.raises(StoreError, match=r"127\.0\.0\.1:1/none") as caught:
            store.upgrade()
        assert "secret" not in str(caught.value)


def test_a_database_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("this is no database at all, whatever its name says\n" * 100)
    with Store.open(f"sqlite:///{path}", tmp_path) as store, pytest.raises(StoreError, match="not a database"):
        store.upgrade()


def test_sqlite_runs_with_write_ahead_log_and_foreign_keys(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path / 'a' / 'b' / 'store.db'}", tmp_path) as store:
        with store.database.reading() as session:
            values = [session.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "foreign_keys")]
        assert values == ["wal", 1]
