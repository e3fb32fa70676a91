"""Cut a file with the hits of many runs into one npz per run: ``python -m dqm.its.pixels.convert SHARED OUT``.

SHARED is ``alpide_cosmics_runs_le_600.npz`` (arrays ``run, event, plane, col, row`` and ``run_table`` of runs and their
numbers of events) or the folder that it is in; OUT gets ``run_0380.npz``...
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from core.errors import InputError, ShiftwatchError
from dqm.its.pixels.files import write_run
from dqm.its.pixels.hits import Hits, checked

SHARED_FILE = "alpide_cosmics_runs_le_600.npz"
_NAMES = {"event": "event", "plane": "plane", "column": "col", "row": "row"}


def shared_runs(path: Path, first: int = 0, last: int = 2**40) -> Iterator[Hits]:
    """Yield the runs from ``first`` to ``last`` of the file of many runs, in the order of their numbers.

    Raises
    ------
    core.errors.InputError
        If the file cannot be read or lacks an array.
    """
    source = path / SHARED_FILE if path.is_dir() else path
    try:
        with np.load(source, allow_pickle=False) as file:
            run, table = file["run"], file["run_table"]
            arrays = {ours: file[theirs] for ours, theirs in _NAMES.items()}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(source, f"holds no runs of hits ({error})") from None
    for number, events in sorted(table.tolist()):
        if first <= number <= last:
            chosen = run == number
            cut = {name: array[chosen] for name, array in arrays.items()}
            yield checked(number, events, cut, f"{source}: run {number}")


def main(arguments: list[str]) -> int:
    """Write the files; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dqm.its.pixels.convert", description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("out", type=Path)
    chosen = parser.parse_args(arguments)
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
        for hits in shared_runs(chosen.shared):
            write_run(chosen.out / f"run_{hits.run:04d}.npz", hits)
    except (ShiftwatchError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
