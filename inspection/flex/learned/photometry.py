"""Bring an aligned board to the light, sharpness and place of the golden image before the two are compared.

What differs between two good scans of one design is mostly not a defect: lamp drift and vignetting (smooth gain), the
row pattern of a line scanner (banding, an offset that depends on the level), a fraction of a pixel of misregistration
and a little defocus. Each has few degrees of freedom over large areas, so each is fitted over areas much larger than a
defect and taken out:

``scan(x) ~ gain(x) * [golden + u . grad(golden) + b * laplacian(golden)] + band(row, level)``

The first-order term is the optical-flow constraint (Lucas and Kanade 1981), the Laplacian is the first-order effect
of a change of blur (heat equation: dI/dt = laplacian I with t half the variance of the added blur).
"""

import itertools
from collections import deque
from collections.abc import Iterator
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.flex.learned.tiles import shared_out

Float: TypeAlias = NDArray[np.float32]
Image: TypeAlias = NDArray[np.uint8]

_COARSE = 16
_PEDESTAL_DN = 3.0
_NUISANCE_WINDOW_PX = 48
_NUISANCE_STEP_PX = 16
_RIDGE = 3.0
_CLIP_DN = 12.0
_BAND_PIXELS = 40
_STRIP_PX = 128
_LEVEL_EDGES_DN = (0, 25, 80, 150, 256)
_LEVELS_DN = (12, 50, 115, 190)


def normalise(aligned: Image, golden: Image, valid: NDArray[np.bool_] | None = None) -> Image:
    """Return the aligned scan with the light, banding, local shift and blur of the golden image.

    Parameters
    ----------
    aligned, golden
        (H, W, 3) uint8 RGB on the grid of the reference.
    valid
        (H, W) bool, False where the scan shows nothing; filled with the golden image.

    Returns
    -------
    (H, W, 3) uint8
    """
    if valid is not None and not valid.all():
        aligned = np.where(valid[..., None], aligned, golden)
    gain = _smooth_gain(aligned, golden)
    shape = golden.shape[:2]
    size = (shape[1] // 2, shape[0] // 2)
    scan, wanted = (np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), np.uint8) for p in (aligned, golden))
    seen = np.empty(scan.shape[:2], np.float32)

    def reduce(rows: slice) -> None:
        seen[rows] = gray(_lit(scan, wanted, gain, rows))

    deque(shared_out(reduce, _strips(scan.shape[0])), maxlen=0)
    coefficients = _nuisance(seen, gray(wanted))
    out = np.empty_like(golden)

    def finish(rows: slice) -> None:
        lit = _lit(aligned, golden, gain, rows) - _explained(coefficients, golden, rows)
        out[rows] = np.clip(np.rint(lit), 0, 255).astype(np.uint8)

    deque(shared_out(finish, _strips(shape[0])), maxlen=0)
    return out


def gray(image: NDArray[np.generic]) -> Float:
    """Return the mean of the three channels, (H, W) float32."""
    weights = np.full((1, 3), 1 / 3, np.float32)
    return np.asarray(cv2.transform(image.astype(np.float32, copy=False), weights), np.float32)


def _strips(height: int) -> Iterator[slice]:
    for top in range(0, height, _STRIP_PX):
        yield slice(top, min(height, top + _STRIP_PX))


def _enlarge(coarse: Float, shape: tuple[int, int], rows: slice) -> Float:
    """Return the given rows of ``coarse`` enlarged (bilinearly) to a picture of ``shape``."""
    sx, sy = coarse.shape[1] / shape[1], coarse.shape[0] / shape[0]
    matrix = np.array([[sx, 0, 0.5 * sx - 0.5], [0, sy, (rows.start + 0.5) * sy - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (shape[1], rows.stop - rows.start)
    return np.asarray(cv2.warpAffine(coarse, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _lit(aligned: Image, golden: Image, gain: Float, rows: slice) -> Float:
    """Return rows of the scan with lamp and banding taken out, (rows, W, 3) float32."""
    lit = aligned[rows].astype(np.float32)
    lit /= _enlarge(gain, golden.shape[:2], rows)
    lit -= _band_offset(lit, golden[rows])
    return lit


def _smooth_gain(seen: Image, wanted: Image) -> Float:
    """Gain of the lamp on a 16 px grid, (h, w, 3): median over some 300 px of the ratio, so no defect moves it."""
    height, width = seen.shape[:2]
    size = (max(1, width // _COARSE), max(1, height // _COARSE))
    small = [cv2.resize(p, size, interpolation=cv2.INTER_AREA).astype(np.float32) for p in (seen, wanted)]
    coded = np.clip((small[0] + _PEDESTAL_DN) / (small[1] + _PEDESTAL_DN) * 100, 1, 255).astype(np.uint8)
    kernel = min(19, 2 * ((min(size) - 1) // 2) + 1)
    smooth = cv2.medianBlur(coded, kernel) if kernel >= 3 else coded
    return np.asarray(cv2.GaussianBlur(smooth.astype(np.float32) / 100, (0, 0), 3), np.float32)


def _band_offset(lit: Float, golden: Image) -> Float:
    """Offset of each scan row (banding), (rows, W, 1): mean along it of scan minus golden (clipped),
    by level of the golden.
    """
    wanted = gray(golden)
    excess, level = gray(lit[:, ::3]) - wanted[:, ::3], wanted[:, ::3]
    excess = np.clip(excess, -_CLIP_DN, _CLIP_DN)
    offset = np.zeros((lit.shape[0], len(_LEVELS_DN)), np.float32)
    for index, (low, high) in enumerate(itertools.pairwise(_LEVEL_EDGES_DN)):
        here = ((level >= low) & (level < high)).astype(np.float32)
        count = here.sum(axis=1)
        total = np.einsum("ij,ij->i", here, excess)
        offset[:, index] = np.where(count >= _BAND_PIXELS, total / np.maximum(count, 1), 0)
    place = np.interp(np.arange(256), _LEVELS_DN, np.arange(len(_LEVELS_DN))).astype(np.float32)
    column = place[np.clip(np.rint(wanted), 0, 255).astype(np.uint8)]
    row = np.ascontiguousarray(np.broadcast_to(np.arange(lit.shape[0], dtype=np.float32)[:, None], column.shape))
    return np.asarray(cv2.remap(offset, column, row, cv2.INTER_LINEAR), np.float32)[..., None]


def _nuisance(seen: Float, wanted: Float) -> Float:
    """Local shift (x, y) and change of blur, (h, w, 3) on a coarse grid, fitted on pictures of half size."""
    features = [f * s for f, s in zip(_derivatives(wanted), (0.5, 0.5, 0.25), strict=True)]
    excess = np.clip(seen - wanted, -_CLIP_DN, _CLIP_DN)
    return _local_least_squares(features, excess)


def _explained(coefficients: Float, golden: Image, rows: slice) -> Float:
    """What the fitted shift and blur explain of scan minus golden, (rows, W, 3)."""
    height, width = golden.shape[:2]
    margin = slice(max(0, rows.start - 4), min(height, rows.stop + 4))
    local = _enlarge(coefficients, (height, width), rows)
    inner = slice(rows.start - margin.start, rows.stop - margin.start)
    weights = cv2.split(local)
    explained: list[Float] = []
    for channel in cv2.split(golden[margin]):
        along, across, blur = (d[inner] for d in _derivatives(channel.astype(np.float32)))
        explained.append(np.asarray(weights[0] * along + weights[1] * across + weights[2] * blur, np.float32))
    return np.asarray(cv2.merge(explained), np.float32)


def _derivatives(picture: Float) -> list[Float]:
    """Return d/dx, d/dy and the Laplacian, in DN per pixel (squared), lightly smoothed."""
    soft = cv2.GaussianBlur(picture, (0, 0), 0.8)
    along = cv2.Scharr(soft, cv2.CV_32F, 1, 0, scale=1 / 32)
    across = cv2.Scharr(soft, cv2.CV_32F, 0, 1, scale=1 / 32)
    curved = cv2.Laplacian(soft, cv2.CV_32F, ksize=3, scale=0.25)
    return [np.asarray(d, np.float32) for d in (along, across, curved)]


def _local_least_squares(features: list[Float], excess: Float) -> Float:
    """Ridge-fit ``excess`` by the features in every window; (h, w, 3) on a coarse grid, at most 1 in size."""
    height, width = excess.shape
    grid = (max(1, 2 * width // _NUISANCE_STEP_PX), max(1, 2 * height // _NUISANCE_STEP_PX))

    def window(product: Float) -> Float:
        coarse = cv2.resize(product, grid, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(coarse, (0, 0), _NUISANCE_WINDOW_PX / _NUISANCE_STEP_PX), np.float32)

    normal = np.empty((grid[1], grid[0], 3, 3), np.float32)
    right = np.empty((grid[1], grid[0], 3), np.float32)
    for i, first in enumerate(features):
        right[..., i] = window(first * excess)
        for j, second in enumerate(features[: i + 1]):
            normal[..., i, j] = normal[..., j, i] = window(first * second) + (_RIDGE * (i == j))
    return np.clip(np.linalg.solve(normal, right[..., None])[..., 0], -1.0, 1.0).astype(np.float32)
