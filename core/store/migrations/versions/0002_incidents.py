"""Alarms of incidents: kind, subject, places, cause, and how many good verdicts in a row."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAME = sa.String(200)
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
COLUMNS = ("kind", "subject", "places", "cause", "good_count")
OPEN_ALARM = "uq_alarm_open"
CLOSED = "closed by going back to a release that knows no incidents"


def upgrade() -> None:
    """Add columns (no table is made anew: others refer to it); an element may have an open alarm of each kind."""
    op.add_column("alarm", sa.Column("kind", NAME, nullable=False, server_default=""))
    op.add_column("alarm", sa.Column("subject", NAME, nullable=True))
    op.add_column("alarm", sa.Column("places", JSON, nullable=False, server_default="[]"))
    op.add_column("alarm", sa.Column("cause", sa.Text(), nullable=True))
    op.add_column("alarm", sa.Column("good_count", sa.Integer(), nullable=False, server_default="0"))
    _open_alarm_index("system", "element", "kind")


def downgrade() -> None:
    """Close the open alarms of incidents, which the release before would never judge again, and drop the columns."""
    _close_incidents()
    _open_alarm_index("system", "element")
    for column in reversed(COLUMNS):
        op.drop_column("alarm", column)


def _open_alarm_index(*columns: str) -> None:
    is_open = sa.text("closed_at IS NULL")
    op.drop_index(OPEN_ALARM, table_name="alarm")
    op.create_index(OPEN_ALARM, "alarm", list(columns), unique=True, sqlite_where=is_open, postgresql_where=is_open)


def _close_incidents() -> None:
    pending = "kind <> '' AND raised_at IS NULL"
    op.execute(f"UPDATE verdict SET alarm_id = NULL WHERE alarm_id IN (SELECT id FROM alarm WHERE {pending})")  # noqa: S608
    op.execute(f"DELETE FROM alarm WHERE {pending}")  # noqa: S608
    still_open = "kind <> '' AND closed_at IS NULL"
    op.execute(
        "INSERT INTO alarm_event (alarm_id, kind, at, severity, author, note) "  # noqa: S608
        f"SELECT id, 'CLEARED', CURRENT_TIMESTAMP, severity, '', '{CLOSED}' FROM alarm WHERE {still_open}"
    )
    op.execute(
        "UPDATE alarm SET current = 'OK', recovered_at = COALESCE(recovered_at, CURRENT_TIMESTAMP), "  # noqa: S608
        f"closed_at = CURRENT_TIMESTAMP WHERE {still_open}"
    )
