"""Alembic migrations, run by ``core.store.schema``."""
