"""What is in the tables, as a count and a checksum each: whether two databases hold the same verdicts and alarms.

The tables are taken as they are in the database, not as this release knows them, so that a backup of an older release
is told as well. The checksum depends neither on the order of rows nor on which database holds them.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, MetaData, Table, select
from sqlalchemy.exc import SQLAlchemyError

from core.errors import StoreError
from core.store.engine import Database

JUDGED = ("observation", "verdict", "alarm", "alarm_event")
"""The tables that hold what was seen, what was judged of it, and what was alarmed."""
_MODULUS = 1 << 256
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Content:
    """How many rows a table has, and the checksum of all that is in them (64 hexadecimal digits)."""

    rows: int
    checksum: str


def contents(database: Database, tables: Sequence[str] | None = None) -> dict[str, Content]:
    """Return what is in every table (or those asked for), as one transaction sees it."""
    with snapshot(database) as connection:
        return contents_of(connection, tables)


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """Give a connection that sees the database as it is now, whatever is committed meanwhile; it blocks no writer."""
    options = {"isolation_level": "REPEATABLE READ"} if database.engine.dialect.name == "postgresql" else {}
    try:
        with database.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
    except SQLAlchemyError as error:
        raise StoreError(f"{database.name}: {getattr(error, 'orig', None) or error}") from error


def contents_of(connection: Connection, tables: Sequence[str] | None = None) -> dict[str, Content]:
    """Return what is in every table (or those asked for that are there), by name."""
    known = MetaData()
    known.reflect(connection)
    return {
        name: _content(connection, table)
        for name, table in sorted(known.tables.items())
        if tables is None or name in tables
    }


def _content(connection: Connection, table: Table) -> Content:
    """Add up the digests of the rows (a multiset hash): no sorting, whose order would depend on the collation."""
    columns = sorted(table.columns, key=lambda column: column.name)
    query = select(*columns).execution_options(yield_per=_AT_ONCE)
    rows = total = 0
    for row in connection.execute(query):
        total += int.from_bytes(sha256(_told(row)).digest(), "big")
        rows += 1
    return Content(rows, f"{total % _MODULUS:064x}")


def _told(row: Sequence[Any]) -> bytes:
    return json.dumps(list(row), default=_plain, sort_keys=True, separators=(",", ":")).encode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):  # SQLite keeps UTC without saying so
        return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is in a table")
