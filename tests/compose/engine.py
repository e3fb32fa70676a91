"""A Docker engine of the tests' own, with base images made on this machine: nothing is pulled.

The engine's images stay in ``~/.cache/shiftwatch-compose``, so that a second run need not make them again.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("SHIFTWATCH_COMPOSE_CACHE", "~/.cache/shiftwatch-compose")).expanduser()
SOCKET = Path("/run/shiftwatch-compose.sock")
PYTHON, POSTGRES = "python:3.11-slim-bookworm", "postgres:15-bookworm"
TOOLS = ("dockerd", "docker", "docker-compose", "debootstrap")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
START_S = 60.0
BUILDKIT = {"DOCKER_BUILDKIT": "1", "COMPOSE_DOCKER_CLI_BUILD": "1", "BUILDKIT_PROGRESS": "plain"}
"""The older builder copies the whole image for every line of a Dockerfile, since vfs shares nothing. PATH: the engine's
own client, of its age, comes first; a newer one wants a plug-in for this."""


class NoEngineError(RuntimeError):
    """The engine does not start on this machine; the text is the end of its log."""


def missing() -> str | None:
    """Return why no engine can run here, None if one can."""
    if os.geteuid() != 0:
        return "a Docker engine of the tests' own needs root"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (Debian: docker.io docker-compose debootstrap)"
    return None


@contextmanager
def engine(log: Path) -> Iterator[dict[str, str]]:
    """Run the engine; yield the environment in which its clients run."""
    CACHE.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "DOCKER_HOST": f"unix://{SOCKET}",
        **BUILDKIT,
        "PATH": f"/usr/bin:{os.environ['PATH']}",
    }
    command = [
        "dockerd", "--storage-driver=vfs", f"--data-root={CACHE / 'engine'}", "--exec-root=/run/shiftwatch-compose",
        "--pidfile=/run/shiftwatch-compose.pid", f"--host={environment['DOCKER_HOST']}", "--bip=10.123.0.1/24",
    ]  # fmt: skip
    with log.open("wb") as out:
        running = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            _wait(running, environment, log)
            try:
                yield environment
            finally:
                remove_containers(environment)
        finally:
            running.terminate()
            try:
                running.wait(60)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def run(environment: Mapping[str, str], *command: str, folder: Path | None = None, timeout_s: float = 600) -> str:
    """Run a client of the engine and return what it printed; RuntimeError with all of it if it fails."""
    done = subprocess.run(
        command, env=dict(environment), cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-6000:]}")
    return done.stdout


def remove_containers(environment: Mapping[str, str]) -> None:
    """Leave no container behind: this engine has none but the tests' own."""
    if left := run(environment, "docker", "ps", "--all", "--quiet").split():
        run(environment, "docker", "rm", "--force", "--volumes", *left)


def make_bases(environment: Mapping[str, str], work: Path) -> None:
    """Make what stands for the official images of Python and PostgreSQL, unless an earlier run did."""
    if not _has(environment, PYTHON):
        _bootstrap(environment, work / "root")
    if not _has(environment, POSTGRES):
        run(
            environment,
            "docker",
            "build",
            "--network=host",
            f"--tag={POSTGRES}",
            str(HERE / "postgres"),
            timeout_s=1800,
        )


def _bootstrap(environment: Mapping[str, str], root: Path) -> None:
    packages = "ca-certificates,python3,python3-venv"
    # A mount namespace of its own: whatever debootstrap mounts below its folder is gone when it ends.
    command = ["unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(root)]
    run(environment, *command, timeout_s=1800)
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    shutil.copy(CERTIFICATES, root / "etc/ssl/certs/ca-certificates.crt")
    for cached in (root / "var/cache/apt/archives").glob("*.deb"):
        cached.unlink()
    archive: Sequence[str] = ("tar", "--create", f"--directory={root}", "--exclude=./proc/*", "--exclude=./sys/*", ".")
    imported = ("docker", "import", f"--change=ENV PIP_CERT={CERTIFICATES}", "-", PYTHON)
    with subprocess.Popen(archive, stdout=subprocess.PIPE) as tar:
        subprocess.run(imported, stdin=tar.stdout, env=dict(environment), check=True, stdout=subprocess.DEVNULL)
    if tar.returncode:
        raise RuntimeError(f"tar of {root}: status {tar.returncode}")
    shutil.rmtree(root)


def _has(environment: Mapping[str, str], image: str) -> bool:
    return bool(run(environment, "docker", "images", "--quiet", image).strip())


def _wait(running: "subprocess.Popen[bytes]", environment: Mapping[str, str], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            run(environment, "docker", "version", timeout_s=20)
        except (RuntimeError, subprocess.TimeoutExpired):
            if running.poll() is not None or time.monotonic() > deadline:
                raise NoEngineError(log.read_text()[-2000:]) from None
            time.sleep(0.5)
        else:
            return
