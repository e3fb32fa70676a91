"""A Docker engine of the tests' own, with base images made on this machine: nothing is pulled.

Base images and the builder's cache stay in ``~/.cache/shiftwatch-compose``, so that a second run need not make them
again; containers, volumes and networks never outlive a run.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("SHIFTWATCH_COMPOSE_CACHE", "~/.cache/shiftwatch-compose")).expanduser()
RUN = Path("/run/shiftwatch-compose")
SOCKET, PID_FILE = RUN.with_suffix(".sock"), RUN.with_suffix(".pid")
ADDRESS = "10.123.0.1"
"""This machine, as containers of any network see it."""
PYTHON, POSTGRES = "python:3.11-slim-bookworm", "postgres:15-bookworm"
TOOLS = ("dockerd", "docker", "docker-compose", "debootstrap", "iptables")
TINY = Path("/usr/bin/tini-static")
"""Debian's engine needs it, and it needs nothing: the smallest container that there is."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
START_S, STOP_S, PROBE_S = 90.0, 60.0, 120.0
KEPT = "4gb"
BUILDKIT = {"DOCKER_BUILDKIT": "1", "COMPOSE_DOCKER_CLI_BUILD": "1", "BUILDKIT_PROGRESS": "plain"}


BOOTSTRAP = """
root=$1
mount -t tmpfs -o mode=0755,size=2g bootstrap "$root"
debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv bookworm "$root" >&2
ln -s /usr/bin/python3 "$root/usr/local/bin/python"
cp "$2" "$root/etc/ssl/certs/ca-certificates.crt"
cd "$root"
tar --create --exclude='./proc/*' --exclude='./sys/*' --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' .
"""


class NoEngineError(RuntimeError):
    """The engine, or any container, does not start on this machine; the text says what it said."""


def missing() -> str | None:
    """Return why no engine can run here, None if one can."""
    if os.geteuid() != 0:
        return "a Docker engine of the tests' own needs root"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent or not TINY.exists():
        return f"not installed: {', '.join(absent) or TINY} (Debian: docker.io docker-compose debootstrap iptables)"
    return None


@contextmanager
def engine(log: Path) -> Iterator[dict[str, str]]:
    """Run the engine; yield the environment in which its clients run. Nothing of it is left running.

    Raises
    ------
    NoEngineError
        If it, or the smallest of containers, does not start here.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    _end_left_behind()
    # The engine's own client, of its age, comes first: a newer one wants a plug-in for BuildKit.
    path = f"/usr/bin:{os.environ['PATH']}"
    environment = {**os.environ, "DOCKER_HOST": f"unix://{SOCKET}", **BUILDKIT, "PATH": path}
    # The engine chooses how it stores layers: overlay2 where the file system allows, else copies. It ends with us.
    command = [
        "setpriv", "--pdeathsig", "TERM", "dockerd", f"--data-root={CACHE / 'docker'}", f"--exec-root={RUN}",
        f"--pidfile={PID_FILE}", f"--host={environment['DOCKER_HOST']}", f"--bip={ADDRESS}/24",
    ]  # fmt: skip
    with log.open("wb") as out:
        running = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            _wait(running, environment, log)
            _remove_all(environment)
            _probe(environment)
            try:
                yield environment
            finally:
                _remove_all(environment)
                with suppress(RuntimeError):  # some engines lose count of a cache; the next run builds all anew then
                    run(environment, "docker", "builder", "prune", "--force", f"--keep-storage={KEPT}")
        finally:
            _end(running)


def run(environment: Mapping[str, str], *command: str, folder: Path | None = None, timeout_s: float = 600) -> str:
    """Run a client of the engine and return what it printed; RuntimeError with all of it if it fails."""
    done = subprocess.run(
        command, env=dict(environment), cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-6000:]}")
    return done.stdout


def make_bases(environment: Mapping[str, str], work: Path) -> None:
    """Make what stands for the official images of Python and PostgreSQL, unless an earlier run did."""
    if not _has(environment, PYTHON):
        _bootstrap(environment, work / "root")
    if not _has(environment, POSTGRES):
        build = ("docker", "build", "--network=host", f"--tag={POSTGRES}", str(HERE / "postgres"))
        run(environment, *build, timeout_s=1200)


def _bootstrap(environment: Mapping[str, str], root: Path) -> None:
    """Bootstrap in memory: dpkg asks the disk to write down every file. All of it is gone with the mount namespace."""
    root.mkdir()
    apart = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    command = (*apart, "sh", "-eu", "-c", BOOTSTRAP, "bootstrap", str(root), str(CERTIFICATES))
    with (root.parent / "debootstrap.log").open("wb") as log:
        _import(environment, PYTHON, command, f"--change=ENV PIP_CERT={CERTIFICATES}", log=log)


def _probe(environment: Mapping[str, str]) -> None:
    """Run the smallest container, with a limit of memory and a network: what engines lack rights for."""
    try:
        _import(environment, "shiftwatch-probe", ("tar", "--create", f"--directory={TINY.parent}", TINY.name))
        command = ("docker", "run", "--rm", "--memory=64m", "--pids-limit=16", "--publish=127.0.0.1::80")
        run(environment, *command, "shiftwatch-probe", f"/{TINY.name}", "--version", timeout_s=PROBE_S)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        raise NoEngineError(f"an engine runs, but no container does: {error}") from None


def _import(
    environment: Mapping[str, str], name: str, archive: Sequence[str], *options: str, log: BinaryIO | None = None
) -> None:
    """Make an image of what a command writes as a tar archive."""
    with subprocess.Popen(archive, stdout=subprocess.PIPE, stderr=log) as tar:
        command = ("docker", "import", *options, "-", name)
        done = subprocess.run(command, stdin=tar.stdout, env=dict(environment), check=False, capture_output=True)
    if tar.returncode or done.returncode:
        run(environment, "docker", "rmi", "--force", name)
        raise RuntimeError(f"{name}: {archive[0]} ended with {tar.returncode}; {done.stderr.decode(errors='replace')}")


def _remove_all(environment: Mapping[str, str]) -> None:
    """Leave no container, volume or network behind: this engine has none but the tests' own."""
    if left := run(environment, "docker", "ps", "--all", "--quiet").split():
        run(environment, "docker", "rm", "--force", "--volumes", *left)
    if left := run(environment, "docker", "volume", "ls", "--quiet").split():
        run(environment, "docker", "volume", "rm", "--force", *left)
    run(environment, "docker", "network", "prune", "--force")
    run(environment, "docker", "image", "prune", "--force")


def _end_left_behind() -> None:
    """End the engine of a run that was killed, should it still run."""
    if not PID_FILE.exists():
        return
    with suppress(OSError, ValueError):
        number = int(PID_FILE.read_text())
        name = Path(f"/proc/{number}/comm")
        deadline = time.monotonic() + STOP_S
        while name.read_text().strip() == "dockerd" and time.monotonic() < deadline:
            os.kill(number, signal.SIGTERM)
            time.sleep(1)
    PID_FILE.unlink(missing_ok=True)


def _end(running: "subprocess.Popen[bytes]") -> None:
    running.terminate()
    try:
        running.wait(STOP_S)
    except subprocess.TimeoutExpired:
        running.kill()
        running.wait()


def _has(environment: Mapping[str, str], image: str) -> bool:
    return bool(run(environment, "docker", "images", "--quiet", image).strip())


def _wait(running: "subprocess.Popen[bytes]", environment: Mapping[str, str], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            run(environment, "docker", "version", timeout_s=20)
        except (RuntimeError, subprocess.TimeoutExpired):
            if running.poll() is not None or time.monotonic() > deadline:
                raise NoEngineError(log.read_text(errors="replace")[-2000:]) from None
            time.sleep(0.5)
        else:
            return
