"""Training as a Prefect flow: thin, the work is the system's own and runs in a process of its own."""

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from core.errors import SettingsError
from flows.calling import call_apart
from flows.systems import find_entry


@task(name="train", cache_policy=NO_CACHE, persist_result=False)
def train_apart(target: str, arguments: dict[str, Any]) -> str:
    """Train in a process of its own; return what the system's training returns, as text."""
    return str(call_apart(target, arguments))


@flow(name="train", persist_result=False)
def train(system: str, arguments: dict[str, Any]) -> str:
    """Train a model of ``system``; ``arguments`` go to its training function (flex: product, golden_dir, out…)."""
    target = find_entry(system).train
    if target is None:
        raise SettingsError(f"{system} has nothing to train")
    return train_apart(target, arguments)
