"""``python -m flows.pooling POOL``: let the workers of a Prefect work pool watch systems, on whatever hosts they run.

A worker of that pool (``prefect worker start --pool POOL``) needs this package, the settings of the site and its own
home; results meet in the database and the bucket. A system is either served (``flows.serve``) or in a pool, never both:
stop what serves it first. Typed again after a host of the pool died, it lets another one take over. Workers of type
docker and kubernetes start a container for each run: what it is given is in a file (``--job``, examples in
``deploy/pools``).
"""

import argparse
import os
import sys
import tomllib
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from core.clock import SystemClock
from core.errors import SettingsError, ShiftwatchError
from core.settings import Settings, load_settings
from core.signs import LATE_HANDED_OVER, POOL, SCHEDULE, WATCH
from core.store import Store
from flows.serve import DEFAULTS, connected, wait_for_server
from flows.systems import known_as

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.events import DeploymentEventTrigger

KINDS = ("process", "docker", "kubernetes")


def main(arguments: list[str] | None = None) -> int:
    """Register the watches with a pool, and the pool if there is none of that name."""
    parser = argparse.ArgumentParser(prog="python -m flows.pooling", description=__doc__)
    parser.add_argument("pool", help="name of the work pool")
    parser.add_argument("--type", choices=KINDS, help="of the pool, if it has to be made (default: process)")
    parser.add_argument("--system", action="append", metavar="NAME", help="only this one (repeatable)")
    parser.add_argument("--window", type=float, metavar="SECONDS", help="length of a run (default: the settings)")
    parser.add_argument("--job", type=Path, metavar="FILE", help="docker, kubernetes: job variables of a run (TOML)")
    parser.add_argument("--image", help="docker and kubernetes: the image of this program, in place of the file's")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="variable of every run")
    parser.add_argument("--server-timeout", type=float, default=30, metavar="SECONDS", help="how long to wait for it")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        systems = connected(options.system, settings)
        job = job_variables(options.job, options.image, told(options.set))
        for name, value in DEFAULTS.items():
            os.environ.setdefault(name, value)
        wait_for_server(os.environ["PREFECT_API_URL"], options.server_timeout)
        window_s = options.window or settings.window_s
        silent = silent_systems(settings, systems)
        every_h = settings.retention.every_h
        for name in register(options.pool, options.type, systems, window_s, every_h, job, silent):
            print(f"{name}: run by the workers of {options.pool}")
        sign(settings, systems, options.pool)
    except ShiftwatchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def told(words: Sequence[str]) -> dict[str, str]:
    """Return variables given as ``NAME=VALUE``.

    Raises
    ------
    SettingsError
        If one has no value.
    """
    pairs = [word.partition("=") for word in words]
    if wrong := [name for name, equals, _ in pairs if not equals or not name]:
        raise SettingsError(f"--set {wrong[0]}: is not NAME=VALUE")
    return {name: value for name, _, value in pairs}


def job_variables(path: Path | None, image: str | None, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return what the jobs of a pool are given: what a file says, an image in place of its own, more variables.

    Names and values are those of the worker's type (Prefect: "job variables"); the server compares them with its own.

    Raises
    ------
    SettingsError
        If the file cannot be read, is no TOML, or its ``env`` is not a table of texts.
    """
    job: dict[str, Any] = {}
    if path is not None:
        try:
            job = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(f"{path}: cannot be read as TOML: {error}") from None
    written = job.get("env", {})
    if not isinstance(written, dict) or not all(isinstance(value, str) for value in written.values()):
        raise SettingsError(f"{path}: env: is not a table of texts")
    if image is not None:
        job["image"] = image
    return {**job, "env": {**written, **variables}}


def silent_systems(settings: Settings, systems: Sequence[str]) -> set[str]:
    """Return the systems whose watch gives no sign of life: what Prefect believes to run there is dead."""
    now = SystemClock().now()
    with Store.open(settings.url, settings.artefacts) as store:
        beats = store.heartbeats() if store.is_current() else []
    alive = {beat.system for beat in beats if beat.flow == WATCH and now - beat.at <= LATE_HANDED_OVER}
    return {name for name in systems if known_as(name) not in alive}


def sign(settings: Settings, systems: Sequence[str], pool: str) -> None:
    """Let the store know that nobody on this machine starts the watches, and that others do."""
    now = SystemClock().now()
    with Store.open(settings.url, settings.artefacts) as store:
        for name in map(known_as, systems) if store.is_current() else ():
            store.forget_sign(name, SCHEDULE)
            store.heartbeat(name, POOL, now, ok=True, detail=pool)


def register(
    pool: str,
    kind: str | None,
    systems: Sequence[str],
    window_s: float,
    every_h: float,
    job: Mapping[str, Any],
    silent: Collection[str],
) -> list[str]:
    """Make the pool if there is none, deploy each watch and retention to it, and return the names of the deployments.

    The first run of each watch waits for a worker at once, not until the next tick. Runs of a watch that was served
    before, or is ``silent``, are dead: they free their place, which Prefect would keep for them. When the container of
    a run dies, nothing of it is left to begin the next: the server does it, at the word of the worker.

    Raises
    ------
    SettingsError
        If the pool is there and of another type, or refuses what its jobs are to be given.
    """
    from prefect import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.deployments.runner import DeploymentApplyError
    from prefect.exceptions import ObjectNotFound

    from flows.deploying import forget_dead_runs, retention_deployment, watch_deployment

    with get_client(sync_client=True) as client:
        try:
            there = client.read_work_pool(pool).type
        except ObjectNotFound:
            there = client.create_work_pool(WorkPoolCreate(name=pool, type=kind or KINDS[0])).type
        if there != (kind or there):
            raise SettingsError(f"pool {pool}: is there already, and of type {there}")
        watches = [watch_deployment(system, window_s) for system in systems]
        keeping = retention_deployment(systems, every_h, name=f"retain-{pool}")
        for system, deployment in zip(systems, watches, strict=True):
            if system in silent or not _is_in_a_pool(client, f"{deployment.flow_name}/{deployment.name}"):
                forget_dead_runs(client, f"{deployment.flow_name}/{deployment.name}")
            if there != KINDS[0]:
                deployment.triggers = [taken_over(deployment.name)]
        for deployment in (*watches, keeping):
            deployment.job_variables = dict(job)
            try:
                number = deployment.apply(work_pool_name=pool)
            except DeploymentApplyError as error:
                raise SettingsError(f"pool {pool}: {deployment.name}: {error}") from None
            if deployment is not keeping:
                client.create_flow_run_from_deployment(UUID(str(number)))
        return [deployment.name for deployment in (*watches, keeping)]


def taken_over(name: str) -> "DeploymentEventTrigger":
    """Return what has the server start the next run of a deployment soon after one was reported as crashed."""
    from prefect.events import DeploymentEventTrigger

    from flows.monitoring import TAKE_OVER_S

    return DeploymentEventTrigger(
        name=f"{name} is taken over",
        expect={"prefect.flow-run.Crashed"},
        match_related={"prefect.resource.role": "deployment", "prefect.resource.name": name},
        schedule_after=timedelta(seconds=TAKE_OVER_S),
    )


def _is_in_a_pool(client: "SyncPrefectClient", name: str) -> bool:
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_deployment_by_name(name).work_pool_name is not None
    except ObjectNotFound:
        return False


if __name__ == "__main__":
    sys.exit(main())
