"""What the network should answer for a batch of crops, on the grid of its output."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspection.flex.golden.augment import Crop
from inspection.flex.golden.pairs import CAUSES

_SPREAD = 0.12
"""Width of the centre bump over the box side: boxes are drawn loosely, so a centre is only that well known."""


@dataclass(frozen=True, slots=True)
class Targets:
    """Centre heat (N, 6, h, w) and its weight (N, 1, h, w); boxes (N, 4, h, w) in input pixels and theirs."""

    heat: NDArray[np.float32]
    heat_weight: NDArray[np.float32]
    boxes: NDArray[np.float32]
    box_weight: NDArray[np.float32]


def draw_targets(batch: Sequence[Crop], cells: int, stride: int) -> Targets:
    """Draw Gaussian centre bumps and, weighted by them, the box each cell should answer."""
    count = len(batch)
    heat = np.zeros((count, len(CAUSES), cells, cells), np.float32)
    heat_weight = np.ones((count, 1, cells, cells), np.float32)
    boxes = np.zeros((count, 4, cells, cells), np.float32)
    box_weight = np.zeros((count, 1, cells, cells), np.float32)
    axis = (np.arange(cells, dtype=np.float32) + 0.5) * stride - 0.5
    for n, crop in enumerate(batch):
        for x1, y1, x2, y2 in crop.ignored:
            rows, columns = (axis >= y1) & (axis <= y2), (axis >= x1) & (axis <= x2)
            heat_weight[n, 0][np.ix_(rows, columns)] = 0.0
        for box, label in zip(crop.boxes, crop.labels, strict=True):
            centre, size = (box[:2] + box[2:]) / 2, np.maximum(box[2:] - box[:2], 8.0) * _SPREAD
            bump = np.exp(
                -0.5 * ((axis[:, None] - centre[1]) / size[1]) ** 2 - 0.5 * ((axis[None] - centre[0]) / size[0]) ** 2
            )
            bump[np.unravel_index(bump.argmax(), bump.shape)] = 1.0
            np.maximum(heat[n, label], bump, out=heat[n, label])
            heat_weight[n, 0][bump > 0.2] = 1.0
            nearer = (bump > 0.2) & (bump > box_weight[n, 0])
            boxes[n][:, nearer] = box[:, None]
            box_weight[n, 0][nearer] = bump[nearer]
    return Targets(heat, heat_weight, boxes, box_weight)
