"""Working off parts in several processes: of this machine, or the workers of a Dask cluster."""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Protocol, TypeVar

from core.errors import ShiftwatchError
from flows.backfilling import step_back
from flows.past import Part

T = TypeVar("T")
FALLS = 5
"""So many deaths of workers in a row, without a part that was finished between them, end the work."""
DASK_PATIENCE_S = 10.0
LEAST_URGENT = -10
_SET_PARENT_DEATH_SIGNAL = 1


class Fan(Protocol):
    """Does the same to every part, in any order, and says which part a result is of."""

    def __call__(self, work: Callable[[Part], T], parts: Sequence[Part]) -> Iterator[tuple[int, T]]: ...


def locally(workers: int) -> Fan:
    """Return what shares parts among processes of this machine. What a killed one had is done again by others."""

    def fan(work: Callable[[Part], T], parts: Sequence[Part]) -> Iterator[tuple[int, T]]:
        left, falls = dict(enumerate(parts)), 0
        while left:
            try:
                for number, result in _by_processes(work, dict(left), workers):
                    del left[number]
                    falls = 0
                    yield number, result
            except BrokenProcessPool:
                falls += 1
                if falls >= FALLS:
                    raise ShiftwatchError(f"{falls} workers died in a row; what was judged is kept") from None

    return fan


def on_dask(address: str) -> Fan:
    """Return what shares parts among the workers of a Dask cluster; a part of a lost worker goes to another one.

    Raises
    ------
    ShiftwatchError
        When used: Dask is not installed, or no scheduler answers at the address.
    """

    def fan(work: Callable[[Part], T], parts: Sequence[Part]) -> Iterator[tuple[int, T]]:
        try:
            distributed: Any = import_module("distributed")
        except ImportError:
            raise ShiftwatchError("--dask needs: pip install 'shiftwatch[scale]'") from None
        try:
            client = distributed.Client(address, timeout=DASK_PATIENCE_S)
        except (OSError, ValueError, TimeoutError) as error:
            raise ShiftwatchError(f"{address}: no Dask scheduler answers ({error})") from None
        with client:
            futures = client.map(_Patient(work), parts, pure=False, priority=LEAST_URGENT)
            numbers = {future.key: number for number, future in enumerate(futures)}
            try:
                for future, result in distributed.as_completed(futures, with_results=True):
                    yield numbers[future.key], result
                    future.release()
            except distributed.KilledWorker:
                raise ShiftwatchError("several workers died over one part; what was judged is kept") from None

    return fan


class _Patient:
    """Work that steps back first: a Dask worker may be anybody's process."""

    def __init__(self, work: Callable[[Part], T]) -> None:
        self.work, self.__name__ = work, "part"

    def __call__(self, part: Part) -> object:
        step_back()
        return self.work(part)


def _by_processes(work: Callable[[Part], T], parts: dict[int, Part], workers: int) -> Iterator[tuple[int, T]]:
    context = multiprocessing.get_context("spawn")
    with _one_thread_each(), ProcessPoolExecutor(workers, context, _begin) as pool:
        try:
            futures = {pool.submit(work, part): number for number, part in parts.items()}
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:  # also Ctrl-C: what is running is not waited for, it would be done again anyway
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Workers share the cores by being several, not by threads of their libraries."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin() -> None:
    """Begin a worker: in a session of its own, at low priority, gone when the one who asked is."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    step_back()
