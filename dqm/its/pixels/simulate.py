"""Runs of a cosmic telescope, and defects to put into any run, simulated or real.

Cosmic particles come with the cosine of their angle as weight; the pixels they fire are those of
`dqm.its.simulate.clusters`. One particle in fifty is read out twice, in consecutive events, as in the real telescope
(1.8 % in its runs up to 500), and one in fifty comes with another in the same chip (1.9 %). Else each chip has its own
particles; in reality 14 % of the events show some in two chips or more.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from dqm.its.pixels.causes import PixelCause
from dqm.its.pixels.chip import COLUMNS, DOUBLE_COLUMNS, ROWS, Bools, Ints
from dqm.its.pixels.hits import Hits, checked
from dqm.its.simulate.clusters import fire

FRAMES = 9_000_000
_ECHOES, _PAIRS = 0.02, 0.02
_MAX_SLOPE = 8.0
_PARTICLES_AT_ONCE = 200


def cosmic_run(rng: Generator, run: int, crossings: float = 120.0, planes: int = 7) -> Hits:
    """Return a run without defects; ``crossings`` is the mean number of particles per chip."""
    count = rng.poisson(crossings * planes)
    plane = rng.integers(planes, size=count)
    event = rng.integers(10, FRAMES, size=count)
    pair = np.flatnonzero(rng.random(count) < _PAIRS)
    event[pair], plane[pair] = event[pair - 1], plane[pair - 1]
    particle, across, along = _fired(rng, count)
    column = rng.integers(COLUMNS, size=count)[particle] + across
    row = rng.integers(ROWS, size=count)[particle] + along
    inside = (column >= 0) & (column < COLUMNS) & (row >= 0) & (row < ROWS)
    particle, column, row = particle[inside], column[inside], row[inside]
    echo = (rng.random(count) < _ECHOES)[particle]
    hits = np.stack([event[particle], plane[particle], column, row])
    later = hits[:, echo] + np.array([[1], [0], [0], [0]])
    return _run(run, 0, np.concatenate([hits, later], axis=1))


def _fired(rng: Generator, count: int) -> tuple[Ints, Ints, Ints]:
    """Return the particle, the column and the row, about its centre, of each pixel that fires."""
    cosine = np.sqrt(rng.random(count))
    slope = np.minimum(np.sqrt(1 - cosine**2) / cosine, _MAX_SLOPE)
    phi = rng.uniform(0, 2 * np.pi, count)
    order = np.argsort(slope)  # those alike together, so that none is drawn on a larger area than it needs
    parts = []
    for start in range(0, count, _PARTICLES_AT_ONCE):
        chosen = order[start : start + _PARTICLES_AT_ONCE]
        pixels = fire(rng, slope[chosen] * np.cos(phi[chosen]), slope[chosen] * np.sin(phi[chosen]))
        number, column, row = np.nonzero(pixels)
        mirror = np.where(rng.random(chosen.size) < 0.5, -1, 1)[number]
        parts.append(np.stack([chosen[number], column - pixels.shape[1] // 2, mirror * (row - pixels.shape[2] // 2)]))
    particle, column, row = np.concatenate(parts, axis=1) if parts else np.zeros((3, 0), dtype=np.int64)
    return particle, column, row


def with_hot_pixel(hits: Hits, rng: Generator, plane: int, column: int, row: int, visits: int) -> Hits:
    """Return the run with a pixel that fires in some events, no two of them consecutive."""
    event = 2 * rng.choice(_span(hits) // 2, size=visits, replace=False)
    return with_hits(hits, event, plane, np.full(visits, column), np.full(visits, row))


def with_burst(hits: Hits, event: int, plane: int, double_column: int, rows: int) -> Hits:
    """Return the run with both columns of a double column firing in ``rows`` rows from 0, in one event."""
    row = np.tile(np.arange(rows), 2)
    column = 2 * double_column + np.repeat([0, 1], rows)
    return with_hits(hits, np.full(2 * rows, event), plane, column, row)


def with_noise(hits: Hits, rng: Generator, plane: int, box: tuple[int, int, int, int], visits: int) -> Hits:
    """Return the run with single pixels firing at random in a box (column, row, columns, rows) and in time."""
    column, row = (low + rng.integers(size, size=visits) for low, size in zip(box[:2], box[2:], strict=True))
    return with_hits(hits, rng.integers(10, _span(hits), size=visits), plane, column, row)


def with_flash(hits: Hits, rng: Generator, event: int, plane: int, pixels: int) -> Hits:
    """Return the run with single pixels firing anywhere on a chip, all in one event."""
    column, row = rng.integers(COLUMNS, size=pixels), rng.integers(ROWS, size=pixels)
    return with_hits(hits, np.full(pixels, event), plane, column, row)


def with_long_cluster(hits: Hits, event: int, plane: int, column: int, row: int, columns: int) -> Hits:
    """Return the run with the trace of a particle nearly parallel to z, two rows high and rising by two."""
    along = np.tile(np.arange(columns), 2)
    up = row + along * 2 // columns + np.repeat([0, 1], columns)
    return with_hits(hits, np.full(2 * columns, event), plane, column + along, up)


def without_box(hits: Hits, plane: int, box: tuple[int, int, int, int]) -> Hits:
    """Return the run without hits in a box (column, row, columns, rows) of a chip."""
    column, row, columns, rows = box
    inside = (hits.column >= column) & (hits.column < column + columns) & (hits.row >= row) & (hits.row < row + rows)
    return _kept(hits, ~(inside & (hits.plane == plane)))


def without_events(hits: Hits, rng: Generator, plane: int, share: float) -> Hits:
    """Return the run without a share of the events of one chip."""
    events, index = np.unique(hits.event, return_inverse=True)
    lost = rng.random(events.size) < share
    return _kept(hits, ~(lost[index] & (hits.plane == plane)))


def with_hits(hits: Hits, event: Ints, plane: int, column: Ints, row: Ints) -> Hits:
    """Return the run with more hits on one chip."""
    more = np.stack([event, np.full(event.size, plane), column, row])
    return _run(hits.run, hits.events, np.concatenate([_table(hits), more], axis=1))


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect to put into a run: its name, the cause that should be found, and what puts it on a chip."""

    name: str
    cause: PixelCause
    put: Callable[[Hits, Generator, int], Hits]


def defects() -> tuple[Defect, ...]:
    """Return the defects that the benchmark puts into runs, from plain to hard, at random places."""
    return (
        *(_hot(visits) for visits in (10, 4, 3, 2)),
        *(_burst(rows) for rows in (512, 64, 32)),
        Defect("double column firing in 8 events", PixelCause.STUCK_DOUBLE_COLUMN, _noisy_column),
        *(_noisy(side, visits) for side, visits in ((64, 20), (128, 20), (16, 6))),
        *(_dead(name, columns, rows) for name, columns, rows in _DEAD),
        Defect("dead chip", PixelCause.DEAD_CHIP, lambda hits, _, plane: _kept(hits, hits.plane != plane)),
        Defect(
            "half the events lost", PixelCause.READOUT_LOSS, lambda h, rng, plane: without_events(h, rng, plane, 0.5)
        ),
        *(_long(columns) for columns in (400, 128)),
    )


_DEAD = (("half a chip dead", 512, 512), ("a quarter dead", 256, 512), ("an eighth dead", 128, 512),
         ("a sixteenth dead", 128, 256))  # fmt: skip


def _hot(visits: int) -> Defect:
    def put(hits: Hits, rng: Generator, plane: int) -> Hits:
        return with_hot_pixel(hits, rng, plane, int(rng.integers(COLUMNS)), int(rng.integers(ROWS)), visits)

    return Defect(f"pixel firing in {visits} events", PixelCause.HOT_PIXEL, put)


def _burst(rows: int) -> Defect:
    def put(hits: Hits, rng: Generator, plane: int) -> Hits:
        event, column = int(rng.integers(10, _span(hits))), int(rng.integers(DOUBLE_COLUMNS))
        return with_burst(hits, event, plane, column, rows)

    return Defect(f"burst of {2 * rows} pixels of a double column", PixelCause.STUCK_DOUBLE_COLUMN, put)


def _noisy_column(hits: Hits, rng: Generator, plane: int) -> Hits:
    return with_noise(hits, rng, plane, (2 * int(rng.integers(DOUBLE_COLUMNS)), 0, 2, ROWS), 8)


def _noisy(side: int, visits: int) -> Defect:
    def put(hits: Hits, rng: Generator, plane: int) -> Hits:
        box = (int(rng.integers(COLUMNS - side)), int(rng.integers(ROWS - side)), side, side)
        return with_noise(hits, rng, plane, box, visits)

    return Defect(f"{visits} noise hits in {side} x {side} pixels", PixelCause.NOISY_REGION, put)


def _dead(name: str, columns: int, rows: int) -> Defect:
    def put(hits: Hits, rng: Generator, plane: int) -> Hits:
        box = (int(rng.integers(COLUMNS - columns + 1)), int(rng.integers(ROWS - rows + 1)), columns, rows)
        return without_box(hits, plane, box)

    return Defect(name, PixelCause.DEAD_REGION, put)


def _long(columns: int) -> Defect:
    def put(hits: Hits, rng: Generator, plane: int) -> Hits:
        event, row = int(rng.integers(10, _span(hits))), int(rng.integers(ROWS - 4))
        return with_long_cluster(hits, event, plane, int(rng.integers(COLUMNS - columns)), row, columns)

    return Defect(f"cluster of {columns} columns", PixelCause.LONG_CLUSTER, put)


def _span(hits: Hits) -> int:
    return max(int(hits.event.max(initial=0)), 1000)


def _table(hits: Hits) -> Ints:
    return np.stack([hits.event, hits.plane, hits.column, hits.row])


def _kept(hits: Hits, kept: Bools) -> Hits:
    return _run(hits.run, hits.events, _table(hits)[:, kept])


def _run(run: int, events: int, table: Ints) -> Hits:
    arrays = dict(zip(("event", "plane", "column", "row"), table.astype(np.int64), strict=True))
    return checked(run, max(events, np.unique(table[0]).size), arrays, f"simulated run {run}")
