"""What was judged long after it was seen: marked, and kept out of the lists of what arrived last."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INDEX = "ix_observation_system_is_backfill_id"


def upgrade() -> None:
    """Add the mark; whatever is there came through a watch."""
    op.add_column("observation", sa.Column("is_backfill", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(INDEX, "observation", ["system", "is_backfill", "id"])


def downgrade() -> None:
    """Drop it; what was filled in stays, without its mark."""
    op.drop_index(INDEX, table_name="observation")
    op.drop_column("observation", "is_backfill")
