"""What all benchmarks need around a measurement: when, where and at which revision, and a process with one thread."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def stamp() -> dict[str, Any]:
    """Return when, where and at which revision figures were measured; ``run`` is common to all of one command."""
    revision = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return {
        "run": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": revision.stdout.strip(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 1),
    }


def in_one_thread(module: str, *arguments: str) -> dict[str, Any]:
    """Run a module that prints JSON in a process of its own; what went wrong is told under ``error``."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | _ONE_THREAD, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"error": done.stderr[-500:]}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
