"""The first tables, and the triggers that keep history append-only."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NAME = sa.String(200)
WORD = sa.String(16)
TIME = sa.DateTime(timezone=True)
NUMBER = sa.Float(53)
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
APPEND_ONLY = ("alarm_event", "alias_change", "decision", "feedback", "record")
TABLES = (
    "observation",
    "artefact",
    "evidence",
    "ticket",
    "alarm",
    "verdict",
    "alarm_event",
    "decision",
    "feedback",
    "record",
    "model_version",
    "alias_change",
    "heartbeat",
    "watermark",
)


def upgrade() -> None:
    """Create everything."""
    _observations()
    _artefacts()
    _tickets()
    _alarms()
    _verdicts()
    _alarm_events()
    _decisions()
    _feedback()
    _records()
    _models()
    _operations()
    for table in APPEND_ONLY:
        _forbid_change(table)


def downgrade() -> None:
    """Drop everything."""
    for table in reversed(TABLES):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION shiftwatch_append_only")


def _column(name: str, kind: sa.types.TypeEngine[Any], *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=optional)


def _number(table: str) -> tuple[sa.Column[Any], sa.PrimaryKeyConstraint]:
    return sa.Column("id", sa.Integer(), nullable=False), sa.PrimaryKeyConstraint("id", name=f"pk_{table}")


def _reference(table: str, column: str, target: str, *, optional: bool = False) -> tuple[sa.Column[Any], sa.Constraint]:
    kind = NAME if target == "artefact.digest" else sa.Integer()
    name = f"fk_{table}_{column}_{target.partition('.')[0]}"
    return (
        sa.Column(column, kind, nullable=optional),
        sa.ForeignKeyConstraint([column], [target], name=name),
    )


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _observations() -> None:
    op.create_table(
        "observation",
        *_number("observation"),
        _column("system", NAME),
        _column("element", NAME),
        _column("key", NAME),
        _column("observed_at", TIME),
        _column("origin", sa.Text()),
        _column("sha256", sa.Text()),
        _column("conditions", JSON),
        sa.UniqueConstraint("system", "element", "key", name="uq_observation_system_element_key"),
    )
    _index("observation", "system", "element", "observed_at")
    _index("observation", "system", "observed_at")
    _index("observation", "system", "id")


def _artefacts() -> None:
    op.create_table(
        "artefact",
        _column("digest", NAME),
        _column("media_type", sa.Text()),
        _column("bytes", sa.Integer()),
        _column("created_at", TIME),
        sa.PrimaryKeyConstraint("digest", name="pk_artefact"),
    )
    op.create_table(
        "evidence",
        *_reference("evidence", "observation_id", "observation.id"),
        _column("name", NAME),
        *_reference("evidence", "digest", "artefact.digest"),
        sa.PrimaryKeyConstraint("observation_id", "name", name="pk_evidence"),
    )
    _index("evidence", "digest")


def _tickets() -> None:
    op.create_table(
        "ticket",
        _column("system", NAME),
        _column("source", NAME),
        _column("digest", NAME),
        _column("ticket", sa.Text()),
        _column("outcome", WORD),
        _column("reason", sa.Text(), optional=True),
        *_reference("ticket", "observation_id", "observation.id"),
        _column("settled_at", TIME),
        sa.PrimaryKeyConstraint("system", "source", "digest", name="pk_ticket"),
    )
    _index("ticket", "observation_id")


def _alarms() -> None:
    op.create_table(
        "alarm",
        *_number("alarm"),
        _column("system", NAME),
        _column("element", NAME),
        _column("severity", WORD),
        _column("current", WORD),
        _column("message", sa.Text()),
        _column("bad_since", TIME, optional=True),
        _column("bad_count", sa.Integer()),
        _column("observed_at", TIME, optional=True),
        _column("raised_at", TIME, optional=True),
        _column("recovered_at", TIME, optional=True),
        _column("closed_at", TIME, optional=True),
        _column("acknowledged_by", sa.Text(), optional=True),
        _column("acknowledged_at", TIME, optional=True),
        _column("shelved_by", sa.Text(), optional=True),
        _column("shelved_reason", sa.Text(), optional=True),
        _column("shelved_until", TIME, optional=True),
        *_reference("alarm", "observation_id", "observation.id", optional=True),
        sqlite_autoincrement=True,
    )
    is_open = sa.text("closed_at IS NULL")
    op.create_index(
        "uq_alarm_open", "alarm", ["system", "element"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )
    _index("alarm", "system", "element", "id")
    _index("alarm", "closed_at", "id")


def _verdicts() -> None:
    op.create_table(
        "verdict",
        *_reference("verdict", "observation_id", "observation.id"),
        _column("system", NAME),
        _column("processed_at", TIME),
        _column("quality", WORD),
        _column("score", NUMBER, optional=True),
        _column("threshold", NUMBER, optional=True),
        _column("p_value", NUMBER, optional=True),
        _column("cause", sa.Text(), optional=True),
        _column("cause_probability", NUMBER, optional=True),
        _column("model_name", sa.Text(), optional=True),
        _column("model_version", sa.Text(), optional=True),
        _column("reason", sa.Text(), optional=True),
        _column("regions", JSON),
        _column("region_count", sa.Integer()),
        _column("measurements", JSON),
        *_reference("verdict", "alarm_id", "alarm.id", optional=True),
        sa.PrimaryKeyConstraint("observation_id", name="pk_verdict"),
    )
    _index("verdict", "system", "processed_at", "quality")
    _index("verdict", "alarm_id")


def _alarm_events() -> None:
    op.create_table(
        "alarm_event",
        *_number("alarm_event"),
        *_reference("alarm_event", "alarm_id", "alarm.id"),
        _column("kind", WORD),
        _column("at", TIME),
        _column("severity", WORD),
        _column("author", sa.Text()),
        _column("note", sa.Text()),
        _column("until", TIME, optional=True),
        *_reference("alarm_event", "observation_id", "observation.id", optional=True),
    )
    _index("alarm_event", "alarm_id")
    _index("alarm_event", "at")


def _decisions() -> None:
    op.create_table(
        "decision",
        *_number("decision"),
        *_reference("decision", "observation_id", "observation.id"),
        _column("disposition", WORD),
        _column("author", sa.Text()),
        _column("at", TIME),
    )
    _index("decision", "observation_id")


def _feedback() -> None:
    op.create_table(
        "feedback",
        *_number("feedback"),
        *_reference("feedback", "observation_id", "observation.id"),
        *_reference("feedback", "decision_id", "decision.id", optional=True),
        *_reference("feedback", "alarm_id", "alarm.id", optional=True),
        _column("region_index", sa.Integer(), optional=True),
        _column("judgement", WORD),
        _column("cause", sa.Text(), optional=True),
        _column("comment", sa.Text()),
        _column("author", sa.Text()),
        _column("at", TIME),
    )
    _index("feedback", "observation_id")


def _records() -> None:
    op.create_table(
        "record",
        *_number("record"),
        *_reference("record", "observation_id", "observation.id"),
        *_reference("record", "decision_id", "decision.id"),
        _column("kind", sa.Text()),
        _column("content", JSON),
        _column("author", sa.Text()),
        _column("at", TIME),
    )
    _index("record", "observation_id")


def _models() -> None:
    op.create_table(
        "model_version",
        *_number("model_version"),
        _column("system", NAME),
        _column("name", NAME),
        _column("version", NAME),
        _column("digest", sa.Text()),
        _column("path", sa.Text()),
        _column("card", JSON),
        _column("registered_at", TIME),
        sa.UniqueConstraint("system", "name", "version", name="uq_model_version_system_name_version"),
    )
    op.create_table(
        "alias_change",
        *_number("alias_change"),
        _column("system", NAME),
        _column("name", NAME),
        _column("alias", WORD),
        *_reference("alias_change", "model_version_id", "model_version.id", optional=True),
        _column("author", sa.Text()),
        _column("reason", sa.Text()),
        _column("at", TIME),
    )
    _index("alias_change", "system", "name", "alias")


def _operations() -> None:
    op.create_table(
        "heartbeat",
        _column("system", NAME),
        _column("flow", NAME),
        _column("at", TIME),
        _column("ok", sa.Boolean()),
        _column("detail", sa.Text()),
        _column("last_success_at", TIME, optional=True),
        _column("last_failure_at", TIME, optional=True),
        sa.PrimaryKeyConstraint("system", "flow", name="pk_heartbeat"),
    )
    op.create_table(
        "watermark",
        _column("system", NAME),
        _column("source", NAME),
        _column("mark", JSON),
        sa.PrimaryKeyConstraint("system", "source", name="pk_watermark"),
    )


def _forbid_change(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION shiftwatch_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION shiftwatch_append_only()"
    )
