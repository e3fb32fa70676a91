"""Drills: what was asked for and came of it, the observations that were altered, and the alarms that were its own."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NAME = sa.String(200)
TIME = sa.DateTime(timezone=True)
WORD = sa.String(16)
JSON = sa.JSON().with_variant(JSONB(), "postgresql")


def upgrade() -> None:
    """Add the three tables."""
    op.create_table(
        "drill",
        sa.Column("id", sa.Integer(), nullable=False),
        *(sa.Column(name, NAME, nullable=False) for name in ("system", "fault")),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("causes", JSON, nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        *(sa.Column(name, TIME, nullable=False) for name in ("asked_at", "ends_by")),
        sa.Column("place", sa.Text(), nullable=False),
        *(sa.Column(name, TIME, nullable=True) for name in ("started_at", "revealed_at")),
        sa.Column("ending", sa.Text(), nullable=False),
        sa.Column("result", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_drill"),
    )
    op.create_index("ix_drill_system_id", "drill", ["system", "id"])
    op.create_index("ix_drill_revealed_at", "drill", ["revealed_at"])
    _marks("drill_observation", "observation", (sa.Column("quality", WORD, nullable=False),
                                                sa.Column("verdict", JSON, nullable=False)))  # fmt: skip
    _marks("drill_alarm", "alarm", ())


def downgrade() -> None:
    """Drop them."""
    for table in ("drill_alarm", "drill_observation", "drill"):
        op.drop_table(table)


def _marks(table: str, of: str, more: tuple[sa.Column[Any], ...]) -> None:
    key = f"{of}_id"
    op.create_table(
        table,
        sa.Column(key, sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("drill_id", sa.Integer(), nullable=False),
        *more,
        sa.PrimaryKeyConstraint(key, name=f"pk_{table}"),
        sa.ForeignKeyConstraint([key], [f"{of}.id"], name=f"fk_{table}_{key}_{of}"),
        sa.ForeignKeyConstraint(["drill_id"], ["drill.id"], name=f"fk_{table}_drill_id_drill"),
    )
    op.create_index(f"ix_{table}_drill_id", table, ["drill_id"])
