"""Going back to the tables of an earlier release, with what is in them."""

from core.backup.restoring import refuse_if_alive
from core.clock import SystemClock
from core.errors import StoreError
from core.store import audit, schema
from core.store.audit import Deed
from core.store.engine import Database

TRAIL_SINCE = "0003"
"""The migration that made the table of the trail."""
FIRST = "0001"


def roll_back(database: Database, revision: str, deed: Deed) -> str:
    """Take migrations back to ``revision`` and return where the tables were before.

    Raises
    ------
    StoreError
        There is no such migration below the present one, something still runs, or the database refuses.
    """
    before = schema.revision(database)
    if before is None:
        raise StoreError(f"{database.name}: has no tables of shiftwatch")
    if not schema.is_known(before):
        raise StoreError(f"{database.name}: is at {before}, made by a newer release: only that can go back")
    if not schema.is_known(revision) or not FIRST <= revision < before:
        raise StoreError(f"{revision}: is no migration before {before}")
    refuse_if_alive(database, SystemClock().now())
    if before >= TRAIL_SINCE:
        with database.writing("audit") as session:
            audit.write(session, deed)
    schema.downgrade(database, revision)
    return before
