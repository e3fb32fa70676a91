"""Cut a large picture into overlapping tiles, so that memory does not grow with the board, and share them out."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

Window = tuple[slice, slice]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Tile:
    """``inner`` is the part that this tile answers for; ``outer`` is what it sees."""

    inner: Window
    outer: Window

    def inner_at(self, stride: int) -> Window:
        """Return the inner window on a grid of one value per ``stride`` pixels."""
        return _scaled(self.inner, (0, 0), stride)

    def outer_at(self, stride: int) -> Window:
        """Return the outer window on a grid of one value per ``stride`` pixels."""
        return _scaled(self.outer, (0, 0), stride)

    def inner_in_outer(self, stride: int = 1) -> Window:
        """Return where the inner window lies within the outer one, on a grid of one value per ``stride`` pixels."""
        return _scaled(self.inner, (self.outer[0].start, self.outer[1].start), stride)


def tiles(shape: tuple[int, int], size: int, margin: int) -> Iterator[Tile]:
    """Yield tiles that cover a picture of ``shape`` (multiples of 8); ``size`` and ``margin`` are multiples of 8."""
    height, width = shape
    for top in range(0, height, size):
        for left in range(0, width, size):
            inner = (slice(top, min(height, top + size)), slice(left, min(width, left + size)))
            outer = (
                slice(max(0, inner[0].start - margin), min(height, inner[0].stop + margin)),
                slice(max(0, inner[1].start - margin), min(width, inner[1].stop + margin)),
            )
            yield Tile(inner, outer)


def _scaled(window: Window, origin: tuple[int, int], stride: int) -> Window:
    rows, columns = (
        slice((part.start - start) // stride, (part.stop - start) // stride)
        for part, start in zip(window, origin, strict=True)
    )
    return rows, columns


def workers() -> int:
    """Return how many threads share the work: ``OMP_NUM_THREADS`` if it is set, else the cores of this machine."""
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, int(wanted)) if wanted.isdigit() else max(1, os.cpu_count() or 1)


def shared_out(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
    """Yield each item with ``function(item)``, in order, computed by several threads (NumPy, OpenCV, ONNX let go)."""
    todo = list(items)
    count = min(workers(), len(todo))
    if count <= 1:
        yield from ((item, function(item)) for item in todo)
        return
    with ThreadPoolExecutor(count) as pool:
        yield from zip(todo, pool.map(function, todo), strict=True)
