"""A host that lends its engine to a site: what is typed and what runs there; the console is reached by network."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.compose.engine import ADDRESS, SOCKET
from tests.compose.site import PROJECT, Site, wait

INSIDE, ENGINE = "10.0.0.5", "/var/run/docker.sock"
"""The README's own words for where the console is, and for the socket of a host's engine."""
JOB = "deploy/pools/docker.toml"
RUN = "io.prefect.flow-run-id"
DEMO = f'networks = ["{PROJECT}_default"]  # the simulated QCDB is in no other\n'
POOL = "com.docker.compose.project=pools"
STARTED_S = 420.0


def typed(line: str) -> str:
    """Return a line of the README as somebody types it whose console and engine are the tests'."""
    here = f"DOCKER_SOCKET={SOCKET} {line}" if "--file deploy/pools" in line else line
    return here.replace(INSIDE, ADDRESS).replace(ENGINE, str(SOCKET))


@contextmanager
def lent(site: Site, console: list[str], host: list[str]) -> Iterator[None]:
    """Type the README's lines at the console and at a host; afterwards nothing of them is left but in the database."""
    settings, job = site.folder / ".env", site.folder / JOB
    before, given = settings.read_text(), job.read_text()
    try:
        for line in console:
            site.shell(typed(line))
            if "console.example" in line:  # what a run is given in the simulated site differs in these two
                job.write_text(DEMO + job.read_text().replace("deploy/settings.toml", "deploy/demo.toml"))
        for line in host:
            site.shell(typed(line))
        yield
    finally:
        settings.write_text(before)
        job.write_text(given)
        remove(site)


def remove(site: Site) -> None:
    """Remove the worker first, then what it started."""
    for label in (POOL, RUN):
        if left := site.docker("ps", "--all", "--quiet", f"--filter=label={label}").split():
            site.docker("rm", "--force", *left)


def runs(site: Site) -> dict[str, dict[str, Any]]:
    """Return what the engine says of the containers that a worker started and that run, by container."""
    numbers = site.docker("ps", "--quiet", f"--filter=label={RUN}").split()
    return {one["Id"]: one for one in json.loads(site.docker("inspect", *numbers))} if numbers else {}


def worker_is_healthy(site: Site) -> bool:
    """Whether the worker says that it asks Prefect for runs, and the sweeper did not end."""
    states = site.docker("ps", f"--filter=label={POOL}", "--format={{.Status}}").splitlines()
    return len(states) == 2 and any("(healthy)" in state for state in states)


def said(site: Site) -> str:
    """Return the last lines of the worker, the sweeper, and what was started."""
    found = [site.docker("ps", "--all", "--quiet", f"--filter=label={label}").split() for label in (POOL, RUN)]
    return "\n".join(site.docker("logs", "--tail", "40", number) for numbers in found for number in numbers)


def assert_confined(told: dict[str, Any]) -> None:
    """A run has what the services of the site have, and no password of the database."""
    limits = told["HostConfig"]
    assert limits["ReadonlyRootfs"]
    assert limits["CapDrop"] == ["ALL"]
    assert limits["Memory"] > 0
    assert limits["PidsLimit"] > 0
    assert not limits["PortBindings"]
    assert told["Config"]["User"] == "10001:10001"
    assert not [one for one in told["Config"]["Env"] if "PASSWORD=" in one]


def wait_for_watches(site: Site, running: str, count: int) -> None:
    """Wait until so many runs are told to be running by Prefect, each in a container."""

    def all_run() -> bool:
        return len(runs(site)) >= count and site.count(running, "prefect") >= count

    with site.timed(f"until {count} runs are containers"):
        wait(all_run, STARTED_S, lambda: said(site))
