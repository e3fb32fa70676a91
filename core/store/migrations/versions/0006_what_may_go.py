"""Whether an alarm rests on an observation is found in an index: what may be removed is asked for all the time.

Without them, both databases read all alarms and their whole history for every observation that is removed.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEXES = ("alarm", "alarm_event")


def upgrade() -> None:
    """Add the two indexes."""
    for table in INDEXES:
        op.create_index(f"ix_{table}_observation_id", table, ["observation_id"])


def downgrade() -> None:
    """Drop them."""
    for table in reversed(INDEXES):
        op.drop_index(f"ix_{table}_observation_id", table_name=table)
