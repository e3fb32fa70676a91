"""Tests inside one event: bursts of a double column, flashes of a chip, clusters too large or too long."""

import numpy as np

from dqm.its.pixels.chip import COLUMNS, DOUBLE_COLUMN_PIXELS, LONG_ROWS, ROWS, Bools, Ints
from dqm.its.pixels.spots import Spots, spots
from dqm.its.pixels.survey import Survey

STUCK_PIXELS = DOUBLE_COLUMN_PIXELS // 4
"""A quarter of a double column firing in one event is no particle, whatever the calibration says."""


def burst_spots(found: Survey) -> tuple[Spots, Ints]:
    """Return hits per double column in one event, those of more than one; and for each hit its spot, -1 for none.

    The score is the logarithm of the number of hits.
    """
    hits = found.hits
    if hits.plane.size == 0:
        return _nothing(), np.zeros(0, dtype=np.int64)
    double_column = hits.column // 2
    order = np.lexsort((hits.row, double_column, hits.event, hits.plane))
    table = np.stack([hits.plane, hits.event, double_column])[:, order]
    start = np.flatnonzero(np.append(True, (table[:, 1:] != table[:, :-1]).any(axis=0)))
    count = np.diff(start, append=order.size)
    several = np.flatnonzero(count > 1)
    row = hits.row[order]
    first, last = start[several], start[several] + count[several] - 1
    plane, event, column = table[:, first]
    of_hit = np.empty(order.size, dtype=np.int64)
    number = np.full(count.size, -1)
    number[several] = np.arange(several.size)
    of_hit[order] = np.repeat(number, count)
    found_spots = spots(
        plane=plane, column=2 * column, columns=2, row=row[first], rows=row[last] - row[first] + 1,
        first_event=event, last_event=event, count=count[several], score=np.log10(count[several]),
    )  # fmt: skip
    return found_spots, of_hit


def flash_spots(found: Survey) -> Spots:
    """Return, per chip and event, the hits outside its largest particle; the score is their logarithm (plus one)."""
    clusters = found.clusters
    pixels = np.where(_whole(found), clusters.pixels, 0)
    if pixels.size == 0:
        return _nothing()
    particles, first = np.unique(found.particle, return_index=True)
    plane, event = clusters.plane[first], clusters.event[first]
    pixels = np.bincount(found.particle, weights=pixels, minlength=particles.size).astype(np.int64)
    order = np.lexsort((event, plane))
    plane, event, pixels = plane[order], event[order], pixels[order]
    start = np.flatnonzero(np.append(True, (plane[1:] != plane[:-1]) | (event[1:] != event[:-1])))
    rest = np.add.reduceat(pixels, start) - np.maximum.reduceat(pixels, start)
    return spots(
        plane=plane[start], column=0, columns=COLUMNS, row=0, rows=ROWS, first_event=event[start],
        last_event=event[start], count=rest, score=np.log10(1 + rest),
    )  # fmt: skip


def hits_in(found: Survey, flashes: Spots) -> Bools:
    """Return which hits are of the chips and events of these flashes."""
    chosen = np.zeros(found.place.size, dtype=bool)
    for plane in np.unique(flashes.plane):
        events = flashes.first_event[flashes.plane == plane]
        chosen |= (found.hits.plane == plane) & np.isin(found.hits.event, events)
    return chosen


def cluster_spots(found: Survey) -> Spots:
    """Return the clusters with the logarithm of their size as score; long ones have their own check."""
    chosen = _whole(found) & ~found.clusters.long
    return _boxes(found, chosen, np.log10(found.clusters.pixels))


def long_spots(found: Survey) -> Spots:
    """Return the clusters of at most 29 rows, the score being the logarithm of how many columns they span."""
    return _boxes(found, found.clusters.rows <= LONG_ROWS, np.log10(found.clusters.columns))


def _whole(found: Survey) -> Bools:
    """Which clusters have no hit that is set aside."""
    return np.asarray(np.bincount(found.clusters.of_hit, ~found.kept, found.clusters.plane.size) == 0)


def _boxes(found: Survey, chosen: Bools, score: np.ndarray) -> Spots:
    clusters = found.clusters
    every = spots(
        plane=clusters.plane, column=clusters.column, columns=clusters.columns, row=clusters.row, rows=clusters.rows,
        first_event=clusters.event, last_event=clusters.event, count=clusters.pixels, score=score,
    )  # fmt: skip
    return every.of(chosen)


def _nothing() -> Spots:
    none = np.zeros(0, dtype=np.int64)
    return spots(plane=none, column=none, columns=none, row=none, rows=none, count=none, score=np.zeros(0))
