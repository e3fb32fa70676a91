"""Clusters of one run: hits of one chip and event that touch each other, also at corners (8-connected)."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dqm.its.pixels.chip import COLUMNS, LONG_COLUMNS, LONG_ROWS, ROWS, Bools, Ints
from dqm.its.pixels.hits import Hits

_WIDTH = COLUMNS + 2  # one empty column and row around the chip, so that no neighbour lies beyond its edge
_AREA = _WIDTH * (ROWS + 2)
FRAGMENT_GAP = 8
_MOST_COMPARED = 64
_FORWARD = (1, _WIDTH - 1, _WIDTH, _WIDTH + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """One entry per cluster; ``of_hit`` (hits,) is the number of the cluster that a hit belongs to."""

    plane: Ints
    event: Ints
    column: Ints
    row: Ints
    columns: Ints
    rows: Ints
    pixels: Ints
    of_hit: Ints

    @property
    def long(self) -> Bools:
        """Which are long clusters as QC defines them."""
        return np.asarray((self.columns >= LONG_COLUMNS) & (self.rows <= LONG_ROWS))


def find_clusters(hits: Hits) -> Clusters:
    """Return the clusters: ``column`` and ``row`` are the lowest, ``columns`` and ``rows`` how many are spanned."""
    count = hits.event.size
    map_starts = np.zeros(count, dtype=bool)
    map_starts[1:] = (hits.event[1:] != hits.event[:-1]) | (hits.plane[1:] != hits.plane[:-1])
    place = np.cumsum(map_starts) * _AREA + (hits.row + 1) * _WIDTH + hits.column + 1  # ascending: hits are in order
    number, of_hit = _components(place)
    if number == 0:
        empty = np.zeros(0, dtype=np.int64)
        return Clusters(*([empty] * 8))
    member = np.argsort(of_hit, kind="stable")
    start = np.flatnonzero(np.diff(of_hit[member], prepend=-1))
    column, row = (np.minimum.reduceat(array[member], start) for array in (hits.column, hits.row))
    last_column, last_row = (np.maximum.reduceat(array[member], start) for array in (hits.column, hits.row))
    return Clusters(
        plane=hits.plane[member][start],
        event=hits.event[member][start],
        column=column,
        row=row,
        columns=last_column - column + 1,
        rows=last_row - row + 1,
        pixels=np.diff(start, append=count),
        of_hit=of_hit,
    )


def group_fragments(clusters: Clusters) -> Ints:
    """Number the particles, (clusters,): clusters of one chip and event that lie within 8 pixels are fragments of one.

    Where a chip shows more than 64 clusters in an event, those far apart in order may stay single.
    """
    count = clusters.plane.size
    order = np.lexsort((clusters.row, clusters.event, clusters.plane))
    map_starts = np.ones(count, dtype=bool)
    plane, event = clusters.plane[order], clusters.event[order]
    map_starts[1:] = (plane[1:] != plane[:-1]) | (event[1:] != event[:-1])
    number = np.cumsum(map_starts)
    most = int(np.bincount(number).max(initial=0))
    ends = [np.zeros((2, 0), dtype=np.int64)]
    for step in range(1, min(most, _MOST_COMPARED)):
        first = np.flatnonzero(number[step:] == number[:-step])
        pair = np.stack([order[first], order[first + step]])
        ends.append(pair[:, _near(clusters, *pair)])
    one, other = np.concatenate(ends, axis=1)
    graph = coo_array((np.ones(one.size, dtype=np.int8), (one, other)), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64) if count else np.zeros(0, dtype=np.int64)


def _near(clusters: Clusters, one: Ints, other: Ints) -> Bools:
    near = np.ones(one.size, dtype=bool)
    for low, size in ((clusters.column, clusters.columns), (clusters.row, clusters.rows)):
        gap = np.maximum(low[one] - (low[other] + size[other]), low[other] - (low[one] + size[one]))
        near &= gap < FRAGMENT_GAP
    return near


def _components(place: Ints) -> tuple[int, Ints]:
    """Number the connected groups of ascending ``place``s."""
    ends = []
    for step in _FORWARD:
        target = np.searchsorted(place, place + step)
        target[target == place.size] = 0
        touching = np.flatnonzero(place[target] == place + step) if place.size else target
        ends.append(np.stack([touching, target[touching]]))
    one, other = np.concatenate(ends, axis=1)
    graph = coo_array((np.ones(one.size, dtype=np.int8), (one, other)), shape=(place.size, place.size))
    number, labels = connected_components(graph, directed=False) if place.size else (0, np.zeros(0))
    return int(number), labels.astype(np.int64)
