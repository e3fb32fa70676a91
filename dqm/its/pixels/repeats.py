"""Pixels that fire again and again: more often than particles that come anywhere would hit one pixel."""

import numpy as np

from dqm.its.pixels.chip import COLUMNS, PIXELS, Bools, Floats, Ints
from dqm.its.pixels.reference import CELL, CELLS, Reference
from dqm.its.pixels.spots import Spots, spots
from dqm.its.pixels.survey import Survey
from dqm.its.pixels.tails import at_least


def pixel_spots(found: Survey, reference: Reference) -> Spots:
    """Return the pixels that fired.

    A pixel is as suspicious as the less likely of two numbers: of its visits (consecutive events count once), and of
    those where it fired alone, as noise does and few particles do. Both are expected from the other hits of the chip,
    spread as the crossings of the reference. The score is -log10 of the probability, doubled for having two chances.
    """
    counts = found.kept & found.fresh & np.isin(found.hits.plane, list(reference.chips))
    places, index, visits = np.unique(found.place[counts], return_inverse=True, return_counts=True)
    alone = np.bincount(index, weights=found.alone[counts], minlength=places.size).astype(np.int64)
    plane, pixel = np.divmod(places, PIXELS)
    density = _density(reference, plane, pixel)
    expected = _others(plane, visits) * density
    expected_alone = _others(plane, alone) * density
    score = np.maximum(
        at_least(visits, expected, reference.spread.pixel), at_least(alone, expected_alone, reference.spread.pixel)
    )
    first, last = _events(found.hits.event[counts], index, places.size)
    return spots(
        plane=plane, column=pixel % COLUMNS, columns=1, row=pixel // COLUMNS, rows=1, first_event=first,
        last_event=last, count=visits, expected=expected, score=np.maximum(score - np.log10(2), 0),
    )  # fmt: skip


def hits_of(found: Survey, pixels: Spots) -> Bools:
    """Return which hits are on the pixels of the spots."""
    return np.isin(found.place, pixels.plane * PIXELS + pixels.row * COLUMNS + pixels.column)


def _density(reference: Reference, plane: Ints, pixel: Ints) -> Floats:
    """Return the chance that a hit of this chip is on this pixel."""
    density = np.zeros(plane.size)
    cell = pixel // COLUMNS // CELL * CELLS[1] + pixel % COLUMNS // CELL
    for number in np.unique(plane):
        chosen = plane == number
        shares = reference.chips[int(number)].cells.ravel() / CELL**2
        density[chosen] = np.maximum(shares[cell[chosen]], 1e-3 / PIXELS)
    return density


def _others(plane: Ints, count: Ints) -> Ints:
    """Return the sum of the counts of the same plane without each one's own; at least 1."""
    numbers, index = np.unique(plane, return_inverse=True)
    total = np.bincount(index, weights=count, minlength=numbers.size)
    return np.asarray(np.maximum(total[index] - count, 1), dtype=np.int64)


def _events(event: Ints, index: Ints, size: int) -> tuple[Ints, Ints]:
    first = np.full(size, np.iinfo(np.int64).max)
    last = np.full(size, -1)
    np.minimum.at(first, index, event)
    np.maximum.at(last, index, event)
    return first, last
