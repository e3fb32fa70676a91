"""What an observation of a backfill costs in processor time as a store fills: ``python -m benchmarks.deployment.flat``.

One process judges part after part (``spots``) into an empty SQLite store and notes, part by part, the processor time of
the whole process. Processor time says the same on a busy machine as on a quiet one, within what caches lose.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.deployment.spots import BEGAN, NAME, write_frames
from benchmarks.running import stamp
from core.clock import SystemClock
from core.settings import load_settings
from core.shifts import Span
from core.store import Store
from flows.catching_up import backfill
from flows.past import Errand, Part

SYSTEM = "benchmarks.deployment.spots:SPOTS"


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge frames and write what they cost, after every thousand."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deployment.flat", description=__doc__)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--frames-of", type=Path, help="take frames that are there (a folder called spots)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="shiftwatch-flat-") as home:
        os.environ["SHIFTWATCH_HOME"] = home
        folder = Path(home) / "inbox" / NAME
        if options.frames_of is None:
            write_frames(folder, 0, options.frames)
        else:
            folder.parent.mkdir()
            options.frames_of.rename(folder)
        settings = load_settings()
        with Store.open(settings.url, settings.artefacts) as store:
            store.upgrade()
            errand = Errand(SYSTEM, Span(BEGAN, BEGAN + timedelta(days=200)))
            backfill(errand, settings, store, SystemClock(), _Noting(options.out), print)
    return 0


class _Noting:
    """Works parts off one after the other, and writes what they took."""

    def __init__(self, out: Path) -> None:
        self.out, self.stamp, self.thousands = out, stamp(), list[dict[str, Any]]()

    def __call__(self, work: Callable[[Part], Any], parts: Sequence[Part]) -> Iterator[tuple[int, Any]]:
        done, before, began = 0, time.process_time(), time.monotonic()
        for number, part in enumerate(parts):
            yield number, work(part)
            done += len(part.arrivals)
            if done % 1000 == 0:
                cpu, wall = time.process_time(), time.monotonic()
                row = {"frames": done, "cpu_ms_each": cpu - before, "wall_s": wall - began, "load": os.getloadavg()[0]}
                self.thousands.append(row)
                told = {"stamp": self.stamp, "thousands": self.thousands}
                self.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
                before, began = cpu, wall


if __name__ == "__main__":
    sys.exit(main())
