"""Alembic's environment: runs on the connection that ``core.store.schema`` hands over."""

from alembic import context

from core.store import console_models, drill_models, model_models  # noqa: F401 their tables belong to the metadata
from core.store.models import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
