"""Take out what a homography leaves: flex boards bend, so the last pixel of misfit varies smoothly over the board."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.flex.local_shift import Float, equations, grid_of, normalise, shift_step, smooth_flow
from inspection.flex.reference import Image, Reference, gray_of, prepared
from inspection.flex.rough_pose import Pose, project

Pixel = TypeVar("Pixel", np.uint8, np.float32)
_CELL = 32
_STEP = 8
_STRIP = 512
_PASSES = (3, 3)
_SMOOTH_CELLS = 0.8


def refine(aligned: Image, reference: Reference | Image) -> tuple[Image, Float]:
    """Take out the smooth bending that a homography leaves.

    The shift is found on cells of about 32 pixels (64 on a 17-megapixel board) and smoothed over several of them,
    robustly: dust and scratches of up to 40 pixels move it by less than half a pixel (tested), so none is absorbed.

    Parameters
    ----------
    aligned
        (H, W, 3) uint8 on the grid of the reference.

    Returns
    -------
    aligned2
        (H, W, 3) uint8.
    flow
        (rows, columns, 2) float32 on a coarse grid of cells: ``aligned2(x) = aligned(x + flow(x))``, in pixels.
    """
    flow = find_flow(aligned, reference)
    return remap(aligned, flow), flow


def find_flow(aligned: Image, reference: Reference | Image) -> Float:
    """Return the smooth flow (rows, columns, 2) that :func:`refine` applies; (x, y) in pixels of the reference."""
    target = prepared(reference)
    gray = gray_of(aligned)
    scaled = np.zeros((2, 2, 2), np.float32)
    for level, passes in zip(target.levels[-2:], _PASSES, strict=False):
        height, width = level.shape
        reach = np.array([width, height], np.float32)
        small = gray
        if gray.shape != level.shape:
            small = np.asarray(cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        picture, valid = normalise(small), np.ones(level.shape, np.uint8)
        grid = grid_of(level.shape, _CELL)
        flow = np.asarray(cv2.resize(scaled, grid[::-1], interpolation=cv2.INTER_LINEAR) * reach, np.float32)
        for _ in range(passes):
            moved = np.asarray(remap(picture, flow), np.float32)
            shift, certainty = shift_step(equations(level.picture, moved, valid, grid), _SMOOTH_CELLS)
            flow = smooth_flow(flow + np.clip(shift, -2, 2), certainty, _SMOOTH_CELLS)
        scaled = np.asarray(flow / reach, np.float32)
    return np.asarray(scaled * np.array([gray.shape[1], gray.shape[0]], np.float32), np.float32)


def remap(picture: NDArray[Pixel], flow: Float) -> NDArray[Pixel]:
    """Return ``picture`` (H, W[, 3]) sampled at ``x + flow(x)``; float pictures linearly, uint8 ones cubically."""
    return sample(picture, np.eye(3), flow, (picture.shape[0], picture.shape[1]))


def sample(picture: NDArray[Pixel], to_picture: Pose, flow: Float | None, shape: tuple[int, int]) -> NDArray[Pixel]:
    """Return ``picture`` on a grid of ``shape``: at x it shows ``picture(to_picture(x + flow(x)))``.

    One interpolation for both; the coordinates are computed on every eighth pixel and interpolated between.
    """
    height, width = shape
    how = cv2.INTER_CUBIC if picture.dtype == np.uint8 else cv2.INTER_LINEAR
    out = np.empty((height, width, *picture.shape[2:]), picture.dtype)
    coarse = _coordinates(to_picture, flow, shape)
    columns = coarse.shape[1] * _STEP
    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        first, last = top // _STEP, -(-bottom // _STEP) + 2
        where = cv2.resize(coarse[first:last], (columns, (last - first) * _STEP), interpolation=cv2.INTER_LINEAR)[
            _STEP : _STEP + bottom - top, _STEP : _STEP + width
        ]
        out[top:bottom] = _look_up(picture, where, how)
    return out


def flow_at(flow: Float, points: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the flow (n, 2) at points (n, 2) of a picture of ``shape``."""
    rows, columns = flow.shape[:2]
    at = (points + 0.5) / (shape[1], shape[0]) * (columns, rows) - 0.5
    found = _look_up(flow, at[None].astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(found[0], np.float64)


def _coordinates(to_picture: Pose, flow: Float | None, shape: tuple[int, int]) -> Float:
    """Where every eighth pixel, with one more step around, is taken from: (rows, columns, 2) float32."""
    rows, columns = -(-shape[0] // _STEP) + 2, -(-shape[1] // _STEP) + 2
    x = (np.arange(columns) - 1) * _STEP + (_STEP - 1) / 2
    y = (np.arange(rows) - 1) * _STEP + (_STEP - 1) / 2
    points = np.stack(np.meshgrid(x, y), axis=2).reshape(-1, 2)
    if flow is not None:
        points = points + _smooth_flow_at(flow, rows, columns, shape)
    return project(to_picture, points).reshape(rows, columns, 2).astype(np.float32)


def _smooth_flow_at(flow: Float, rows: int, columns: int, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Cubic interpolation of the flow on every eighth pixel, (rows * columns, 2)."""
    x = (((np.arange(columns) - 1) * _STEP + _STEP / 2) / shape[1] * flow.shape[1] - 0.5).astype(np.float32)
    y = (((np.arange(rows) - 1) * _STEP + _STEP / 2) / shape[0] * flow.shape[0] - 0.5).astype(np.float32)
    found = _look_up(flow, np.stack(np.meshgrid(x, y), axis=2), cv2.INTER_CUBIC)
    return np.asarray(found.reshape(-1, 2), np.float64)


def _look_up(picture: NDArray[np.generic], where: NDArray[np.generic], how: int) -> NDArray[np.generic]:
    # The stubs want a second map, but the binding takes both coordinates in one and None (an empty array fails).
    return cv2.remap(picture, where, None, how, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[no-any-return, call-overload]
