"""Calibration as a Prefect flow: new thresholds from nominal observations, without training anew."""

from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from core.errors import SettingsError
from flows.calling import call_apart
from flows.systems import find_entry


@task(name="calibrate", cache_policy=NO_CACHE, persist_result=False)
def calibrate_apart(target: str, arguments: dict[str, Any]) -> str:
    """Calibrate in a process of its own; return what the system's calibration returns, as text."""
    return str(call_apart(target, arguments))


@flow(name="calibrate", persist_result=False)
def calibrate(system: str, arguments: dict[str, Any]) -> str:
    """Calibrate a model of ``system``; ``arguments`` go to its calibration function."""
    target = find_entry(system).calibrate
    if target is None:
        raise SettingsError(f"{system} has nothing to calibrate")
    return calibrate_apart(target, arguments)
