"""How long a shot takes: our detector and the least-squares fit on the same shots, in one process on one core.

``python -m benchmarks.schlieren.speed [--shots 150]`` prints one JSON object.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.running import in_one_thread
from benchmarks.schlieren.figures import Row

_FITTED_OF = 15


def measured(shots: int = 150) -> Row:
    """Run the measurement in a process of its own; what went wrong is told under ``error``."""
    return in_one_thread("benchmarks.schlieren.speed", "--shots", str(shots))


def one_core(shots: int) -> Row:
    """Judge shots of wider ranges, both masks; fit every fifteenth classically."""
    from benchmarks.schlieren import methods
    from benchmarks.schlieren.scenes import Plan, cases

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    began = time.perf_counter()
    detectors = methods.detectors()
    loading = time.perf_counter() - began
    wall, cpu, classical = [], [], []
    with tempfile.TemporaryDirectory(prefix="shiftwatch-bench-") as folder:
        for name in ("wider, knife", "wider, stop"):
            for number, case in zip(range(shots // 2), cases(Plan(), name, Path(folder)), strict=False):
                clock = time.perf_counter()
                told = methods.ours(detectors[case.true.apparatus.mask], case)
                wall.append(1e3 * (time.perf_counter() - clock))
                cpu.append(told.ms)
                if number % _FITTED_OF == 0:
                    classical.append(methods.least_squares(case).ms)
    ms, peer = float(np.mean(cpu)), float(np.mean(classical))
    return {
        "shots": len(cpu), "loading_s": loading, "cpu_ms_mean": ms, "cpu_ms_median": float(np.median(cpu)),
        "cpu_ms_99": float(np.quantile(cpu, 0.99)), "wall_ms_median": float(np.median(wall)),
        "fitted": len(classical), "least_squares_cpu_ms_mean": peer, "times_faster": peer / ms,
        "torch_imported": "torch" in sys.modules, "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def main() -> None:
    """Print what shots take."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.schlieren.speed", description=__doc__)
    parser.add_argument("--shots", type=int, default=150)
    print(json.dumps(one_core(parser.parse_args().shots)))


if __name__ == "__main__":
    main()
