"""NMF as CMS's PixelRing2NMF: each layer's map as a sum of 5 non-negative patterns, and what is left over.

Patterns are learnt on the cycles of the history by multiplicative updates (Lee and Seung, Nature 401 (1999) 788); a
cycle is fitted with the patterns fixed. Maps are divided by their layer's mean first, so that luminosity is out. A
cell's loss is its squared residual over the mean one of its layer in the history. Two scores:

- *cell*: the largest loss;
- *stave*: as CMS groups, the loss that at least 40 % of the cells of some stave exceed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.its.seen import Floats, Judgement, Method, Seen, suspects
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, layer_of, layer_slice, stave_of_cell

COMPONENTS = 5
SHARE = 0.4
_LEARNING_STEPS, _FITTING_STEPS = 300, 60
_TINY = 1e-12


def relative(seen: Seen) -> Floats:
    """Return the occupation of every cell over the mean of its layer, (CELLS,)."""
    mean = np.bincount(layer_of(), seen.occupation) / np.bincount(layer_of())
    return np.asarray(seen.occupation / np.maximum(mean, _TINY)[layer_of()])


def factorise(maps: Floats, components: int = COMPONENTS, seed: int = 0) -> Floats:
    """Return patterns, (components, cells), of maps, (maps, cells)."""
    rng = np.random.default_rng(seed)
    level = np.sqrt(max(float(maps.mean()), _TINY) / components)
    patterns = level * rng.uniform(0.5, 1.5, (components, maps.shape[1]))
    weights = level * rng.uniform(0.5, 1.5, (maps.shape[0], components))
    for _ in range(_LEARNING_STEPS):
        weights *= (maps @ patterns.T) / (weights @ (patterns @ patterns.T) + _TINY)
        patterns *= (weights.T @ maps) / ((weights.T @ weights) @ patterns + _TINY)
    return patterns


def residuals(maps: Floats, patterns: Floats) -> Floats:
    """Return maps less the best sums of patterns with non-negative weights, both (maps, cells)."""
    square, onto = patterns @ patterns.T, maps @ patterns.T
    weights = np.full((maps.shape[0], patterns.shape[0]), 1 / patterns.shape[0])
    for _ in range(_FITTING_STEPS):
        weights *= onto / (weights @ square + _TINY)
    return np.asarray(maps - weights @ patterns)


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """``patterns`` of each layer, and the mean squared residual of each in the history."""

    patterns: tuple[Floats, ...]
    usual: tuple[float, ...]

    def fork(self) -> "Factors":
        return self

    def judge(self, seen: Seen, *, good: bool) -> dict[str, Judgement]:
        del good
        loss, maps = np.zeros(CELLS), relative(seen)
        for of, patterns, usual in zip(LAYERS, self.patterns, self.usual, strict=True):
            block = layer_slice(of.number)
            loss[block] = residuals(maps[None, block], patterns)[0] ** 2 / max(usual, _TINY)
        stave = np.array([np.quantile(loss[cells], 1 - SHARE) for cells in _cells_of_staves()])
        return {
            CELL: Judgement(float(loss.max()), *suspects(loss)),
            STAVE: Judgement(float(stave.max()), *suspects(stave[stave_of_cell()])),
        }


@cache
def _cells_of_staves() -> tuple[NDArray[np.int64], ...]:
    return tuple(np.flatnonzero(stave_of_cell() == stave) for stave in range(stave_of_cell().max() + 1))


def learn_patterns(history: Sequence[Sequence[Seen]]) -> Factors:
    """Return the patterns of the history."""
    maps = np.array([relative(seen) for run in history for seen in run])
    patterns = [factorise(maps[:, layer_slice(of.number)]) for of in LAYERS]
    left = (residuals(maps[:, layer_slice(of.number)], found) for of, found in zip(LAYERS, patterns, strict=True))
    return Factors(tuple(patterns), tuple(float((one**2).mean()) for one in left))


CELL, STAVE = "NMF, cell", "NMF, 40 % of a stave"
METHODS = (Method("factors", {CELL: None, STAVE: None}, learn_patterns, ("factors.py",)),)
