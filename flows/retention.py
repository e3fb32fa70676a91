"""Retention as a Prefect flow, every few hours: the round itself is ``flows.retaining``, which knows nothing of it."""

from collections.abc import Sequence

from prefect import flow

from core.settings import load_settings
from flows.retaining import run


@flow(name="retain", log_prints=False, persist_result=False)
def retain(systems: Sequence[str]) -> str:
    """Remove what is older, or more, than the settings want to keep of ``systems``; return what that was."""
    return run(load_settings(), systems)
