"""From a map of scores to a ranked list of suspect spots with boxes."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Float: TypeAlias = NDArray[np.float32]

RADIUS_PX = 12
_REACH_PX = 96
_MARGIN_PX = 4


@dataclass(frozen=True, slots=True)
class Spot:
    """A suspect spot: peak ``x, y`` and box ``left, top, width, height`` in pixels of the reference grid."""

    x: int
    y: int
    left: int
    top: int
    width: int
    height: int
    score: float


def find_spots(
    scores: Float, stride: int, floor: float, limit: int = 200, fall: float = 0.6, ground: float | None = None
) -> list[Spot]:
    """Return the peaks of a score map, highest first.

    Parameters
    ----------
    scores
        (h, w) float32, one value per ``stride`` pixels of the reference grid.
    floor
        Peaks below are not listed.
    limit
        At most so many.
    fall
        The box of a spot reaches as far as the score stays above ``peak - fall`` (connected, at most 96 px away).

    ground
        If given, the boxes that are returned reach down to half the height of the peak above it where that is farther:
        what a person wants framed.

    A peak within the box of a higher one (as ``fall`` says) is part of it.
    """
    radius = max(1, RADIUS_PX // stride)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    peaks = (scores >= cv2.dilate(scores, kernel)) & (scores >= floor)
    ys, xs = _one_of_each(peaks)
    order = np.argsort(-scores[ys, xs], kind="stable")[: 4 * limit]
    found: list[Spot] = []
    for index in order:
        x, y = int(xs[index]), int(ys[index])
        if any(_inside(spot, x * stride, y * stride) for spot in found):
            continue
        found.append(_spot(scores, x, y, stride, fall))
        if len(found) == limit:
            break
    if ground is None:
        return found
    places = ((spot.x // stride, spot.y // stride, max(fall, (spot.score - ground) / 2)) for spot in found)
    return [_spot(scores, x, y, stride, depth) for x, y, depth in places]


def _one_of_each(peaks: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the middle pixel of each peak: a part at its limit makes thousands of equal pixels."""
    ys, xs = np.nonzero(peaks)
    _, labels = cv2.connectedComponents(peaks.astype(np.uint8), connectivity=8)
    own = labels[ys, xs]
    order = np.argsort(own, kind="stable")
    _, first, count = np.unique(own[order], return_index=True, return_counts=True)
    middle = np.sort(order[first + count // 2])
    return ys[middle], xs[middle]


def _inside(spot: Spot, x: int, y: int) -> bool:
    return (
        spot.left - RADIUS_PX <= x <= spot.left + spot.width + RADIUS_PX
        and spot.top - RADIUS_PX <= y <= spot.top + spot.height + RADIUS_PX
    )


def _spot(scores: Float, x: int, y: int, stride: int, fall: float) -> Spot:
    reach = _REACH_PX // stride
    top, left = max(0, y - reach), max(0, x - reach)
    window = scores[top : y + reach + 1, left : x + reach + 1]
    peak = float(scores[y, x])
    _, labels, stats, _ = cv2.connectedComponentsWithStats((window >= peak - fall).astype(np.uint8), connectivity=8)
    box = stats[labels[y - top, x - left]]
    margin = _MARGIN_PX
    x0 = max(0, (left + int(box[cv2.CC_STAT_LEFT])) * stride - margin)
    y0 = max(0, (top + int(box[cv2.CC_STAT_TOP])) * stride - margin)
    x1 = min(scores.shape[1] * stride, (left + int(box[cv2.CC_STAT_LEFT] + box[cv2.CC_STAT_WIDTH])) * stride + margin)
    y1 = min(scores.shape[0] * stride, (top + int(box[cv2.CC_STAT_TOP] + box[cv2.CC_STAT_HEIGHT])) * stride + margin)
    half = stride // 2
    return Spot(x * stride + half, y * stride + half, x0, y0, x1 - x0, y1 - y0, peak)
