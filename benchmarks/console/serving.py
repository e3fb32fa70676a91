"""The real dashboard on a store, and what its process has used."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.supervision import Service, crew, free_port

ROOT = Path(__file__).resolve().parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Server:
    """A running dashboard."""

    address: str
    pid: int

    def cpu_s(self) -> float:
        """Return the processor seconds that it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory_mb(self) -> float:
        """Return its resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE / 2**20


@contextmanager
def serving(url: str, home: Path, logs: Path, *, first: bool = False) -> Iterator[Server]:
    """Run the dashboard on a store; ``first``: before what else the machine does (Linux, as root)."""
    port = free_port(0)
    address = f"http://127.0.0.1:{port}"
    command = [
        sys.executable, "-m", "streamlit", "run", str(ROOT / "app" / "dashboard" / "main.py"), f"--server.port={port}",
        "--server.headless=true", "--server.address=127.0.0.1",
    ]  # fmt: skip
    environment = {"SHIFTWATCH_HOME": str(home), "SHIFTWATCH_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    with crew(logs) as members:
        members.start(Service("dashboard", command, environment, f"{address}/_stcore/health"))
        members.wait_ready("dashboard", timeout_s=300)
        pid = members.running["dashboard"].pid
        if first:
            for process in (pid, os.getpid()):
                Path(f"/proc/{process}/autogroup").write_text("-10", encoding="ascii")
        yield Server(address, pid)
