"""Loss patterns by Monte Carlo for ensembles of settings: what the emulator is made from and training draws from.

``python -m accelerator.collimation.simulate.library OUT --jobs 16`` writes one compressed ``npz`` for each beam, plane
and state. It needs numpy and numba; seeds belong to settings, so the result does not depend on the number of jobs.
"""

import argparse
import multiprocessing
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.channels import names
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.hypotheses import drawn, grid
from accelerator.collimation.states import State

MOST_SETTINGS = 2
KINDS = ("nominal", "tolerance", "grid", "drawn")


class Key(NamedTuple):
    """What a library is for."""

    beam: int
    plane: str
    state: State

    def __str__(self) -> str:
        return f"b{self.beam}_{self.plane.lower().replace('+', 'plus').replace('-', 'minus')}_{self.state}"


class Case(NamedTuple):
    """One machine to simulate: ``tolerances`` is the seed of its tolerances, negative for none."""

    kind: str
    settings: tuple[Setting, ...]
    tolerances: int
    protons: int


class Plan(NamedTuple):
    """How many protons for each kind of case, and how many cases."""

    nominal: int = 1_000_000
    grid: int = 20_000
    tolerance: int = 50_000
    tolerance_cases: int = 64
    drawn: int = 20_000
    drawn_cases: int = 200


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """Patterns of one key: N cases, C channels.

    Parameters
    ----------
    element, quantity, change : (N, MOST_SETTINGS)
        Settings errors; empty names and 0 where there are fewer.
    tolerances : (N,)
        Seed of the tolerances, negative: none.
    counts : (N, C)
        Protons lost per channel; ``protons`` (N,) were followed, the others live on.
    """

    key: Key
    channels: tuple[str, ...]
    kind: NDArray[np.str_]
    element: NDArray[np.str_]
    quantity: NDArray[np.str_]
    change: NDArray[np.float64]
    tolerances: NDArray[np.int64]
    protons: NDArray[np.int64]
    counts: NDArray[np.int64]

    def settings(self, at: int) -> tuple[Setting, ...]:
        """Return the settings errors of a case."""
        return tuple(
            Setting(str(element), Quantity(quantity), float(change))
            for element, quantity, change in zip(self.element[at], self.quantity[at], self.change[at], strict=True)
            if element
        )

    def shares(self) -> NDArray[np.float64]:
        """Return the shares of the lost protons, shape (N, C)."""
        total = np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        found: NDArray[np.float64] = self.counts / total
        return found

    def write(self, folder: Path) -> Path:
        """Write it as compressed ``npz``."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.key}.npz"
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        np.savez_compressed(
            path, allow_pickle=False, channels=np.array(self.channels), key=np.array(list(map(str, self.key))), **arrays
        )
        return path

    @classmethod
    def read(cls, path: Path) -> "Library":
        """Read what `write` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            beam, plane, state = stored["key"]
            arrays = {name: stored[name] for name in _ARRAYS}
            return cls(Key(int(beam), str(plane), State(state)), tuple(map(str, stored["channels"])), **arrays)


_ARRAYS = ("kind", "element", "quantity", "change", "tolerances", "protons", "counts")


def cases(key: Key, plan: Plan) -> list[Case]:
    """Return what is simulated for a key."""
    seed = zlib.crc32(str(key).encode())
    rng = np.random.default_rng(seed)
    step = 50_000
    found = [Case("nominal", (), -1, min(step, plan.nominal)) for _ in range(max(1, plan.nominal // step))]
    found += [Case("tolerance", (), 1000 + at, plan.tolerance) for at in range(plan.tolerance_cases)]
    if plan.grid:
        found += [Case("grid", (one,), -1, plan.grid) for one in grid(key.beam, key.state)]
    found += [Case("drawn", drawn(key.beam, key.state, rng), 5000 + at, plan.drawn) for at in range(plan.drawn_cases)]
    return found


def simulate(key: Key, case: Case, seed: int) -> NDArray[np.int64]:
    """Follow the protons of a case; returns the lost ones per channel."""
    from accelerator.collimation.simulate.cascade import losses
    from accelerator.collimation.simulate.halo import halo
    from accelerator.collimation.simulate.ring import ring
    from accelerator.collimation.simulate.setup import jaws

    tolerances = np.random.default_rng(case.tolerances) if case.tolerances >= 0 else None
    machine = ring(key.beam, key.state, jaws(key.beam, key.state, case.settings, tolerances))
    protons = halo(machine, key.plane, case.protons, np.random.default_rng((seed, 1)))
    lost = losses(machine, protons, seed)
    counts = np.zeros(len(names(key.beam)), dtype=np.int64)
    np.add.at(counts, machine.optics.channel, lost.stations)
    return counts


def _job(task: tuple[Key, Case, int]) -> NDArray[np.int64]:
    return simulate(*task)


def build(key: Key, plan: Plan, jobs: int) -> Library:
    """Simulate all cases of a key on a number of processes."""
    every = cases(key, plan)
    tasks = [(key, case, zlib.crc32(f"{key} {at}".encode()) % 2**31) for at, case in enumerate(every)]
    counts = np.array(list(_mapped(tasks, jobs)))
    kind = np.array([case.kind for case in every])
    nominal = kind == "nominal"
    # the parts of the nominal case become one
    rest = [case for case in every if case.kind != "nominal"]
    first = Case("nominal", (), -1, sum(case.protons for case in every if case.kind == "nominal"))
    return _library(key, [first, *rest], np.vstack([counts[nominal].sum(axis=0), counts[~nominal]]))


def _mapped(tasks: Sequence[tuple[Key, Case, int]], jobs: int) -> Iterator[NDArray[np.int64]]:
    if jobs == 1:
        yield from map(_job, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(_job, tasks, chunksize=1)


def _library(key: Key, every: Sequence[Case], counts: NDArray[np.int64]) -> Library:
    n = len(every)
    element = np.full((n, MOST_SETTINGS), "", dtype="U24")
    quantity = np.full((n, MOST_SETTINGS), "", dtype="U12")
    change = np.zeros((n, MOST_SETTINGS))
    for at, case in enumerate(every):
        for place, one in enumerate(case.settings):
            element[at, place], quantity[at, place], change[at, place] = one.element, one.quantity.value, one.change
    return Library(
        key,
        names(key.beam),
        np.array([case.kind for case in every]),
        element,
        quantity,
        change,
        np.array([case.tolerances for case in every]),
        np.array([case.protons for case in every]),
        counts,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the libraries asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--planes", nargs="+", default=["H", "V"])
    parser.add_argument("--states", nargs="+", default=["collisions"], type=State)
    for name, value in Plan()._asdict().items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=value)
    asked = parser.parse_args(arguments)
    plan = Plan(**{name: getattr(asked, name) for name in Plan._fields})
    for key in (Key(b, p, s) for s in asked.states for p in asked.planes for b in asked.beams):
        begin = time.monotonic()
        built = build(key, plan, asked.jobs)
        path = built.write(asked.folder)
        sys.stderr.write(f"{path}: {len(built.kind)} cases, {time.monotonic() - begin:.0f} s\n")


if __name__ == "__main__":
    main()
