"""From the network's head map to boxes, in numpy: peaks, boxes, suppression of doubles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from inspection.flex.golden.pairs import CAUSES

STRIDE = 4


@dataclass(frozen=True, slots=True)
class Candidates:
    """Places found on one image, best first: ``boxes`` (N, 4) x1 y1 x2 y2 in pixels, ``classes`` (N, 6) in 0 to 1."""

    boxes: NDArray[np.float32]
    classes: NDArray[np.float32]

    @property
    def scores(self) -> NDArray[np.float32]:
        """Score of each place (N,): that of its best class."""
        return np.asarray(self.classes.max(1, initial=0.0), dtype=np.float32)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Best class of each place (N,)."""
        return np.asarray(self.classes.argmax(1), dtype=np.int64)


def decode(heads: NDArray[np.float32], lowest: float = 0.01, most: int = 300, overlap: float = 0.3) -> Candidates:
    """Turn the head map (10, h, w) of one image into places with at least the score ``lowest``.

    A place is a cell whose best class is the highest within one cell; of two places that overlap by more than
    ``overlap`` (intersection over union) the better one stays, whatever their classes.
    """
    classes = np.asarray(1.0 / (1.0 + np.exp(-heads[: len(CAUSES)])), dtype=np.float32)
    best = classes.max(0)
    rows, columns = np.nonzero((best == maximum_filter(best, 3)) & (best >= lowest))
    order = np.argsort(-best[rows, columns], kind="stable")[:most]
    rows, columns = rows[order], columns[order]
    centres = np.stack([columns, rows], axis=1) * STRIDE + (STRIDE - 1) / 2
    sides = np.exp(np.clip(heads[len(CAUSES) :, rows, columns].T, -4.0, 6.0)) * STRIDE
    boxes = np.concatenate([centres - sides[:, :2], centres + sides[:, 2:]], axis=1).astype(np.float32)
    return best_places(Candidates(boxes, classes[:, rows, columns].T), overlap)


def best_places(places: Candidates, overlap: float = 0.3) -> Candidates:
    """Return the places best first, without those that a better one overlaps by more than ``overlap``."""
    order = np.argsort(-places.scores, kind="stable")
    kept = order[suppress(places.boxes[order], overlap)]
    return Candidates(places.boxes[kept], places.classes[kept])


def logit(scores: NDArray[np.floating] | float) -> NDArray[np.float32]:
    """Return the log-odds of scores, kept finite."""
    bounded = np.clip(np.asarray(scores, dtype=np.float64), 1e-7, 1.0 - 1e-7)
    return np.asarray(np.log(bounded / (1.0 - bounded)), dtype=np.float32)


def suppress(boxes: NDArray[np.float32], overlap: float) -> NDArray[np.int64]:
    """Return the indices of the boxes (N, 4, best first) that no better kept box overlaps by more than ``overlap``."""
    left = np.arange(len(boxes))
    kept: list[int] = []
    while len(left):
        kept.append(int(left[0]))
        left = left[1:][intersection_over_union(boxes[left[:1]], boxes[left[1:]])[0] <= overlap]
    return np.array(kept, dtype=np.int64)


def intersection_over_union(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the (N, M) overlaps of boxes (N, 4) with boxes (M, 4)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    area = (first[:, 2:] - first[:, :2]).prod(1)[:, None] + (second[:, 2:] - second[:, :2]).prod(1)[None]
    return np.asarray(shared / np.maximum(area - shared, 1e-6), dtype=np.float32)
