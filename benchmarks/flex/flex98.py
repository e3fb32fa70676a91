"""The flex98 part: draw the held-out set once, then measure each method in a process of its own."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.flex.boards import Split, build_reference, flex98_split
from benchmarks.flex.heldout import SEED, VERSION, HeldOut, build, save
from benchmarks.flex.methods import ENTRIES, OURS, Entry, ablation
from benchmarks.flex.peers import cache_folder, peers_python
from benchmarks.flex.report import Row

ROOT = Path(__file__).parents[2]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Choice:
    """What to run: quick (four boards, a quarter of the defects), peers too, ablation rows, the development split.

    ``jobs`` rows are measured at a time, a core each: their wall times say little then. ``draws`` sets of defects are
    drawn on the same boards, the first of them the usual one: what one set of 118 shows is within 0.05 by luck.
    """

    quick: bool = False
    peers: bool = False
    ablation: bool = False
    dev: bool = False
    only: str = ""
    jobs: int = 1
    unseen_places: bool = False
    draws: int = 1


def run(data: Path, choice: Choice, say: Callable[[str], None]) -> list[Row]:
    """Measure the chosen methods; a method that fails gives a row with its `error`."""
    split = flex98_split(data, dev=choice.dev, unseen_places=choice.unseen_places)
    if not split.test:
        raise FileNotFoundError(f"{data}/flex98/main: no boards")
    if choice.quick:
        split = Split(split.learn[::4], split.test[::4])
    heldout = drawn(split, choice, say)

    def row(entry: Entry) -> Row:
        say(f"measuring {entry.name}")
        return measured(entry, split, heldout) | {"heldout": heldout.stem}

    with ThreadPoolExecutor(choice.jobs) as pool:  # each waits for a process of one thread
        return list(pool.map(row, chosen(choice)))


def chosen(choice: Choice) -> tuple[Entry, ...]:
    """The methods to run, in the order of the table."""
    entries = [entry for entry in ENTRIES if choice.peers or not entry.peer]
    if choice.quick:
        entries = [entry for entry in entries if entry.quick]
    if importlib.util.find_spec(OURS.partition(":")[0]) is None:
        entries = [entry for entry in entries if entry.target != OURS]
    elif choice.ablation:
        entries += ablation()
    return tuple(entry for entry in entries if choice.only.lower() in entry.name.lower())


def drawn(split: Split, choice: Choice, say: Callable[[str], None]) -> Path:
    """The held-out set in the cache, drawn now if it is not there."""
    first = SEED + (1000 if choice.dev else 0)
    seeds = [first + number for number in range(choice.draws)]
    names = [str(path.resolve()) for path in (*split.learn, *split.test)]
    digested = [VERSION, seeds[0] if len(seeds) == 1 else seeds, choice.quick, names]
    key = hashlib.sha256(json.dumps(digested).encode()).hexdigest()[:16]
    path = cache_folder() / f"flex98-{key}.npz"
    if not path.exists():
        say("drawing the held-out defects")
        reference = build_reference(split.learn)
        sets = [build(split, reference, seed, 0.25 if choice.quick else 1.0) for seed in seeds]
        save(HeldOut(sets[0].boards, tuple(copy for one in sets for copy in one.copies), sets[0].parts), path)
    return path


def measured(entry: Entry, split: Split, heldout: Path) -> Row:
    """One row, from a fresh process with one thread."""
    learn = split.few(entry.boards) if entry.boards else ()
    job = {
        "name": entry.name,
        "target": entry.target,
        "arguments": entry.arguments,
        "learn": [str(path.resolve()) for path in learn],
        "warm_up": str(split.learn[0].resolve()),
    }
    python = peers_python() if entry.peer else Path(sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        job_path, row_path = Path(folder) / "job.json", Path(folder) / "row.json"
        job_path.write_text(json.dumps(job), encoding="utf-8")
        command = [str(python), "-W", "ignore", "-m", "benchmarks.flex.worker"]
        command += [str(heldout), str(job_path), str(row_path)]
        error = _failure(command)
        if error:
            return {"name": entry.name, "error": error}
        row: Row = json.loads(row_path.read_text(encoding="utf-8"))
        return row


def _failure(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=False
        )
    except OSError as error:
        return f"{command[0]}: {error.strerror} (see benchmarks.flex.peers)"
    return "" if done.returncode == 0 else f"status {done.returncode}: {done.stderr.strip().splitlines()[-1:]}"
