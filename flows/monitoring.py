"""The watch as a Prefect flow: one run lasts a window, one task per batch.

The watch itself is ``flows.watching``, which knows nothing of Prefect (``python -m flows.watching`` runs it alone).
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import Flow, State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Scheduled

from core.clock import SystemClock
from core.errors import ShiftwatchError
from core.settings import load_settings
from core.signs import WATCH
from core.store import Store
from flows.systems import known_as
from flows.watching import watch_once
from flows.windows import Window, slept_through

TAKE_OVER_S = 5.0
FAR_S = 120.0
DIED = "The watch died; another one takes over within seconds."
log = logging.getLogger(__name__)


@task(name="batch", cache_policy=NO_CACHE, persist_result=False, log_prints=False)
def batch(work: Callable[[], int]) -> int:
    """Judge and commit one batch."""
    return work()


def as_task(work: Callable[[], int]) -> int:
    """Run the work of a batch as a task; without Prefect if its server does not answer: the watch goes on."""
    begun = False

    def once() -> int:
        nonlocal begun
        begun = True
        return work()

    try:
        return batch(once)
    except Exception:
        if begun:
            raise
        log.warning("Prefect could not run the batch as a task; it is run without", exc_info=True)
        return work()


def take_over(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 Prefect's signature
    """Start the next watch soon after one was killed, instead of at the next tick; say so until it gives signs."""
    tell_of_death(str(flow_run.parameters.get("system", "")), state.message or "")
    _start_next(flow_run)


def go_on(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 Prefect's signature
    """Start the next watch if this one ended so late that the one of the tick was cancelled, and the next is far."""
    interval_s, started = float(flow_run.parameters.get("interval_s") or 0.0), flow_run.start_time
    if interval_s >= FAR_S and started is not None and slept_through(started, datetime.now(UTC), interval_s):
        _start_next(flow_run)


def _start_next(flow_run: FlowRun) -> None:
    if flow_run.deployment_id is None:
        return
    at = datetime.now(UTC) + timedelta(seconds=TAKE_OVER_S)
    with get_client(sync_client=True) as client:
        client.create_flow_run_from_deployment(flow_run.deployment_id, state=Scheduled(scheduled_time=at))


def tell_of_death(name: str, why: str) -> None:
    """Let the store know at once that a watch died, which itself cannot say so any more."""
    try:
        settings, system = load_settings(), known_as(name)
        with Store.open(settings.url, settings.artefacts) as store:
            store.heartbeat(system, WATCH, datetime.now(UTC), ok=False, detail=f"{DIED} {why}".strip())
    except ShiftwatchError as error:
        log.warning("%s died, and the store does not know: %s", name, error)


@flow(
    name="watch",
    log_prints=False,
    persist_result=False,
    on_crashed=[take_over],
    on_completion=[go_on],
    on_failure=[go_on],
)
def watch(system: str, interval_s: float | None = None) -> int:
    """Take in everything new from the source of ``system``, to shortly before the next tick of ``interval_s``.

    Returns the number of arrivals settled; fails if something troubles the watch at its end.
    """
    settings = load_settings()
    window = Window.until_tick(SystemClock(), interval_s or settings.window_s)
    summary = watch_once(system, window, settings, step=as_task)
    if summary.troubles:
        raise ShiftwatchError(f"{system}: {'; '.join(summary.troubles)}")
    return summary.settled


if __name__ == "__main__":
    import sys

    from flows.watching import main

    sys.exit(main())
