"""Cells that depart from what is expected, put together: neighbours with one cause are one place."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dqm.its.background import SIDES
from dqm.its.explaining import QUANTITIES, Explained
from dqm.its.features import CAUSES, CLASSES, NOMINAL
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, FIRST, Bools, Floats, Ints, stave_of_cell
from dqm.its.pulls import Pulls
from dqm.its.readout import links

FLOOR = 4.5
"""Pull from which a cell may be part of a place."""
LINK_FLOOR = 6.0
"""The same for the sum over a link or stave, in its own standard deviations."""
MOST = 60
"""Places of one cycle that are followed, the strongest."""
_JOINS = 1.5
_LIKE_SHARE, _LIKE_SIGMAS = 0.12, 3.0
_ALONG_STAVE = 2
LOST = 0.5
"""No background makes a cell look as if it had less than this share of its clusters."""
_HARDWARE = [1 + number for number, cause in enumerate(CAUSES) if cause not in SIDES]
_BROKEN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Cells of one cause in one cycle.

    Parameters
    ----------
    cells
        Which, ascending; ``worst`` is the one that departs most.
    strength
        How far, in standard deviations: its worst cell, or all together.
    ratio
        Observed over expected clusters, all together.
    flagged
        Share of the loss that the readout says of itself, at most 1; 0 without a loss.
    evidence
        Log probability of each class, averaged over the cells, shape (CLASSES,).
    """

    cells: Ints
    worst: int
    strength: float
    ratio: float
    flagged: float
    evidence: Floats


def departures(pulls: Pulls, explained: Explained) -> Floats:
    """Return how far each cell departs in any quantity beyond what is explained, shape (CELLS,), in deviations.

    Background adds; it makes others look low only by as much as it lifts the median of their column. So a cell that has
    lost most of its clusters departs by that, however strong the background is.
    """
    seen = np.stack([np.asarray(getattr(pulls, name), np.float64) for name in QUANTITIES])
    beyond = np.maximum(np.abs(seen - explained.pulls) - explained.error, 0.0).max(axis=0)
    lost = np.asarray(pulls.ratio) < LOST
    return np.where(pulls.valid, np.where(lost, np.maximum(beyond, np.abs(seen[0])), beyond), 0.0)


def find_places(pulls: Pulls, probabilities: Floats, explained: Explained | None = None) -> list[Place]:
    """Return the places of a cycle, worst first.

    Parameters
    ----------
    probabilities
        Of each class in each cell, shape (CLASSES, CELLS).
    explained
        What beam background does to the cells; where there is some, only cells that look broken are places.
    """
    background = explained or Explained.nothing()
    strength = departures(pulls, background)
    suspect = (strength >= FLOOR) | _link_suspects(pulls, background)
    if explained is not None:
        suspect &= probabilities[_HARDWARE].sum(axis=0) >= _BROKEN
    cells = np.flatnonzero(suspect)
    if not cells.size:
        return []
    found = [_place(pulls, probabilities, strength, own) for own in _groups(pulls, probabilities, cells)]
    return sorted(found, key=lambda place: -place.strength)[:MOST]


def _link_suspects(pulls: Pulls, background: Explained) -> Bools:
    """Cells of links and staves that lose or gain a little everywhere."""
    left = np.asarray(pulls.occupation, np.float64) - background.pulls[0]
    left = np.sign(left) * np.maximum(np.abs(left) - background.error[0], 0.0)
    occupation = np.where(pulls.valid, np.clip(left, -FLOOR, FLOOR), 0.0)
    found = np.zeros(CELLS, bool)
    for group in (link_of(), stave_of_cell()):
        count = np.maximum(np.bincount(group, pulls.valid), 1.0)
        total = np.bincount(group, occupation) / np.sqrt(count)
        together = np.where(np.abs(total) >= LINK_FLOOR, np.sign(total), 0.0)[group]
        found |= together * occupation >= _JOINS
    return found


def _groups(pulls: Pulls, probabilities: Floats, cells: Ints) -> Iterator[Ints]:
    """Connected groups: neighbours of the same most likely cause, or that lost or gained a like share."""
    place = np.full(CELLS, -1)
    place[cells] = np.arange(cells.size)
    one, other = neighbours()
    both = (place[one] >= 0) & (place[other] >= 0)
    one, other = one[both], other[both]
    faulty = np.delete(probabilities, NOMINAL, axis=0)
    named, sure = faulty.argmax(axis=0), faulty.max(axis=0) >= 0.5
    ratio, sigma = (np.asarray(a, np.float64) for a in (pulls.ratio, pulls.occupation_sigma))
    apart = np.abs(ratio[one] - ratio[other])
    like = apart <= _LIKE_SHARE + _LIKE_SIGMAS * np.hypot(sigma[one], sigma[other])
    loses = (ratio[one] < 1) & (ratio[other] < 1)
    alike = (named[one] == named[other]) & sure[one] & sure[other]
    kept = alike | (like & loses)
    return _components(cells, place[one[kept]], place[other[kept]])


def connected(cells: Ints) -> Iterator[Ints]:
    """Yield groups of cells that touch each other."""
    place = np.full(CELLS, -1)
    place[cells] = np.arange(cells.size)
    one, other = (place[side] for side in neighbours())
    kept = (one >= 0) & (other >= 0)
    return _components(cells, one[kept], other[kept])


def _components(cells: Ints, one: Ints, other: Ints) -> Iterator[Ints]:
    graph = coo_array((np.ones(one.size), (one, other)), shape=(cells.size,) * 2)
    count, label = connected_components(graph, directed=False)
    for number in range(count):
        yield cells[label == number]


def _place(pulls: Pulls, probabilities: Floats, strength: Floats, cells: Ints) -> Place:
    occupation = np.asarray(pulls.occupation[cells], np.float64)
    together = abs(float(occupation.sum())) / np.sqrt(cells.size)
    observed, expected = float(pulls.observed[cells].sum()), float(pulls.expected[cells].sum())
    ratio = observed / expected if expected > 0 else 1.0
    lost = 1 - ratio
    return Place(
        cells=cells,
        worst=int(cells[strength[cells].argmax()]),
        strength=max(float(strength[cells].max()), together),
        ratio=ratio,
        flagged=min(1.0, float(pulls.fault[cells].mean()) / lost) if lost > 0 else 0.0,
        evidence=np.log(np.maximum(probabilities[:, cells], 1e-6)).mean(axis=1),
    )


def no_evidence() -> Floats:
    """Return probabilities that say nothing, shape (CLASSES, CELLS)."""
    return np.full((CLASSES, CELLS), 1 / CLASSES)


@cache
def neighbours() -> tuple[Ints, Ints]:
    """Return pairs of cells that touch: two apart along a stave, one apart in the next stave; shape (pairs,) each."""
    pairs: list[NDArray[np.int64]] = []
    for of in LAYERS:
        number = FIRST[of.number] + np.arange(of.staves * of.cells).reshape(of.staves, of.cells)
        pairs += [np.stack((number[:, step:], number[:, :-step])).reshape(2, -1) for step in range(1, _ALONG_STAVE + 1)]
        following = np.roll(number, -1, axis=0)
        pairs.append(np.stack((number, following)).reshape(2, -1))
        pairs.append(np.stack((number[:, 1:], following[:, :-1])).reshape(2, -1))
        pairs.append(np.stack((number[:, :-1], following[:, 1:])).reshape(2, -1))
    one, other = np.concatenate(pairs, axis=1)
    return one, other


@cache
def link_of() -> Ints:
    """Return the readout link of every cell, counted over the detector, shape (CELLS,)."""
    found, first = [], 0
    for of in LAYERS:
        each = of.cells // links(of.number)
        count = of.staves * links(of.number)
        found.append(first + np.repeat(np.arange(count), each))
        first += count
    return np.concatenate(found)
