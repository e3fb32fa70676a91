"""A throw-away PostgreSQL cluster of the installed server, for tests that must hold on both databases."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BINARIES = Path("/usr/lib/postgresql")


def find_binaries() -> Path | None:
    """Return the folder of the newest server that is installed, None if there is none."""
    candidates = sorted(BINARIES.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = shutil.which("initdb")
    return candidates[-1].parent if candidates else Path(found).parent if found else None


@dataclass(frozen=True)
class Cluster:
    """A server of its own; ``url`` is without a database name."""

    binaries: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://shiftwatch@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-p {self.port} -k {self.folder} -h 127.0.0.1 -F -c synchronous_commit=off -c full_page_writes=off"
        self._control("-w", "-o", options, "-l", self.folder / "log", "start")

    def stop(self, how: str = "fast") -> None:
        """Stop it: ``fast`` sends everybody away, ``immediate`` is a crash."""
        self._control("-w", "-m", how, "stop")

    def _control(self, *words: str | Path) -> None:
        _run(self.folder, self.binaries / "pg_ctl", "-D", self.folder / "data", *words)


@contextmanager
def own_cluster(binaries: Path) -> Iterator[Cluster]:
    """Run a cluster on a free port; whoever stopped it has to start it again."""
    with tempfile.TemporaryDirectory(prefix="shiftwatch-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        made = Cluster(binaries, folder, _free_port())
        _run(folder, binaries / "initdb", "-D", folder / "data", "-U", "shiftwatch", "-A", "trust", "-N", "-E", "UTF8")
        made.start()
        try:
            yield made
        finally:
            made.stop("immediate")


@contextmanager
def cluster(binaries: Path) -> Iterator[str]:
    """Run a cluster on a free port and yield the URL of its server, without a database name."""
    with own_cluster(binaries) as made:
        yield made.url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(folder: Path, *command: str | Path) -> None:
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run([*prefix, *map(str, command)], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        log = folder / "log"
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}{log.read_text() if log.exists() else ''}")
