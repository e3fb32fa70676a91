"""Cut a large picture into overlapping tiles, so that memory does not grow with the board."""

from collections.abc import Iterator
from dataclasses import dataclass

Window = tuple[slice, slice]


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
