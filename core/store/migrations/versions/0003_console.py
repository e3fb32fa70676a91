"""The shift console: who is asked since when, what holds alarms back, guidance, audit and notifications."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NAME = sa.String(200)
TIME = sa.DateTime(timezone=True)
NUMBER = sa.Float(53)
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
APPEND_ONLY = ("guidance", "audit")
TABLES = ("guidance", "audit", "circumstance", "notification")
COLUMNS = ("asked_at", "overdue_at", "inhibited_by", "inhibited_at", "is_notice", "respond_s")
CAUSES = "ix_alarm_system_cause_id"
WORDS = "ix_feedback_alarm_id"


def upgrade() -> None:
    """Add columns to the alarms, and the tables of the console."""
    for name in ("asked_at", "overdue_at", "inhibited_at"):
        op.add_column("alarm", sa.Column(name, TIME, nullable=True))
    op.add_column("alarm", sa.Column("inhibited_by", sa.Text(), nullable=True))
    op.add_column("alarm", sa.Column("is_notice", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("alarm", sa.Column("respond_s", NUMBER, nullable=True))
    op.execute("UPDATE alarm SET asked_at = raised_at WHERE closed_at IS NULL AND raised_at IS NOT NULL")
    op.create_index(CAUSES, "alarm", ["system", "cause", "id"])
    op.create_index(WORDS, "feedback", ["alarm_id"])
    _guidance()
    _audit()
    _circumstance()
    _notification()
    for table in APPEND_ONLY:
        _forbid_change(table)


def downgrade() -> None:
    """Drop them: what was held back asks again, notices are alarms as before."""
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_index(WORDS, table_name="feedback")
    op.drop_index(CAUSES, table_name="alarm")
    for column in reversed(COLUMNS):
        op.drop_column("alarm", column)
    op.execute("DELETE FROM watermark WHERE source = 'notifications'")
    _reword_history()


def _reword_history() -> None:
    """The release before knows no such lines: they become remarks, which say the same."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute(
        "DROP TRIGGER alarm_event_no_update" if sqlite else "ALTER TABLE alarm_event DISABLE TRIGGER USER",
    )
    op.execute(
        "UPDATE alarm_event SET note = lower(kind) || ': ' || note, kind = 'COMMENTED' "
        "WHERE kind IN ('OVERDUE', 'INHIBITED', 'RELEASED')"
    )
    op.execute(
        "CREATE TRIGGER alarm_event_no_update BEFORE UPDATE ON alarm_event "
        "BEGIN SELECT RAISE(ABORT, 'alarm_event is append-only'); END"
        if sqlite
        else "ALTER TABLE alarm_event ENABLE TRIGGER USER"
    )


def _guidance() -> None:
    op.create_table(
        "guidance",
        _number(),
        _column("system", NAME),
        _column("cause", NAME),
        _column("text", sa.Text()),
        _column("contact", sa.Text()),
        _column("needs_action", sa.Boolean()),
        _column("respond_min", NUMBER, optional=True),
        _column("author", sa.Text()),
        _column("reason", sa.Text()),
        _column("at", TIME),
        sa.PrimaryKeyConstraint("id", name="pk_guidance"),
    )
    op.create_index("ix_guidance_system_cause_id", "guidance", ["system", "cause", "id"])


def _audit() -> None:
    words = ("author", "role", "via", "deed", "system", "subject", "note")
    op.create_table(
        "audit",
        _number(),
        _column("at", TIME),
        *[_column(name, sa.Text()) for name in words],
        _column("allowed", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])


def _circumstance() -> None:
    op.create_table(
        "circumstance",
        _column("system", NAME),
        _column("name", NAME),
        _column("subject", NAME),
        _column("reason", sa.Text()),
        _column("since", TIME),
        _column("observed_at", TIME),
        _column("kinds", JSON, optional=True),
        sa.PrimaryKeyConstraint("system", "name", "subject", name="pk_circumstance"),
    )


def _notification() -> None:
    op.create_table(
        "notification",
        _number(),
        _column("channel", NAME),
        _column("event_id", sa.Integer()),
        _column("queued_at", TIME),
        _column("next_at", TIME),
        _column("attempts", sa.Integer()),
        _column("error", sa.Text()),
        _column("sent_at", TIME, optional=True),
        _column("message", sa.Text(), optional=True),
        _column("given_up_at", TIME, optional=True),
        sa.PrimaryKeyConstraint("id", name="pk_notification"),
        sa.ForeignKeyConstraint(["event_id"], ["alarm_event.id"], name="fk_notification_event_id_alarm_event"),
        sa.UniqueConstraint("channel", "event_id", name="uq_notification_channel_event_id"),
    )
    op.create_index("ix_notification_channel_sent_at", "notification", ["channel", "sent_at"])


def _number() -> sa.Column[Any]:
    return sa.Column("id", sa.Integer(), nullable=False)


def _column(name: str, kind: Any, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=optional)


def _forbid_change(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION shiftwatch_append_only()"
    )
