"""Suspect places before anything says how surprising they are: what each check of a chip map hands on."""

from dataclasses import dataclass, fields
from enum import StrEnum

import numpy as np

from dqm.its.pixels.chip import Bools, Floats, Ints


class Check(StrEnum):
    """The checks; each has its own scale of scores, calibrated on whole runs, and an equal part of the budget."""

    BURST = "burst"
    PIXEL = "pixel"
    COLUMN = "column"
    NOISY = "noisy"
    DEAD = "dead"
    RATE = "rate"
    FLASH = "flash"
    CLUSTER = "cluster"
    LONG = "long"


@dataclass(frozen=True, slots=True, eq=False)
class Spots:
    """One entry per place: a box in pixels, from which event to which, its hits (or crossings), expected, and score."""

    plane: Ints
    column: Ints
    row: Ints
    columns: Ints
    rows: Ints
    first_event: Ints
    last_event: Ints
    count: Ints
    expected: Floats
    score: Floats

    def of(self, chosen: Bools | Ints) -> "Spots":
        """Return those chosen by a mask or by their numbers."""
        return Spots(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def highest(self, planes: Ints) -> Floats:
        """Return the highest score of each plane; 0 where it has no spot."""
        top = np.zeros(planes.size)
        index = np.searchsorted(planes, self.plane)
        known = (index < planes.size) & (planes[np.minimum(index, planes.size - 1)] == self.plane)
        np.maximum.at(top, index[known], self.score[known])
        return top


def spots(**columns: Ints | Floats | int) -> Spots:
    """Return spots from columns by name; a column that is one number holds for all, the events default to none (-1)."""
    size = max(np.size(column) for column in columns.values() if np.ndim(column))
    filled = {"first_event": -1, "last_event": -1, "expected": 0.0, **columns}
    return Spots(**{field.name: np.broadcast_to(filled[field.name], (size,)) for field in fields(Spots)})


def joined(parts: list[Spots]) -> Spots:
    """Return all spots of several lists as one."""
    return Spots(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Spots)))


def apart(found: Spots, limit: int = 64) -> Spots:
    """Return the highest spots that do not overlap one another on their chip, at most ``limit``, highest first."""
    order = np.argsort(-found.score, kind="stable")
    chosen: list[int] = []
    while order.size and len(chosen) < limit:
        best = int(order[0])
        chosen.append(best)
        order = order[~_overlap(found, best, order)]
    return found.of(np.array(chosen, dtype=np.int64))


def _overlap(found: Spots, best: int, others: Ints) -> Bools:
    meets = found.plane[others] == found.plane[best]
    for low, size in ((found.column, found.columns), (found.row, found.rows)):
        meets &= (low[others] < low[best] + size[best]) & (low[best] < low[others] + size[others])
    return np.asarray(meets)
