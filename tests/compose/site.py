"""What a person at the machine does with a deployed site, and what its database says."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.compose.engine import run

PROJECT = "shiftwatch"
RECOVERED_S = 420.0


@dataclass(frozen=True)
class Site:
    """A folder with compose.yaml, the environment that reaches the engine, and the Compose that is typed.

    ``took`` are the durations of what was done, for the report.
    """

    folder: Path
    environment: Mapping[str, str]
    compose: str = "docker-compose"
    took: list[tuple[str, float]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where the dashboard is published."""
        return f"http://127.0.0.1:{self.environment['SHIFTWATCH_PORT']}"

    def typing(self, compose: str) -> "Site":
        """Return the same site at the hands of another release of Compose."""
        return replace(self, compose=compose)

    def shell(self, line: str, timeout_s: float = 2400) -> str:
        """Type a line of the README; ``docker compose`` is the one that is installed here."""
        typed = line.replace("docker compose", self.compose)
        with self.timed(line):
            return run(self.environment, "sh", "-ec", typed, folder=self.folder, timeout_s=timeout_s)

    def docker(self, *command: str, timeout_s: float = 600) -> str:
        """Ask the engine itself."""
        return run(self.environment, "docker", *command, timeout_s=timeout_s)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Note how long something takes; said at once, for who looks on."""
        since = time.monotonic()
        yield
        self.took.append((what, time.monotonic() - since))
        if self.took[-1][1] > 1:
            print(f"{time.strftime('%H:%M:%S')} {self.took[-1][1]:7.1f} s  {what}", flush=True)

    def containers(self) -> dict[str, str]:
        """Return the id of each service's container, stopped or not; those of single commands do not count."""
        label = "com.docker.compose"
        template = f'{{{{.Label "{label}.service"}}}} {{{{.ID}}}} {{{{.Label "{label}.oneoff"}}}}'
        lines = self.docker("ps", "--all", f"--filter=label={label}.project={PROJECT}", f"--format={template}")
        parts = [line.split() for line in lines.splitlines()]
        return {service: number for service, number, once in parts if once == "False"}

    def state(self, service: str) -> dict[str, Any]:
        """Return what the engine says of a service's container."""
        told = json.loads(self.docker("inspect", self.containers()[service]))[0]
        return {**told["State"], "RestartCount": told["RestartCount"], "told": told}

    def health(self, *services: str) -> dict[str, str]:
        """Return healthy, unhealthy, starting, or what a container does that has no health check."""
        known = self.containers()
        there = [one for one in services if one in known]
        told = json.loads(self.docker("inspect", *(known[one] for one in there))) if there else []
        states = [one["State"] for one in told]
        found = {one: str(state.get("Health", state)["Status"]) for one, state in zip(there, states, strict=True)}
        return {one: found.get(one, "absent") for one in services}

    def wait_healthy(self, *services: str, timeout_s: float = RECOVERED_S) -> None:
        """Wait until the services are healthy."""
        with self.timed(f"until healthy: {', '.join(services)}"):
            wait(lambda: set(self.health(*services).values()) == {"healthy"}, timeout_s, lambda: self.report(*services))

    def crash(self, service: str) -> None:
        """Kill the first process of a container as a fault of it would, unseen by the engine's commands.

        ``docker kill`` is an operator's wish: after it, no engine starts the container again.
        """
        os.kill(int(self.state(service)["Pid"]), signal.SIGKILL)

    def processes(self, service: str) -> list[tuple[int, str]]:
        """Return number and command of every process of a container, the first one first."""
        lines = self.docker("top", self.containers()[service], "-o", "pid,args").splitlines()[1:]
        return [(int(number), command) for number, command in (line.split(maxsplit=1) for line in lines)]

    def ask(self, query: str, database: str = PROJECT) -> list[list[str]]:
        """Ask the database, as its owner, inside its container."""
        command = ("psql", "--username=shiftwatch", f"--dbname={database}", "--no-align", "--tuples-only")
        answer = self.docker("exec", self.containers()["db"], *command, "--field-separator=\t", "-c", query)
        return [line.split("\t") for line in answer.splitlines()]

    def count(self, query: str, database: str = PROJECT) -> int:
        """Return the one number that is the answer."""
        return int(self.ask(query, database)[0][0])

    def report(self, *services: str) -> str:
        """Return how services are, and what they and the signs of life said last."""
        known = self.containers()
        lines = [f"{one}: {is_so}" for one, is_so in self.health(*services).items()]
        for one in services:
            if one in known:
                command = ("docker", "logs", "--tail", "25", known[one])
                lines.append(f"--- {one}\n{run(self.environment, 'sh', '-c', ' '.join(command) + ' 2>&1')}")
        return "\n".join(lines)

    def finish(self) -> None:
        """Remove everything of this site; its images stay in the engine's cache."""
        if (self.folder / ".env").exists():
            self.shell("docker compose down --volumes --timeout 5")


def wait(done: Callable[[], bool], timeout_s: float, why: Callable[[], str]) -> None:
    """Wait until something is so; AssertionError with what is so instead."""
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, why()
        time.sleep(2)
