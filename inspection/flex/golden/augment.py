"""Training crops from labelled pairs: flips, turns, polarity exchange, misregistration, size, repaired defects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.flex.golden.channels import stack_channels
from inspection.flex.golden.pairs import Pair

DUAL = np.array([1, 0, 3, 2, 5, 4])
"""The class each class becomes when metal and gap are exchanged: a cut trace is a bridged gap, and so on."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A crop: channels (4, S, S) uint8, boxes (N, 4), labels (N,); ``ignored`` boxes (M, 4) are cut by its border."""

    channels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    ignored: NDArray[np.float32]


def crops(pairs: Sequence[Pair], size: int, rng: np.random.Generator) -> Iterator[Crop]:
    """Yield augmented crops for ever: pairs in shuffled turns, most crops around a defect."""
    while True:
        for index in rng.permutation(len(pairs)):
            yield crop_pair(pairs[index], size, rng)


def crop_pair(pair: Pair, size: int, rng: np.random.Generator) -> Crop:
    """Draw one augmented crop of ``size`` pixels from a pair whose template is already aligned."""
    pair = _repair_some(pair, rng)
    matrix = _movement(pair, size, rng)
    test = cv2.warpAffine(pair.test, matrix, (size, size), borderMode=cv2.BORDER_REFLECT_101)
    slip = np.zeros((2, 3))
    slip[:, 2] = rng.normal(0.0, 0.7, 2)
    template = cv2.warpAffine(pair.template, matrix + slip, (size, size), borderMode=cv2.BORDER_REFLECT_101)
    boxes = _move_boxes(pair.boxes, matrix)
    labels = pair.labels
    if rng.random() < 0.3:
        template, test, labels = cv2.bitwise_not(template), cv2.bitwise_not(test), DUAL[labels]
    template, test = _grey(template, rng), _grey(test, rng)
    inside = ((boxes[:, :2] + boxes[:, 2:]) / 2 > 0).all(1) & ((boxes[:, :2] + boxes[:, 2:]) / 2 < size).all(1)
    touching = ~inside & (boxes[:, 2:] > 0).all(1) & (boxes[:, :2] < size).all(1)
    return Crop(stack_channels(template, test), boxes[inside], labels[inside], boxes[touching])


def _repair_some(pair: Pair, rng: np.random.Generator) -> Pair:
    """Now and then replace some defects by their template, so that the same place is also seen without."""
    if not len(pair.boxes) or rng.random() > 0.25:
        return pair
    gone = rng.random(len(pair.boxes)) < 0.4
    test = pair.test.copy()
    for x1, y1, x2, y2 in pair.boxes[gone].astype(int) + np.array([-3, -3, 4, 4]):
        place = np.s_[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
        test[place] = np.where(pair.template[place] > 127, 255, 0)
    return Pair(pair.name, pair.group, pair.template, test, pair.boxes[~gone], pair.labels[~gone])


def _movement(pair: Pair, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    height, width = pair.test.shape
    if len(pair.boxes) and rng.random() < 0.75:
        box = pair.boxes[rng.integers(len(pair.boxes))]
        centre = (box[:2] + box[2:]) / 2 + rng.uniform(-0.42, 0.42, 2) * size
    else:
        centre = rng.uniform(0.0, 1.0, 2) * (width, height)
    margin = size * 0.42
    centre = np.clip(centre, margin, np.maximum((width - margin, height - margin), margin))
    scale = float(np.exp(rng.normal(0.0, 0.13))) if rng.random() < 0.5 else 1.0
    turn = np.linalg.matrix_power(np.array([[0.0, -1.0], [1.0, 0.0]]), int(rng.integers(4)))
    flip = np.diag([1.0, rng.choice([-1.0, 1.0])])
    linear = scale * turn @ flip
    return np.column_stack([linear, np.full(2, (size - 1) / 2) - linear @ np.round(centre)])


def _move_boxes(boxes: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    corners = boxes.reshape(-1, 2, 2) @ matrix[:, :2].T + matrix[:, 2]
    return np.concatenate([corners.min(1), corners.max(1)], axis=1).astype(np.float32)


def _grey(image: NDArray[Any], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Make edges crisp again, as binarisation does, most of the time."""
    if rng.random() < 0.6:
        return np.where(image > 127, 255, 0).astype(np.uint8)
    return image.astype(np.uint8, copy=False)
