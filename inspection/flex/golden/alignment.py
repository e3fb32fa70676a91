"""Lay the template on the test image: a small affine movement, found on reduced grey images."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_SEARCH_PX = 24
_REDUCED_PX = 1200
_LARGEST_STRETCH = 0.04


@dataclass(frozen=True, slots=True)
class Alignment:
    """The template on the test image's grid.

    ``matrix`` (2, 3) maps test pixels to template pixels; ``mismatch`` is the mean absolute difference (0 to 1) left.
    """

    template: NDArray[np.uint8]
    matrix: NDArray[np.float64]
    mismatch: float


def align_template(template: NDArray[np.uint8], test: NDArray[np.uint8]) -> Alignment:
    """Move the template (H, W) onto the test image (H, W): the best of no move, a shift and an affine movement.

    The shift is the exhaustive squared-difference optimum within 24 px; from it, and from no shift, the enhanced
    correlation coefficient is maximised over affine movements (Evangelidis & Psarakis, PAMI 30 (2008) 1858). Periodic
    artwork can lock on the wrong period and a few lines cannot fix an affine movement, so the choice is
    made by the difference that is left.
    """
    factor = max(2, -(-max(test.shape) // _REDUCED_PX))
    small_template, small_test = _reduced(template, factor), _reduced(test, factor)
    shift = _best_shift(small_template, small_test, factor)
    candidates = [np.eye(2, 3), shift]
    for start in (shift, np.eye(2, 3)):
        refined = _refine(small_template, small_test, start, factor)
        if refined is not None:
            candidates.append(refined)
        if np.array_equal(shift, np.eye(2, 3)):
            break
    moved = [_move(small_template, _to_reduced(matrix, factor)) for matrix in candidates]
    left = [float(cv2.absdiff(image, small_test).mean()) for image in moved]
    best = int(np.argmin(left))
    return Alignment(_move(template, candidates[best]), candidates[best], left[best] / 255.0)


def _reduced(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    rows, columns = (max(length // factor, 1) for length in image.shape)
    whole = image[: rows * factor, : columns * factor]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _best_shift(template: NDArray[np.uint8], test: NDArray[np.uint8], factor: int) -> NDArray[np.float64]:
    matrix = np.eye(2, 3)
    reach = min(_SEARCH_PX // factor, (min(template.shape) - 8) // 2)
    if reach < 1:
        return matrix
    core = template[reach:-reach, reach:-reach].astype(np.float32)
    cost = cv2.matchTemplate(test.astype(np.float32), core, cv2.TM_SQDIFF)
    row, column = np.unravel_index(int(cost.argmin()), cost.shape)
    matrix[:, 2] = (factor * (reach - int(column)), factor * (reach - int(row)))
    return matrix


def _refine(
    template: NDArray[np.uint8], test: NDArray[np.uint8], start: NDArray[np.float64], factor: int
) -> NDArray[np.float64] | None:
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 1e-4)
    first = _to_reduced(start, factor).astype(np.float32)
    everywhere = np.ones_like(test)
    try:
        _, found = cv2.findTransformECC(test, template, first, cv2.MOTION_AFFINE, criteria, everywhere, 7)
    except cv2.error:
        return None
    if not np.isfinite(found).all() or np.abs(found[:, :2] - np.eye(2)).max() > _LARGEST_STRETCH:
        return None
    return _to_full(found.astype(np.float64), factor)


def _to_reduced(matrix: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    """Say the same movement in pixels of the reduced image; pixel centres are at whole numbers on both scales."""
    linear, middle = matrix[:, :2], np.full(2, (factor - 1) / 2)
    return np.column_stack([linear, (linear @ middle + matrix[:, 2] - middle) / factor])


def _to_full(matrix: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    linear, middle = matrix[:, :2], np.full(2, (factor - 1) / 2)
    return np.column_stack([linear, factor * matrix[:, 2] + middle - linear @ middle])


def _move(image: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    if np.array_equal(matrix, np.eye(2, 3)):
        return image
    size = (image.shape[1], image.shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)
