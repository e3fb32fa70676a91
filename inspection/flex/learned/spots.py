"""From a map of scores to a ranked list of suspect spots with boxes."""

from dataclasses import dataclass, replace
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
    """A suspect spot: highest peak ``x, y`` and box ``left, top, width, height`` in pixels of the reference grid."""

    x: int
    y: int
    left: int
    top: int
    width: int
    height: int
    score: float


def find_spots(
    scores: Float,
    stride: int,
    floor: float,
    limit: int = 200,
    fall: float = 0.6,
    ground: float | None = None,
    *,
    joined: float | None = None,
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
    joined
        From this score on, what hangs together is one spot: a peak from which the score does not fall by ``fall`` on
        the way to a higher one (at most 96 px away) is part of it. A fibre is then listed once, however many knots it
        has, in a frame that holds them all. Below it lies noise, all of which hangs together.

    A peak within the box of a higher one (as ``fall`` says) is always part of it.
    """
    radius = max(1, RADIUS_PX // stride)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    peaks = (scores >= cv2.dilate(scores, kernel)) & (scores >= floor)
    ys, xs = _one_of_each(peaks)
    order = np.argsort(-scores[ys, xs], kind="stable")[: 4 * limit]
    most = limit if joined is None else 2 * limit  # two that are listed may turn out to be one
    found: list[list[Spot]] = []
    owner = np.full(scores.shape, -1, np.int32)
    for index in order:
        x, y = int(xs[index]), int(ys[index])
        joins = joined is not None and scores[y, x] >= joined
        inside = any(_inside(part, x * stride, y * stride) for parts in found for part in parts)
        if inside and not joins:
            continue
        part, along = _spot(scores, x, y, stride, fall)
        higher = sorted(set(owner[along].tolist()) - {-1}) if joins else []
        if higher:
            found[higher[0]].append(part)
            owner[y, x] = higher[0]
            _bridge(scores, (x, y), stride, fall, higher[1:], found, owner)
        elif not inside:
            owner[y, x] = len(found)
            found.append([part])
        if sum(map(bool, found)) == most:
            break
    apart = [parts for parts in found if parts][:limit]
    return [_framed(scores, parts, stride, fall, ground) for parts in apart]


def _bridge(
    scores: Float,
    peak: tuple[int, int],
    stride: int,
    fall: float,
    others: list[int],
    found: list[list[Spot]],
    owner: NDArray[np.int32],
) -> None:
    """Join spots too far apart to see each other, if a peak between them shows that they hang together."""
    x, y = peak
    for other in others:
        depth = float(scores[y, x]) - (found[other][0].score - fall)
        if depth < 0:
            continue
        _, along = _spot(scores, x, y, stride, depth)
        met = set(owner[along].tolist()) - {-1}
        if other in met and min(met) < other:
            found[min(met)] += found[other]
            found[other] = []
            owner[owner == other] = min(met)


def _framed(scores: Float, parts: list[Spot], stride: int, fall: float, ground: float | None) -> Spot:
    """Return the highest of the parts in a frame around all; with ``ground``, each reaches half-way down to it."""
    if ground is not None:
        depths = (max(fall, (part.score - ground) / 2) for part in parts)
        places = zip(parts, depths, strict=True)
        parts = [_spot(scores, part.x // stride, part.y // stride, stride, depth)[0] for part, depth in places]
    left, top = min(part.left for part in parts), min(part.top for part in parts)
    right = max(part.left + part.width for part in parts)
    bottom = max(part.top + part.height for part in parts)
    return replace(parts[0], left=left, top=top, width=right - left, height=bottom - top)


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


def _spot(
    scores: Float, x: int, y: int, stride: int, fall: float
) -> tuple[Spot, tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the spot around a peak, and the places (rows, columns) where the score stays above ``peak - fall``."""
    reach = _REACH_PX // stride
    top, left = max(0, y - reach), max(0, x - reach)
    window = scores[top : y + reach + 1, left : x + reach + 1]
    peak = float(scores[y, x])
    _, labels, stats, _ = cv2.connectedComponentsWithStats((window >= peak - fall).astype(np.uint8), connectivity=8)
    own = labels[y - top, x - left]
    rows, columns = np.nonzero(labels == own)
    box = stats[own]
    margin = _MARGIN_PX
    x0 = max(0, (left + int(box[cv2.CC_STAT_LEFT])) * stride - margin)
    y0 = max(0, (top + int(box[cv2.CC_STAT_TOP])) * stride - margin)
    x1 = min(scores.shape[1] * stride, (left + int(box[cv2.CC_STAT_LEFT] + box[cv2.CC_STAT_WIDTH])) * stride + margin)
    y1 = min(scores.shape[0] * stride, (top + int(box[cv2.CC_STAT_TOP] + box[cv2.CC_STAT_HEIGHT])) * stride + margin)
    half = stride // 2
    return Spot(x * stride + half, y * stride + half, x0, y0, x1 - x0, y1 - y0, peak), (rows + top, columns + left)
