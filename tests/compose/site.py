"""What a person at the machine does with a deployed site, and what its database says."""

import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.compose.engine import run

COMPOSE = "docker-compose"


@dataclass(frozen=True)
class Site:
    """A folder with compose.yaml, and the environment that reaches the engine."""

    folder: Path
    environment: Mapping[str, str]

    def shell(self, line: str, timeout_s: float = 2400) -> str:
        """Type a line of the README; ``docker compose`` is the one that is installed here."""
        typed = line.replace("docker compose", COMPOSE)
        return run(self.environment, "sh", "-ec", typed, folder=self.folder, timeout_s=timeout_s)

    def container(self, service: str) -> str:
        """Return the id of a service's container, stopped or not."""
        return self.shell(f"docker compose ps --all --quiet {service}").strip()

    def state(self, service: str) -> dict[str, Any]:
        """Return what the engine says of a service's container."""
        told = json.loads(run(self.environment, "docker", "inspect", self.container(service)))[0]
        return {**told["State"], "RestartCount": told["RestartCount"], "told": told}

    def health(self, service: str) -> str:
        """Return healthy, unhealthy, starting, or what the container does that has no health check."""
        state = self.state(service)
        return str(state.get("Health", state)["Status"])

    def wait_healthy(self, *services: str, timeout_s: float = 420) -> float:
        """Wait until the services are healthy; return how long that took."""
        since = time.monotonic()
        wait(lambda: all(self.health(one) == "healthy" for one in services), timeout_s, lambda: self._report(services))
        return time.monotonic() - since

    def crash(self, service: str) -> None:
        """Kill the first process of a container as a fault of it would, unseen by the engine's commands.

        ``docker kill`` is an operator's wish: after it, no engine starts the container again.
        """
        os.kill(int(self.state(service)["Pid"]), signal.SIGKILL)

    def ask(self, query: str) -> list[list[str]]:
        """Ask the database, as its owner, inside its container."""
        command = ("psql", "--username=shiftwatch", "--no-align", "--tuples-only", "--field-separator=\t", "-c", query)
        answer = run(self.environment, "docker", "exec", self.container("db"), *command)
        return [line.split("\t") for line in answer.splitlines()]

    def count(self, query: str) -> int:
        """Return the one number that is the answer."""
        return int(self.ask(query)[0][0])

    def finish(self) -> None:
        """Remove everything of this site but its images."""
        if (self.folder / ".env").exists():
            self.shell("docker compose down --volumes --timeout 5")

    def _report(self, services: tuple[str, ...]) -> str:
        lines = [f"{one}: {self.health(one)}\n{self.shell(f'docker compose logs --tail 15 {one}')}" for one in services]
        return "\n".join(lines)


def wait(done: Callable[[], bool], timeout_s: float, why: Callable[[], str]) -> None:
    """Wait until something is so; AssertionError with what is so instead."""
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, why()
        time.sleep(2)
