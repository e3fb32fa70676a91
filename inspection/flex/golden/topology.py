"""Name a defect by what it does to the connections: cut, joined, bitten, alone.

The six classes are defined by connectivity (IPC-A-600 section 2): an open parts a piece of metal, a mousebite
reaches its edge without parting it, a pin-hole does not reach the edge; short, spur, copper are the same for the gap.
A network at stride 4 hardly sees a bridge of two pixels; counting pieces does, on designs never seen before.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.flex.golden.decoding import Candidates
from inspection.flex.golden.pairs import CAUSES

Mask = NDArray[np.bool_]

_MARGIN_PX = 6
_METAL_BELOW = 128
_PIECE_PX = 40
"""Smaller pieces are crumbs of a ragged edge, not parts of a conductor."""
_EDGE_PX = 2.5
_LEAST_WEIGHT = 0.5
_RELIABLE = 0.97
"""How often counting pieces names the class right; 0.85 gives the same figures."""
_CUT = np.ones((2, 2), np.uint8)
_LOST = {"cut": "open", "edge": "mousebite", "alone": "pin-hole"}
_WON = {"cut": "short", "edge": "spur", "alone": "copper"}


def name_places(places: Candidates, template: NDArray[np.uint8], test: NDArray[np.uint8]) -> Candidates:
    """Weigh the class scores of places with what counting pieces says; the best score of each place stays what it was.

    Parameters
    ----------
    places
        Places on the aligned grey images ``template`` and ``test`` (H, W), metal dark.
    """
    classes = places.classes.copy()
    for i, box in enumerate(places.boxes):
        cause = counted_cause(template, test, box)
        if cause is not None:
            likelihood = np.full(len(CAUSES), (1.0 - _RELIABLE) / (len(CAUSES) - 1))
            likelihood[CAUSES.index(cause)] = _RELIABLE
            weighed = places.classes[i] * likelihood
            classes[i] = places.classes[i].max() * weighed / max(float(weighed.max()), 1e-30)
    return Candidates(places.boxes, classes)


def counted_cause(template: NDArray[np.uint8], test: NDArray[np.uint8], box: NDArray[np.float32]) -> str | None:
    """Return the class by definition of what changed around a box (x1, y1, x2, y2), None where nothing clear did."""
    height, width = test.shape
    x1, y1, x2, y2 = np.round(box).astype(int) + np.array([-1, -1, 1, 1]) * _MARGIN_PX
    window = np.s_[max(y1, 0) : min(y2, height), max(x1, 0) : min(x2, width)]
    before, after = template[window] < _METAL_BELOW, test[window] < _METAL_BELOW
    if min(before.shape) < 4:
        return None
    lost, lost_weight = _main_change(before, after)
    won, won_weight = _main_change(~before, ~after)
    if max(lost_weight, won_weight) < _LEAST_WEIGHT:
        return None
    return _LOST[_effect(before, lost)] if lost_weight >= won_weight else _WON[_effect(~before, won)]


def _main_change(before: Mask, after: Mask) -> tuple[Mask, float]:
    """Return the pieces of ``before & ~after`` that are thick and central, and how much so they are."""
    gone = (before & ~after).astype(np.uint8)
    count, pieces = cv2.connectedComponents(gone, connectivity=8)
    thickness = np.maximum(cv2.distanceTransform(gone, cv2.DIST_L2, 3) - 1.0, 0.0)
    rows, columns = (np.linspace(-1.0, 1.0, length) for length in gone.shape)
    central = np.exp(-(rows[:, None] ** 2 + columns[None] ** 2) / (2 * 0.6**2))
    weights = np.bincount(pieces.ravel(), (thickness * central).ravel(), minlength=count)
    weights[0] = 0.0
    if not weights.max() > 0:
        return np.zeros_like(before), 0.0
    return (weights >= 0.25 * weights.max())[pieces], float(weights.max())


def _effect(material: Mask, gone: Mask) -> str:
    """Say what taking ``gone`` away does to ``material``: it is cut, changed at its edge, or holed."""
    depth = cv2.distanceTransform(np.pad(material, 1, mode="edge").astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    if depth[gone].min() >= _EDGE_PX:
        return "alone"
    thinner = cv2.erode(gone.astype(np.uint8), _CUT) > 0
    parted = max(_pieces(material & ~gone), _pieces(material & ~thinner)) > _pieces(material)
    joined = _pieces(~material | gone) < _pieces(~material)
    return "cut" if parted or joined else "edge"


def _pieces(material: Mask) -> int:
    _, _, sizes, _ = cv2.connectedComponentsWithStats(material.astype(np.uint8), connectivity=4)
    return int((sizes[1:, cv2.CC_STAT_AREA] >= _PIECE_PX).sum())
