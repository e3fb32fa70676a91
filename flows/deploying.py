"""What ``flows.serve`` does with Prefect: deployments, their schedule, and recovery after a crash of everything."""

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import httpx
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow
from prefect.runner import Runner
from prefect.schedules import Interval
from prefect.states import Crashed
from prefect.types.entrypoint import EntrypointType

from core.settings import load_settings
from flows.leaving import leave_by_signals
from flows.monitoring import watch
from flows.retention import retain
from flows.schedule import answer
from flows.standing_in import stand_in
from flows.training import calibrate, train
from flows.windows import ANCHOR

QUERY_S = 2.0
PREFETCH_S = 0.0  # Prefect looks for a free place when it fetches a run: early is while the run before still holds it
UNFINISHED = {StateType.RUNNING, StateType.PENDING, StateType.CANCELLING}
PAGE = 200
GAVE_UP = "exceeded error threshold"
"""What ``prefect.utilities.services.critical_service_loop`` says when it ends a runner."""
log = logging.getLogger(__name__)


def watch_deployment(system: str, interval_s: float) -> RunnerDeployment:
    """Return the deployment that watches a system: one run at a time, one per interval, none in a queue."""
    return _deployment(
        watch,
        name=deployment_name(system),
        schedule=Interval(timedelta(seconds=interval_s), anchor_date=ANCHOR, timezone="UTC"),
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        parameters={"system": system, "interval_s": interval_s},
        description=f"Watches the source of {system} all the time; each run lasts {interval_s:g} s.",
    )


def retention_deployment(systems: Sequence[str], every_h: float, name: str = "retain") -> RunnerDeployment:
    """Return the deployment that removes what is too old, of all systems one after the other."""
    return _deployment(
        retain,
        name=name,
        schedule=Interval(timedelta(hours=every_h), anchor_date=ANCHOR, timezone="UTC"),
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        parameters={"systems": list(systems)},
        description=f"Removes what is older, or more, than the site wants to keep, every {every_h:g} h.",
    )


def deployment_name(system: str) -> str:
    """Return the name under which a system's watch is deployed."""
    return f"watch-{system.rpartition(':')[2].lower()}"


def serve(systems: Sequence[str], interval_s: float, *, recover: bool = True) -> None:
    """Serve until interrupted. While the Prefect server is away, the systems are watched without it.

    Prefect's runner ends itself, and with it every watch, when its server does not answer three times in a row: a few
    seconds. It is started anew when the server is back.
    """
    url = os.environ["PREFECT_API_URL"]
    while True:
        try:
            return serve_once(systems, interval_s, recover=recover)
        except Exception as error:  # the runner raises a group of whatever its tasks met
            if not is_outage(error):
                raise
            log.warning("%s does not answer: the runner gave up (%s)", url, error)
        leave_by_signals()  # the runner's handler knows only of its own watches, and it is gone
        stand_in(systems, lambda: answer(url) is None)
        time.sleep(QUERY_S)


def is_outage(error: BaseException) -> bool:
    """Whether an error of the runner means that the Prefect server does not answer, or not as it should."""
    if isinstance(error, BaseExceptionGroup):
        return any(is_outage(one) for one in error.exceptions)
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= 500
    return isinstance(error, httpx.TransportError) or (isinstance(error, RuntimeError) and GAVE_UP in str(error))


def serve_once(systems: Sequence[str], interval_s: float, *, recover: bool = True) -> None:
    """Serve watch, training and calibration until interrupted; the first watch begins at once."""
    watches = [watch_deployment(system, interval_s) for system in systems]
    keeping = retention_deployment(systems, load_settings().retention.every_h)
    others = [keeping, _deployment(train, name="train"), _deployment(calibrate, name="calibrate")]
    if recover:
        with get_client(sync_client=True) as client:
            for deployment in (*watches, keeping):
                forget_dead_runs(client, f"{deployment.flow_name}/{deployment.name}")
    runner = Runner(
        name="shiftwatch",
        pause_on_shutdown=False,
        query_seconds=QUERY_S,
        prefetch_seconds=PREFETCH_S,
        limit=len(systems) + len(others),
    )
    numbers = [runner.add_deployment(deployment) for deployment in [*watches, *others]]
    with get_client(sync_client=True) as client:
        for number in numbers[: len(watches)]:
            client.create_flow_run_from_deployment(_plain(number))
    asyncio.run(runner.start())


def forget_dead_runs(client: SyncPrefectClient, name: str) -> int:
    """Mark runs that a crash of everything left behind as crashed, free their place, and return how many.

    The server cannot know that they are dead; while their place is taken, every new run would be cancelled.
    """
    try:
        deployment = client.read_deployment_by_name(name)
    except ObjectNotFound:
        return 0
    dead = 0
    for run in client.read_flow_runs(flow_run_filter=_unfinished(), deployment_filter=_only(deployment), limit=PAGE):
        client.set_flow_run_state(run.id, Crashed(message="left behind by a serve process that is gone"), force=True)
        dead += 1
    if deployment.global_concurrency_limit is not None:
        empty = GlobalConcurrencyLimitUpdate(active_slots=0)
        client.update_global_concurrency_limit(deployment.global_concurrency_limit.name, empty)
    log.info("%s: %d runs left behind", name, dead)
    return dead


def _deployment(which: Flow[Any, Any], **options: Any) -> RunnerDeployment:
    """Deploy by module path: a file path would put ``flows/`` in front of the packages it imports."""
    options |= {"entrypoint_type": EntrypointType.MODULE_PATH, "_sync": True}  # never a coroutine, whoever calls
    return cast("RunnerDeployment", which.to_deployment(**options))


def _unfinished() -> FlowRunFilter:
    return FlowRunFilter.model_validate({"state": {"type": {"any_": sorted(UNFINISHED)}}})


def _only(deployment: DeploymentResponse) -> DeploymentFilter:
    return DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))


def _plain(number: object) -> UUID:
    return UUID(str(number))
