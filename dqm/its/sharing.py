"""Shares work among processes: one thing done to many shifts, with answers that do not depend on how many share it.

Processes are spawned, so what is done must be importable and what it is given must go through pickle; each computes in
one thread, for the work is in the number of shifts.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TypeVar

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Workers:
    """So many processes, or, for one, this process itself."""

    jobs: int = 1

    def map(self, do: Callable[[Thing], Answer], things: Sequence[Thing]) -> Iterator[Answer]:
        """Yield what ``do`` answers to each of the things, in their order."""
        if self.jobs <= 1 or len(things) <= 1:
            yield from map(do, things)
            return
        with (
            _environment(_ONE_THREAD),
            ProcessPoolExecutor(min(self.jobs, len(things)), mp_context=get_context("spawn")) as pool,
        ):
            yield from pool.map(do, things)


@contextmanager
def _environment(changed: dict[str, str]) -> Iterator[None]:
    """Give processes that are started within this other variables."""
    before = {name: os.environ.get(name) for name in changed}
    os.environ |= changed
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
