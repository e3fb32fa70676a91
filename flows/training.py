"""Training and calibration as Prefect flows: thin, the work is the system's own and runs in a process of its own."""

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from core.errors import SettingsError
from flows.calling import call_apart
from flows.systems import find_entry


@task(name="work apart", cache_policy=NO_CACHE, persist_result=False)
def work_apart(target: str, arguments: dict[str, Any]) -> str:
    """Call ``module:function`` in a process of its own; return what it returns, as text."""
    return str(call_apart(target, arguments))


@flow(name="train", persist_result=False)
def train(system: str, arguments: dict[str, Any]) -> str:
    """Train a model of ``system``; ``arguments`` go to its training function (flex: product, golden_dir, out…)."""
    return _work(system, find_entry(system).train, "train", arguments)


@flow(name="calibrate", persist_result=False)
def calibrate(system: str, arguments: dict[str, Any]) -> str:
    """Renew the thresholds of a model of ``system``, keep its networks; ``arguments`` go to its function."""
    return _work(system, find_entry(system).calibrate, "calibrate", arguments)


def _work(system: str, target: str | None, what: str, arguments: dict[str, Any]) -> str:
    if target is None:
        raise SettingsError(f"{system} has nothing to {what}")
    return work_apart(target, arguments)
