"""How long a backlog takes through the whole watch: read, judge, draw, commit; ``python -m benchmarks.its.backlog``.

The cycles are files, as a backfill finds them: a QCDB keeps all cycles for half an hour only. One process, one thread;
writing the files is not part of the time.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.clock import SystemClock
from core.contracts import Arrival, System
from core.observation import Observation
from core.settings import Settings
from core.store import Store
from dqm.its.causes import Cause
from dqm.its.cycle import Cycle
from dqm.its.cycle_files import write_npz
from dqm.its.simulate.cells import index
from dqm.its.simulate.faults import Fault
from dqm.its.simulate.publishing import to_cycle
from dqm.its.simulate.run import simulate_run
from dqm.its.simulate.settings import RunSettings
from dqm.its.system import ITS
from flows.watching import pipeline

RESULTS = Path(__file__).parent / "results" / "backlog.json"
RUN_CYCLES, CYCLE_S, SEED = 100, 60.0, 20_261_126
EVENTS = (
    Fault(Cause.BEAM_BACKGROUND_A, 1200.0, 1800.0, 0.1),
    Fault(Cause.DEAD_LANE, 2400.0, 6000.0, 1.0, (index(4, 12, 7),)),
)


@dataclass
class Files:
    """All cycles of a folder, by name: a source that has everything at once; ``left``: so many were not settled yet."""

    folder: Path
    name: str = "files"
    left: int | None = None

    def arrivals(self, settled: Callable[[Sequence[str]], set[str]]) -> Iterator[Arrival]:
        paths = {path.name: path for path in sorted(self.folder.glob("*.npz"))}
        done = settled(list(paths))
        self.left = len(paths.keys() - done)
        yield from (Arrival(name, str(path)) for name, path in paths.items() if name not in done)

    def read(self, arrival: Arrival) -> Observation:
        return ITS.read_file(Path(arrival.origin), Settings())


def write(folder: Path, count: int) -> None:
    """Write so many cycles: the same hundred as several runs, one after the other."""
    settings = RunSettings(run=1, duration_s=(RUN_CYCLES + 1) * CYCLE_S, cycle_s=CYCLE_S, faults=EVENTS)
    cycles = [to_cycle(settings, one) for one in islice(simulate_run(settings, SEED), RUN_CYCLES)]
    for number in range(count):
        run, at = divmod(number, RUN_CYCLES)
        write_npz(folder / f"{number:06d}.npz", _later(cycles[at], run))


def _later(cycle: Cycle, run: int) -> Cycle:
    shift, name = timedelta(hours=2 * run), 600_000 + run
    began, ended = cycle.began_at + shift, cycle.ended_at + shift
    told = {**cycle.metadata, "RunNumber": str(name)}
    run_began = None if cycle.run_began_at is None else cycle.run_began_at + shift
    return replace(cycle, run=name, began_at=began, ended_at=ended, run_began_at=run_began, metadata=told)


def watched(folder: Path, home: Path) -> dict[str, Any]:
    """Judge the folder as a watch does, until all of it is settled; return the figures."""
    settings, source = Settings(home=home), Files(folder)
    system: System = replace(ITS, source=lambda _: source)
    with Store.open(settings.url, settings.artefacts) as store:
        store.upgrade()
        began, worked = time.perf_counter(), time.process_time()
        summary = pipeline(system, store, settings, SystemClock(), lambda: source.left == 0)
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - worked
        alarms = len(store.alarms(open_only=False, system="its", limit=10_000))
    return {
        "observations": summary.settled,
        "troubles": list(summary.troubles),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_s, 1),
        "cpu_ms_per_observation": round(1000 * cpu_s / max(summary.settled, 1), 1),
        "alarms": alarms,
        "torch_imported": "torch" in sys.modules,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.its.backlog", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="how many cycles")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the figures go")
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        files, home = Path(folder, "files"), Path(folder, "home")
        files.mkdir()
        write(files, options.count)
        load = os.getloadavg()[0]
        found = watched(files, home)
    found |= {"load_before": round(load, 1), "cpus": os.cpu_count(), "machine": platform.machine()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
