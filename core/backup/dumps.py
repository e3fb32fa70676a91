"""The database as one file, and back: SQLite by its online backup, PostgreSQL by its own tools."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, event, inspect, text

from core.errors import StoreError
from core.store.contents import Content, contents_of, snapshot
from core.store.engine import Database

CLIENT = "PostgreSQL's client tools are needed (Debian: apt-get install postgresql-client)"
LIVED = ("observation", "alarm", "model_version", "guidance", "audit")
"""Where something is in one of these, somebody works with it."""
SCHEMA, ASIDE = "public", "before_restore_"


@dataclass(frozen=True, slots=True)
class Dumped:
    """What was dumped: of which kind and server, at which migration, and what is in the tables."""

    kind: str
    server: str
    revision: str
    tables: Mapping[str, Content]


def dump(database: Database, target: Path) -> Dumped:
    """Write the database, as it is at one instant, into a file while others go on reading and writing.

    Raises
    ------
    StoreError
        If it has no tables, cannot be read, or the file cannot be written; or PostgreSQL's tools are missing.
    """
    return _dump_sqlite(database, target) if kind_of(database) == "sqlite" else _dump_postgresql(database, target)


def load(database: Database, source: Path) -> None:
    """Put a dump into an empty database: all of it or nothing.

    Raises
    ------
    StoreError
        If the database is not empty or refuses.
    """
    if not is_empty(database):
        raise StoreError(f"{database.name}: holds tables already")
    if kind_of(database) == "sqlite":
        _load_sqlite(database, source)
    else:
        _run(database, "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-acl",
             "--dbname", _address(database), str(source))  # fmt: skip


def kind_of(database: Database) -> str:
    """Return ``sqlite`` or ``postgresql``."""
    return database.engine.dialect.name


def is_empty(database: Database) -> bool:
    """Whether a database has no table at all; an SQLite file that is not there has none."""
    path = file_of(database)
    if path is not None and not path.exists():
        return True
    with snapshot(database) as connection:
        return not inspect(connection).get_table_names()


def is_unused(database: Database) -> bool:
    """Whether a database is empty, or has the tables of a site on which nothing has happened yet."""
    if is_empty(database):
        return True
    with snapshot(database) as connection:
        there = [name for name in LIVED if inspect(connection).has_table(name)]
        return not any(connection.scalar(text(f"SELECT 1 FROM {name} LIMIT 1")) for name in there)  # noqa: S608


def set_aside(database: Database, stamp: str) -> str:
    """Move what a database holds out of the way, and return where to: nothing is deleted.

    PostgreSQL keeps it as another schema, SQLite as another file.
    """
    path = file_of(database)
    if path is not None:
        return _set_file_aside(database, path, stamp)
    name = f"{ASIDE}{stamp.lower()}"
    with database.writing("migrations") as session:
        session.execute(text(f'ALTER SCHEMA {SCHEMA} RENAME TO "{name}"'))
        session.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    return f"schema {name} of {database.name}"


def file_of(database: Database) -> Path | None:
    """Return the file of an SQLite database."""
    return Path(str(database.engine.url.database)).absolute() if kind_of(database) == "sqlite" else None


def _dump_sqlite(database: Database, target: Path) -> Dumped:
    source = file_of(database)
    if source is None or not source.is_file():
        raise StoreError(f"{database.name}: is not there")
    try:
        with closing(sqlite3.connect(source, timeout=30.0)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)  # all pages in one step: one instant, and with a write-ahead log no writer waits
            copy.execute("PRAGMA journal_mode=DELETE")
            wrong = copy.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        raise StoreError(f"{database.name}: cannot be backed up to {target.parent}: {error}") from error
    if wrong != "ok":
        raise StoreError(f"{database.name}: is damaged: {wrong}")
    with read_copy(target) as connection:
        return Dumped("sqlite", sqlite3.sqlite_version, _revision(connection, database), contents_of(connection))


@contextmanager
def read_copy(path: Path) -> Iterator[Connection]:
    """Read an SQLite file that nobody else uses, leaving nothing beside it."""
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda made, _: made.execute("PRAGMA query_only=ON"))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _load_sqlite(database: Database, source: Path) -> None:
    path = file_of(database)
    assert path is not None
    database.close()
    part = path.with_name(f"{path.name}.restoring")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        for beside in _beside(path):
            beside.unlink(missing_ok=True)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error


def _set_file_aside(database: Database, path: Path, stamp: str) -> str:
    with closing(sqlite3.connect(path, timeout=30.0)) as live:
        live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    aside = path.with_name(f"{path.name}.before-restore-{stamp}")
    for part in (*_beside(path), path):
        if part.exists():
            part.rename(aside.with_name(aside.name + part.name.removeprefix(path.name)))
    return str(aside)


def _beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + end) for end in ("-wal", "-shm")]


def _dump_postgresql(database: Database, target: Path) -> Dumped:
    """What is counted and what is dumped are one snapshot, which ``pg_dump`` is told by name."""
    with snapshot(database) as connection:
        name = connection.scalar(text("SELECT pg_export_snapshot()"))
        server = str(connection.scalar(text("SHOW server_version")))
        revision = _revision(connection, database)
        _run(database, "pg_dump", "--format=custom", "--no-owner", "--no-acl", f"--exclude-schema={ASIDE}*",
             f"--snapshot={name}", "--file", str(target), "--dbname", _address(database))  # fmt: skip
        return Dumped("postgresql", server, revision, contents_of(connection))


def _revision(connection: Connection, database: Database) -> str:
    if not inspect(connection).has_table("alembic_version"):
        raise StoreError(f"{database.name}: has no tables of shiftwatch")
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


def _address(database: Database) -> str:
    """The URL for libpq, without the password: it would be seen in the list of processes."""
    known = database.engine.url
    bare = URL.create("postgresql", known.username, None, known.host, known.port, known.database, known.query)
    return bare.render_as_string()


def _run(database: Database, tool: str, *arguments: str) -> None:
    if shutil.which(tool) is None:
        raise StoreError(f"{tool} is not there: {CLIENT}")
    password = database.engine.url.password
    secret = {} if password is None else {"PGPASSWORD": str(password)}
    done = subprocess.run(
        [tool, *arguments], env=os.environ | secret, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[:500] or f"ended with status {done.returncode}"
        raise StoreError(f"{database.name}: {tool}: {said}")
