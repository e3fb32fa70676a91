"""Learning the chips: known hot pixels, stuck and dead double columns, and how crossings spread."""

from collections.abc import Mapping, Sequence

import numpy as np

from dqm.its.pixels.bursts import STUCK_PIXELS, burst_spots
from dqm.its.pixels.chip import COLUMNS, DOUBLE_COLUMNS, PIXELS, ROWS, Floats, Ints
from dqm.its.pixels.reference import BLOCK, BLOCKS, CELL, Chip, HotPixel, Reference, Spread
from dqm.its.pixels.survey import Survey, set_known_aside
from dqm.its.pixels.tails import at_least

CHANCE = 1e-3
"""Of calling anything on all chips of a reference a permanent defect that is none."""
_BLOCK_PIXELS = CELL * BLOCK
UNLEARNT = Spread(0.0, 0.0, 0.0)


def learn_chips(surveys: Sequence[Survey]) -> dict[int, Chip]:
    """Return the chips that have hits in the runs, by plane.

    A pixel is hot, and a double column dead, where Poisson fluctuations of its block of 64 x 64 pixels (its chip) would
    show the like on one of a thousand such references; a double column is stuck that bursts in two runs or more.
    """
    planes = sorted({plane for found in surveys for plane in found.hits.planes})
    if not planes:
        return {}
    clean, stuck = zip(*(_without_bursts(found) for found in surveys), strict=True)
    limit = np.log10(PIXELS * len(planes) / CHANCE)
    hot = {plane: _hot_pixels(clean, plane, limit) for plane in planes}
    known = {plane: Chip(plane, 1.0, np.full(BLOCKS, 1 / 128), hot[plane], {}, ()) for plane in planes}
    first = Reference(0, 0, known, UNLEARNT, {}, {})
    clean = tuple(set_known_aside(found, first) for found in clean)
    centres = [_centres(found) for found in clean]
    plane, column, row = (np.concatenate(parts) for parts in zip(*centres, strict=True))
    chips = {}
    for number in planes:
        own = plane == number
        chips[number] = Chip(
            plane=number,
            share=float(own.mean()),
            profile=_profile(column[own], row[own]),
            hot=hot[number],
            stuck=_stuck([columns[number] for columns in stuck if number in columns]),
            dead=_dead(clean, number, column[own], len(planes)),
        )
    return {number: chip for number, chip in chips.items() if chip.share > 0}


def _without_bursts(found: Survey) -> tuple[Survey, dict[int, set[int]]]:
    bursts, of_hit = burst_spots(found)
    chosen = bursts.count >= STUCK_PIXELS
    columns: dict[int, set[int]] = {}
    for plane, column in zip(bursts.plane[chosen].tolist(), bursts.column[chosen].tolist(), strict=True):
        columns.setdefault(plane, set()).add(column // 2)
    return found.without(np.append(chosen, False)[of_hit]), columns


def _stuck(runs: Sequence[set[int]]) -> dict[int, int]:
    columns = [column for run in runs for column in run]
    return {column: columns.count(column) for column in sorted(set(columns)) if columns.count(column) > 1}


def _hot_pixels(surveys: Sequence[Survey], plane: int, limit: float) -> tuple[HotPixel, ...]:
    """Return the pixels whose visits, or visits without a neighbour, are too many for their surroundings."""
    pixels, alone = [], []
    for found in surveys:
        own = found.kept & found.fresh & (found.hits.plane == plane)
        pixels.append(found.pixel[own])
        alone.append(found.alone[own])
    pixel, single = np.concatenate(pixels), np.concatenate(alone)
    places, visits = np.unique(pixel, return_counts=True)
    runs = np.unique(np.concatenate([np.unique(one) for one in pixels]), return_counts=True)[1]
    singles = np.bincount(np.searchsorted(places, pixel[single]), minlength=places.size)
    score = np.maximum(_above_block(places, visits), _above_block(places, singles)) - np.log10(2)
    return tuple(
        HotPixel(int(places[i]) % COLUMNS, int(places[i]) // COLUMNS, int(visits[i]), int(runs[i]))
        for i in np.flatnonzero(score >= limit)
    )


def _above_block(places: Ints, count: Ints) -> Floats:
    block = places // COLUMNS // _BLOCK_PIXELS * BLOCKS[1] + places % COLUMNS // _BLOCK_PIXELS
    total = np.bincount(block, weights=count, minlength=BLOCKS[0] * BLOCKS[1])
    typical = np.minimum(total[block], 3 * np.median(total) + 3)  # hot pixels of one block must not hide one another
    return at_least(count, np.maximum(typical - count, 1) / _BLOCK_PIXELS**2, 0.0)


def _centres(found: Survey) -> tuple[Ints, Ints, Ints]:
    clusters, chosen = found.clusters, found.crossings
    column = (clusters.column + clusters.columns // 2)[chosen]
    row = (clusters.row + clusters.rows // 2)[chosen]
    return clusters.plane[chosen], column, row


def _profile(column: Ints, row: Ints) -> Floats:
    """Return the shares of blocks, drawn towards even ones by as much as their differences are mere counting errors."""
    block = row // _BLOCK_PIXELS * BLOCKS[1] + column // _BLOCK_PIXELS
    count = np.bincount(block, minlength=BLOCKS[0] * BLOCKS[1]) + 0.5
    mean = count.mean()
    real = max(count.var() / mean**2 - 1 / mean, 0.0)
    weight = real / (real + 1 / mean)
    shares = 1 + weight * (count / mean - 1)
    return np.asarray((shares / shares.sum()).reshape(BLOCKS))


def _dead(surveys: Sequence[Survey], plane: int, column: Ints, planes: int) -> tuple[int, ...]:
    expected = column.size / DOUBLE_COLUMNS
    if expected / np.log(10) < np.log10(DOUBLE_COLUMNS * planes / CHANCE):
        return ()
    seen = np.zeros(DOUBLE_COLUMNS, dtype=bool)
    for found in surveys:
        seen[np.unique(found.hits.column[found.kept & (found.hits.plane == plane)]) // 2] = True
    return tuple(np.flatnonzero(~seen).tolist())


def excess(count: Floats, mean: Floats) -> float:
    """Return by how much counts vary more than Poisson's: the spread of a gamma-Poisson of these means, by moments."""
    counted, square = float(((count - mean) ** 2 - mean).sum()), float((mean**2).sum())
    return max(counted / square, 0.0) if square > 0 else 0.0


def block_sums(cells: np.ndarray) -> np.ndarray:
    """Return cells (n, 32, 64) summed over 8 x 8 of them, (n, 4, 8): coarse enough to see the spread of regions."""
    side = ROWS // CELL // 4
    summed: np.ndarray = cells.reshape(len(cells), 4, side, 8, side).sum(axis=(2, 4))
    return summed


def shares_of(chips: Mapping[int, Chip], planes: Ints) -> Floats:
    """Return the profiles of some planes by cell, (planes, 32, 64)."""
    return np.stack([chips[int(plane)].cells for plane in planes])
