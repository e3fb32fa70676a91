"""Crossings counted in windows of many sizes, against what the reference expects there: noisy and dead regions."""

from dataclasses import dataclass

import numpy as np

from dqm.its.pixels.chip import COLUMNS, DOUBLE_COLUMNS, ROWS, Bools, Floats, Ints
from dqm.its.pixels.reference import CELL, CELLS, Reference
from dqm.its.pixels.spots import Spots, joined, spots
from dqm.its.pixels.survey import Survey
from dqm.its.pixels.tails import at_least, at_most

MIN_CHIPS = 3
"""So many chips tell together how many crossings each should have."""
LEAST_EXPECTED = 3.0
LEAST_COUNT = 3
SIZES = (
    (1, 1, 1), (2, 2, 1), (4, 4, 2), (8, 8, 4), (16, 16, 8),
    (32, 2, 2), (32, 8, 4), (32, 16, 4), (32, 32, 8), (16, 64, 8),
)  # fmt: skip
"""Height, width and step of windows, in cells of 16 x 16 pixels; 32 x 2 is a readout region of the chip."""


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """Crossings of the chips that the reference knows.

    ``cells`` has shape (planes, 32, 64), ``double_columns`` (planes, 512), ``expected`` (planes,): how many the other
    chips say there should be; where they are too few to say, as many as there are.
    """

    planes: Ints
    cells: Ints
    double_columns: Ints
    expected: Floats

    @property
    def total(self) -> Ints:
        """Crossings per chip."""
        return np.asarray(self.double_columns.sum(axis=1))


def count_crossings(found: Survey, reference: Reference) -> Crossings:
    """Count the crossings of a run by cell and by double column."""
    planes = np.array(sorted(reference.chips), dtype=np.int64)
    clusters, chosen = found.clusters, found.crossings & np.isin(found.clusters.plane, planes)
    index = np.searchsorted(planes, clusters.plane[chosen])
    column = (clusters.column + clusters.columns // 2)[chosen]
    row = (clusters.row + clusters.rows // 2)[chosen]
    cell = (index * CELLS[0] + row // CELL) * CELLS[1] + column // CELL
    cells = np.bincount(cell, minlength=planes.size * CELLS[0] * CELLS[1]).reshape(-1, *CELLS)
    strip = index * DOUBLE_COLUMNS + column // 2
    strips = np.bincount(strip, minlength=planes.size * DOUBLE_COLUMNS).reshape(-1, DOUBLE_COLUMNS)
    return Crossings(planes, cells, strips, _expected(planes, strips.sum(axis=1), reference))


def rate_spots(counted: Crossings, reference: Reference) -> Spots:
    """Return one spot per chip: how far its number of crossings is from what the others say (either way)."""
    spread = reference.spread.rate
    score = np.maximum(
        at_least(counted.total, counted.expected, spread), at_most(counted.total, counted.expected, spread)
    )
    return spots(
        plane=counted.planes, column=0, columns=COLUMNS, row=0, rows=ROWS, count=counted.total,
        expected=counted.expected, score=np.maximum(score - np.log10(2), 0),
    )  # fmt: skip


def region_spots(counted: Crossings, reference: Reference) -> tuple[Spots, Spots]:
    """Return the windows with more, and those with fewer, crossings than expected.

    The score is -log10 of the probability, less the logarithm of how many windows of that size a chip has. A chip that
    lost events everywhere has no dead region: what is expected in one follows the rest of the chip where that is less.
    """
    shares = np.stack([reference.chips[int(plane)].cells for plane in counted.planes])
    sums, share_sums = _integral(counted.cells), _integral(shares)
    most = np.maximum(counted.expected, counted.total)[:, None, None]
    least, total = counted.expected[:, None, None], counted.total[:, None, None]
    spread, noisy, dead = reference.spread.region, [], []
    for size in SIZES:
        count, share = (_window(array, *size) for array in (sums, share_sums))
        mean = most * share
        high = (count >= LEAST_COUNT) & (count > mean + 2 * np.sqrt(mean))
        noisy.append(_boxes(counted, high, count, mean, size, at_least(count[high], mean[high], spread)))
        mean = np.minimum(least, (total - count) / np.maximum(1 - share, 1e-9)) * share
        low = (mean >= LEAST_EXPECTED) & (count < mean)
        dead.append(_boxes(counted, low, count, mean, size, at_most(count[low], mean[low], spread)))
    return joined(noisy), joined(dead)


def column_spots(counted: Crossings, reference: Reference) -> Spots:
    """Return the double columns with more crossings than expected."""
    shares = np.stack([reference.chips[int(plane)].double_columns for plane in counted.planes])
    expected = np.maximum(counted.expected, counted.total)[:, None] * shares
    expected = np.maximum(expected, 1e-3 * expected.mean(axis=1, keepdims=True))  # dead ones: whatever they show is odd
    index, column = np.nonzero(counted.double_columns > 1)
    count, mean = counted.double_columns[index, column], expected[index, column]
    return spots(
        plane=counted.planes[index], column=2 * column, columns=2, row=0, rows=ROWS, count=count, expected=mean,
        score=at_least(count, mean, reference.spread.region),
    )  # fmt: skip


def _expected(planes: Ints, total: Ints, reference: Reference) -> Floats:
    """Return what the chips should show if each saw the same particles: the median chip sets the scale."""
    shares = np.array([reference.chips[int(plane)].share for plane in planes])
    scaled = total / shares
    if np.count_nonzero(total) < MIN_CHIPS:
        return total.astype(np.float64)
    return np.asarray(np.median(scaled) * shares)


def _integral(array: np.ndarray) -> np.ndarray:
    return np.pad(array.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))


def _window(sums: np.ndarray, height: int, width: int, step: int) -> np.ndarray:
    """Return the sums in all windows of a size that lie inside the chip, (planes, y, x)."""
    inside = sums[:, height:, width:] - sums[:, :-height, width:] - sums[:, height:, :-width]
    every: np.ndarray = (inside + sums[:, :-height, :-width])[:, ::step, ::step]
    return every


def _boxes(
    counted: Crossings, chosen: Bools, count: np.ndarray, mean: Floats, size: tuple[int, int, int], score: Floats
) -> Spots:
    index, y, x = np.nonzero(chosen)
    height, width, step = size
    windows = chosen[0].size if chosen.size else 1
    return spots(
        plane=counted.planes[index], column=x * step * CELL, columns=width * CELL, row=y * step * CELL,
        rows=height * CELL, count=count[chosen], expected=mean[chosen], score=np.maximum(score - np.log10(windows), 0),
    )  # fmt: skip
