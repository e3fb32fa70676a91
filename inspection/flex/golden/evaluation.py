"""Found places against labelled boxes: which are hits, average precision, recall at a rate of false ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inspection.flex.golden.decoding import Candidates, intersection_over_union
from inspection.flex.golden.pairs import CAUSES

IOU = 0.33
"""Overlap from which a box counts as found (evaluation of DeepPCB, arXiv 1902.06197)."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The labelled boxes (N, 4) of one image and their classes (N,)."""

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Matches:
    """All places of all images, best first: ``scores`` (N,), ``hits`` (N,) bool; ``defects`` and ``images`` counted."""

    scores: NDArray[np.float64]
    hits: NDArray[np.bool_]
    defects: int
    images: int


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of merit; recalls and ``threshold`` at the asked rate of false places per image."""

    mean_average_precision: float
    average_precision: dict[str, float]
    recall: float
    recall_with_class: float
    threshold: float
    false_per_image: float
    images: int
    defects: int


def match(
    found: Sequence[Candidates], truth: Sequence[Truth], label: int | None = None, named: bool = False
) -> Matches:
    """Match places to boxes greedily, best score first over each image; one place per box at IoU >= 0.33.

    Parameters
    ----------
    label : int, optional
        Only places and boxes of this class.
    named : bool
        A hit must also have the right class.
    """
    scores: list[NDArray[np.float32]] = []
    hits: list[NDArray[np.bool_]] = []
    defects = 0
    for places, true in zip(found, truth, strict=True):
        chosen = np.ones(len(places.boxes), bool) if label is None else places.labels == label
        wanted = np.ones(len(true.boxes), bool) if label is None else true.labels == label
        overlaps = intersection_over_union(places.boxes[chosen], true.boxes[wanted])
        if named:
            overlaps = overlaps * (places.labels[chosen][:, None] == true.labels[wanted][None])
        scores.append(places.scores[chosen])
        hits.append(hits_of(overlaps, places.scores[chosen]))
        defects += int(wanted.sum())
    all_scores = np.concatenate([*scores, np.empty(0)]).astype(np.float64)
    all_hits = np.concatenate([*hits, np.empty(0, bool)])
    order = np.argsort(-all_scores, kind="stable")
    return Matches(all_scores[order], all_hits[order], defects, len(found))


def hits_of(overlaps: NDArray[np.float32], scores: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which places (N,) are hits, given their overlaps (N, M) with the labelled boxes."""
    hits = np.zeros(len(scores), bool)
    free = np.ones(overlaps.shape[1], bool)
    for place in np.argsort(-scores, kind="stable"):
        open_overlaps = overlaps[place] * free
        if free.any() and open_overlaps.max() >= IOU:
            hits[place] = True
            free[open_overlaps.argmax()] = False
    return hits


def average_precision(matches: Matches) -> float:
    """Return the area under the interpolated precision-recall curve (all points, PASCAL VOC 2010)."""
    if not matches.defects:
        return float("nan")
    true = np.cumsum(matches.hits)
    precision = true / np.arange(1, len(true) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((precision * matches.hits).sum() / matches.defects)


def recall_at(matches: Matches, false_per_image: float) -> tuple[float, float]:
    """Return the recall at the lowest threshold with at most ``false_per_image``, and that threshold."""
    false = np.cumsum(~matches.hits) / max(matches.images, 1)
    allowed = int(np.searchsorted(false, false_per_image, side="right"))
    if not allowed:
        return 0.0, float("inf")
    return float(matches.hits[:allowed].sum() / max(matches.defects, 1)), float(matches.scores[allowed - 1])


def report(found: Sequence[Candidates], truth: Sequence[Truth], false_per_image: float = 0.25) -> Report:
    """Return the figures of merit of these places."""
    precisions = {name: average_precision(match(found, truth, label)) for label, name in enumerate(CAUSES)}
    places = match(found, truth)
    recall, threshold = recall_at(places, false_per_image)
    named, _ = recall_at(match(found, truth, named=True), false_per_image)
    return Report(
        float(np.nanmean(list(precisions.values()))),
        precisions,
        recall,
        named,
        threshold,
        false_per_image,
        places.images,
        places.defects,
    )
