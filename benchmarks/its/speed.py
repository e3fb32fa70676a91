"""How long our detector takes: a backlog of cycles in a process of its own, on one core, with pictures and memory.

``python -m benchmarks.its.speed [--observations 1000]`` prints one JSON object. Cycles come out of the cache (simulated
the first time), in memory before the clock starts; CPU time is what a busy machine does not stretch.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.its.figures import Row
from benchmarks.running import in_one_thread

_AT_A_TIME = 50


def measured(observations: int = 1000) -> Row:
    """Run the measurement in a process of its own; what went wrong is told under ``error``."""
    return in_one_thread("benchmarks.its.speed", "--observations", str(observations))


def backlog(observations: int) -> Row:
    """Judge so many cycles of several runs, both kinds of beams, on one core; return what it took."""
    from core.settings import Settings
    from dqm.its.detector import ItsDetector

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    wall, cpu, judged = [], [], 0
    with tempfile.TemporaryDirectory(prefix="shiftwatch-bench-") as home:
        began = time.perf_counter()
        detector = ItsDetector.load(Settings(home=Path(home)))
        loading = time.perf_counter() - began
        for part in _parts(observations):
            for observation in part:
                clock, spent = time.perf_counter(), time.process_time()
                detector.judge(observation)
                wall.append(time.perf_counter() - clock)
                cpu.append(time.process_time() - spent)
                judged += 1
    return {
        "observations": judged, "loading_s": loading, "backlog_wall_s": sum(wall), "backlog_cpu_s": sum(cpu),
        "cpu_ms_median": 1e3 * float(np.median(cpu)), "cpu_ms_99": 1e3 * float(np.quantile(cpu, 0.99)),
        "wall_ms_median": 1e3 * float(np.median(wall)), "wall_ms_99": 1e3 * float(np.quantile(wall, 0.99)),
        "torch_imported": "torch" in sys.modules, "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def _parts(observations: int) -> Iterator[list[object]]:
    """Cycles of nominal shifts and runs with faults, some at a time, in memory."""
    from benchmarks.its.cycles import cycles
    from benchmarks.its.scenes import Plan, faults, shifts

    plan = Plan()
    scenes = [*list(faults(plan, "nominal"))[::6], *shifts(plan, "nominal")]
    stream = (observation for scene in scenes for observation, _ in cycles(scene))
    part: list[object] = []
    for _, observation in zip(range(observations), stream, strict=False):
        part.append(observation)
        if len(part) == _AT_A_TIME:
            yield part
            part = []
    yield part


def main() -> None:
    """Print what a backlog takes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.its.speed", description=__doc__)
    parser.add_argument("--observations", type=int, default=1000)
    print(json.dumps(backlog(parser.parse_args().observations)))


if __name__ == "__main__":
    main()
