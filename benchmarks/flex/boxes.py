"""Box figures by the DeepPCB convention: a box is right when its IoU with a true box of its class is above 0.33."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IOU = 0.33
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """A proposed box: image it is on, class, score, and (x1, y1, x2, y2)."""

    image: str
    kind: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Labelled:
    """A labelled box."""

    image: str
    kind: str
    box: tuple[float, float, float, float]


def iou(box: tuple[float, float, float, float], others: Floats) -> Floats:
    """Intersection over union of one box with (n, 4) others."""
    wide = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    high = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    shared = wide.clip(0) * high.clip(0)
    area = (box[2] - box[0]) * (box[3] - box[1])
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    return np.asarray(shared / np.maximum(area + areas - shared, 1e-9), dtype=np.float64)


def matched(found: Sequence[Found], truth: Sequence[Labelled], least: float = IOU) -> tuple[NDArray[np.bool_], Floats]:
    """Which boxes, best score first, are right (a true box serves once), and their scores; classes ignored."""
    boxes: dict[str, list[Labelled]] = {}
    for label in truth:
        boxes.setdefault(label.image, []).append(label)
    arrays = {image: np.array([label.box for label in labels], float) for image, labels in boxes.items()}
    used = {image: np.zeros(len(labels), bool) for image, labels in boxes.items()}
    ordered = sorted(found, key=lambda item: -item.score)
    right = np.zeros(len(ordered), bool)
    for i, item in enumerate(ordered):
        if item.image not in arrays:
            continue
        overlap = np.where(used[item.image], -1, iou(item.box, arrays[item.image]))
        best = int(np.argmax(overlap))
        if overlap[best] > least:
            right[i] = used[item.image][best] = True
    return right, np.array([item.score for item in ordered], float)


def average_precision(right: NDArray[np.bool_], positives: int) -> float:
    """All-point interpolated area under precision against recall; NaN without positives."""
    if positives == 0:
        return float("nan")
    hits = np.cumsum(right)
    recall = np.concatenate([[0.0], hits / positives])
    precision = hits / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall) * envelope).sum())


def mean_ap(found: Sequence[Found], truth: Sequence[Labelled], kinds: Sequence[str]) -> tuple[float, dict[str, float]]:
    """Mean over classes, and per class, of the average precision at IoU 0.33."""
    each = {}
    for kind in kinds:
        labels = [label for label in truth if label.kind == kind]
        right, _ = matched([item for item in found if item.kind == kind], labels)
        each[kind] = average_precision(right, len(labels))
    return float(np.nanmean(list(each.values()))), each


def recall_at(found: Sequence[Found], truth: Sequence[Labelled], images: int, false_per_image: float) -> float:
    """Largest share of true boxes found (any class) with at most `false_per_image` wrong boxes per image."""
    right, _ = matched(found, truth)
    allowed = np.cumsum(~right) <= false_per_image * images + 1e-9
    return float((right & allowed).sum() / max(1, len(truth)))


def best_f(found: Sequence[Found], truth: Sequence[Labelled], kinds: Sequence[str]) -> float:
    """Best F score over one common score threshold, classes respected (DeepPCB's F)."""
    rows = [matched([f for f in found if f.kind == k], [t for t in truth if t.kind == k]) for k in kinds]
    right, score = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    right = right[np.argsort(-score, kind="stable")]
    hits = np.cumsum(right)
    return float((2 * hits / (np.arange(1, len(right) + 1) + len(truth))).max(initial=0.0))
