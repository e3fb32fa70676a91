"""Migrations from inside the program: the tables follow the package, whatever folder it is installed in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from core.errors import StoreError
from core.store.engine import WRITE, Database, take_turn

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Bring the tables to the newest migration. Processes that start together take turns.

    Raises
    ------
    StoreError
        If the database cannot be reached or was made by a newer release.
    """
    with _connection(database) as connection:
        command.upgrade(_config(connection), "head")


def downgrade(database: Database, revision: str) -> None:
    """Take migrations back, down to ``revision`` (``base``: all tables go)."""
    with _connection(database) as connection:
        command.downgrade(_config(connection), revision)


def check(database: Database) -> None:
    """Raise ``StoreError`` if the migrations do not lead to the tables of ``models``."""
    with _connection(database) as connection:
        command.check(_config(connection))


def is_current(database: Database) -> bool:
    """Whether the tables are at the newest migration."""
    with _connection(database) as connection:
        heads = ScriptDirectory.from_config(_config(connection)).get_heads()
        return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


def revision(database: Database) -> str | None:
    """Return the migration that the tables are at, None where there are none."""
    with _connection(database) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """Return the newest migration of this release."""
    return str(_script().get_current_head())


def is_known(wanted: str) -> bool:
    """Whether this release has a migration of that name."""
    return any(one.revision == wanted for one in _script().walk_revisions())


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(None))


@contextmanager
def _connection(database: Database) -> Iterator[Connection]:
    try:
        with database.engine.execution_options(**WRITE).begin() as connection:
            take_turn(connection, "migrations")
            yield connection
    except (SQLAlchemyError, CommandError) as error:
        raise StoreError(f"{database.name}: {getattr(error, 'orig', None) or error}") from error


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
