"""``python -m flows.pooling POOL``: let the workers of a Prefect work pool watch systems, on whatever hosts they run.

A worker of that pool (``prefect worker start --pool POOL``) needs this package, the settings of the site and its own
home; results meet in the database and the bucket. A system is either served (``flows.serve``) or in a pool, never both:
stop what serves it first. Typed again after a host of the pool died, it lets another one take over.
"""

import argparse
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from core.clock import SystemClock
from core.errors import SettingsError, ShiftwatchError
from core.settings import Settings, load_settings
from core.signs import LATE_HANDED_OVER, WATCH
from core.store import Store
from flows.serve import DEFAULTS, connected, wait_for_server
from flows.systems import known_as

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

KINDS = ("process", "docker", "kubernetes")


def main(arguments: list[str] | None = None) -> int:
    """Register the watches with a pool, and the pool if there is none of that name."""
    parser = argparse.ArgumentParser(prog="python -m flows.pooling", description=__doc__)
    parser.add_argument("pool", help="name of the work pool")
    parser.add_argument("--type", choices=KINDS, default="process", help="of the pool, if it has to be made")
    parser.add_argument("--system", action="append", metavar="NAME", help="only this one (repeatable)")
    parser.add_argument("--window", type=float, metavar="SECONDS", help="length of a run (default: the settings)")
    parser.add_argument("--image", help="docker and kubernetes: the image of this program")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="variable of every run")
    parser.add_argument("--server-timeout", type=float, default=30, metavar="SECONDS", help="how long to wait for it")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        systems = connected(options.system, settings)
        variables = told(options.set)
        for name, value in DEFAULTS.items():
            os.environ.setdefault(name, value)
        wait_for_server(os.environ["PREFECT_API_URL"], options.server_timeout)
        window_s = options.window or settings.window_s
        silent = silent_systems(settings, systems)
        for name in register(options.pool, options.type, systems, window_s, variables, options.image, silent):
            print(f"{name}: watched by the workers of {options.pool}")
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


def silent_systems(settings: Settings, systems: Sequence[str]) -> set[str]:
    """Return the systems whose watch gives no sign of life: what Prefect believes to run there is dead."""
    now = SystemClock().now()
    with Store.open(settings.url, settings.artefacts) as store:
        beats = store.heartbeats() if store.is_current() else []
    alive = {beat.system for beat in beats if beat.flow == WATCH and now - beat.at <= LATE_HANDED_OVER}
    return {name for name in systems if known_as(name) not in alive}


def register(
    pool: str,
    kind: str,
    systems: Sequence[str],
    window_s: float,
    variables: Mapping[str, str],
    image: str | None,
    silent: Collection[str],
) -> list[str]:
    """Make the pool if there is none, deploy each watch to it, and return the names of the deployments.

    The first run of each waits for a worker at once, not until the next tick. Runs of a watch that was served before,
    or is ``silent``, are dead: they free their place, which Prefect would keep for them.
    """
    from prefect import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    from flows.deploying import forget_dead_runs, watch_deployment

    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(pool)
        except ObjectNotFound:
            client.create_work_pool(WorkPoolCreate(name=pool, type=kind))
        found = []
        for system in systems:
            deployment = watch_deployment(system, window_s)
            if system in silent or not _is_in_a_pool(client, f"{deployment.flow_name}/{deployment.name}"):
                forget_dead_runs(client, f"{deployment.flow_name}/{deployment.name}")
            deployment.job_variables = {"env": dict(variables)}
            number = deployment.apply(work_pool_name=pool, image=image)
            client.create_flow_run_from_deployment(UUID(str(number)))
            found.append(deployment.name)
        return found


def _is_in_a_pool(client: "SyncPrefectClient", name: str) -> bool:
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_deployment_by_name(name).work_pool_name is not None
    except ObjectNotFound:
        return False


if __name__ == "__main__":
    sys.exit(main())
