"""Models beside the one in charge: shadow verdicts and replays; indices for what was said and decided when."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NAME = sa.String(200)
TIME = sa.DateTime(timezone=True)
NUMBER = sa.Float(53)
WORD = sa.String(16)
INDICES = (("ix_feedback_at", "feedback", ["at"]), ("ix_decision_at", "decision", ["at"]))


def upgrade() -> None:
    """Add the two tables and the indices."""
    _replay()
    _shadow_verdict()
    for name, table, columns in INDICES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    """Drop them."""
    for name, table, _ in INDICES:
        op.drop_index(name, table_name=table)
    op.drop_table("shadow_verdict")
    op.drop_table("replay")


def _replay() -> None:
    op.create_table(
        "replay",
        sa.Column("id", sa.Integer(), nullable=False),
        *(sa.Column(name, NAME, nullable=False) for name in ("system", "model_name", "model_version")),
        *(sa.Column(name, TIME, nullable=False) for name in ("begins", "ends")),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("asked_at", TIME, nullable=False),
        sa.Column("state", WORD, nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("total", "done", "lost")),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_replay"),
    )
    op.create_index("ix_replay_system_id", "replay", ["system", "id"])


def _shadow_verdict() -> None:
    table, keys = "shadow_verdict", ("observation_id", "model_name", "model_version")
    op.create_table(
        table,
        sa.Column("observation_id", sa.Integer(), nullable=False, autoincrement=False),
        *(sa.Column(name, NAME, nullable=False) for name in ("model_name", "model_version", "system")),
        sa.Column("processed_at", TIME, nullable=False),
        sa.Column("quality", WORD, nullable=False),
        *(sa.Column(name, NUMBER, nullable=True) for name in ("score", "threshold", "p_value")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("cause", "reason")),
        sa.Column("took_s", NUMBER, nullable=False),
        sa.Column("replay_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint(*keys, name=f"pk_{table}"),
        sa.ForeignKeyConstraint(["observation_id"], ["observation.id"], name=f"fk_{table}_observation_id_observation"),
        sa.ForeignKeyConstraint(["replay_id"], ["replay.id"], name=f"fk_{table}_replay_id_replay"),
    )
    op.create_index(f"ix_{table}_replay_id", table, ["replay_id"])
    op.create_index(f"ix_{table}_model", table, ["system", "model_name", "model_version", "observation_id"])
