"""The database: how to connect to SQLite and PostgreSQL, and what a transaction is."""

import random
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session

from core.errors import StoreError

BUSY_TIMEOUT_MS = 30_000
WRITE = {"shiftwatch_write": True}
PLANNED_ANEW = {"prepare_threshold": None}
"""psycopg would prepare what it ran five times; the plan that PostgreSQL then keeps knows neither limit nor span, and
took seconds where the plan for the values at hand takes a millisecond."""
PATIENCE: Mapping[str, int] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""How long libpq waits for a PostgreSQL server that does not even refuse (seconds; the last in ms): a machine that is
switched off would otherwise hold a watch or a page up for a quarter of an hour. What the URL says comes first."""


@dataclass(frozen=True, slots=True)
class Database:
    """An engine and the two kinds of transaction that the store knows."""

    engine: Engine

    @classmethod
    def open(cls, url: str) -> Self:
        """Open ``url``; nothing is connected yet.

        Raises
        ------
        StoreError
            If the URL is no URL, of another database, or its folder cannot be made.
        """
        parsed = _parse(url)
        if parsed.get_backend_name() == "sqlite":
            return cls(_sqlite(parsed))
        patience = {name: value for name, value in PATIENCE.items() if name not in parsed.query}
        return cls(create_engine(parsed, pool_pre_ping=True, connect_args=patience))

    @property
    def name(self) -> str:
        """The URL without its password, for people."""
        return self.engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session for one reading transaction.

        On PostgreSQL each statement is one by itself: it would see what was committed before it anyway (READ
        COMMITTED), and ``BEGIN`` and ``ROLLBACK`` are two more ways to the server and back for every look.
        """
        options = {"isolation_level": "AUTOCOMMIT"} if self.engine.dialect.name == "postgresql" else {}
        with self._errors(), Session(self.engine.execution_options(**options)) as session:
            yield session

    @contextmanager
    def writing(self, scope: str) -> Iterator[Session]:
        """Give a session for one writing transaction, committed at the end or not at all.

        Writers of one ``scope`` (a system) take turns, so that each sees what the one before left: alarms are
        stepped and duplicates found without races. SQLite has one writer at a time anyway.
        """
        with self._errors(), Session(self.engine.execution_options(**WRITE)) as session, session.begin():
            take_turn(session.connection(), scope)
            yield session

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip()
            hint = "; run `shiftwatch db upgrade`" if _no_table(reason) else ""
            raise StoreError(f"{self.name}: {reason}{hint}") from error


def take_turn(connection: Connection, scope: str) -> None:
    """Wait until no other transaction holds ``scope`` and hold it to the end of this one (PostgreSQL)."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:scope, 0))"), {"scope": scope})


def _no_table(reason: str) -> bool:
    return "no such table" in reason or ("relation" in reason and "does not exist" in reason)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError("the database URL cannot be read; use sqlite:///FILE or postgresql+psycopg://…") from None
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise StoreError(f"{parsed.drivername}: only sqlite and postgresql+psycopg are supported")
    return parsed


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise StoreError("sqlite needs a file: several processes share the store")
    folder = Path(url.database).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}") from error
    engine = create_engine(url)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Turn on the write-ahead log; of processes that turn it on at once, SQLite refuses some without waiting.

    The change of mode raises a read lock to an exclusive one, for which SQLite calls no busy handler
    (https://sqlite.org/c3ref/busy_handler.html): so the wait is ours.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.001, 0.02))
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    """Begin as sqlite3 would not: a writer takes its lock at once, since it could not upgrade a stale read to it."""
    write = connection.get_execution_options().get("shiftwatch_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
