"""Draws a board design, deformed as one real board is, into reflectance, zones and gold texture."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inspection.flex.simulate.layout import BoardDesign
from inspection.flex.simulate.pose import Pose, place
from inspection.flex.simulate.shapes import GOLD, Layer, Points, Shape
from inspection.flex.simulate.zones import Zone

_ZONES = {
    Layer.BOARD: Zone.SOLDER_MASK,
    Layer.COPPER: Zone.COPPER,
    Layer.STIFFENER: Zone.BARE,
    Layer.OPENING: Zone.SOLDER_MASK,
    Layer.PAD: Zone.PAD,
    Layer.LAND: Zone.BARE,
    Layer.RING: Zone.BARE,
    Layer.SOLDER: Zone.COMPONENT,
    Layer.BODY: Zone.COMPONENT,
    Layer.TERMINAL: Zone.COMPONENT,
    Layer.HOLE: Zone.OUTSIDE,
}
_TILE = 256


def cover(points: Points, width: float, shape: tuple[int, int]) -> tuple[tuple[slice, slice], NDArray[np.uint8]]:
    """Rasterise an outline, or a stroke ``width`` px wide, with subpixel accuracy.

    Each pixel is sampled 4x4 times (2x2 or once for shapes above 0.5 or 4 megapixels): OpenCV's anti-aliased filling
    ignores the fraction of horizontal edges.

    Parameters
    ----------
    points
        (N, 2) corners (x, y) in px; pixel centres are at half integers.
    width
        0 for a filled outline.
    shape
        Height and width of the picture.

    Returns
    -------
    box
        Where the shape lies in the picture.
    coverage
        (h, w) 0 to 255.
    """
    box = _bounds(points, width, shape)
    height, columns = box[0].stop - box[0].start, box[1].stop - box[1].start
    area = height * columns
    if area <= 0:
        return box, np.zeros((max(height, 0), max(columns, 0)), np.uint8)
    fine = 4 if area < 500_000 else 2 if area < 4_000_000 else 1
    canvas = np.zeros((height * fine, columns * fine), np.uint8)
    local = (points - np.array([box[1].start, box[0].start], np.float32)) * fine - 0.5
    _fill(canvas, local, width * fine)
    if fine > 1:
        canvas = np.asarray(cv2.resize(canvas, (columns, height), interpolation=cv2.INTER_AREA), np.uint8)
    return box, canvas


def _fill(canvas: NDArray[np.uint8], points: Points, width: float) -> None:
    def polygon(corners: NDArray[np.floating]) -> None:
        cv2.fillPoly(canvas, [np.rint(corners * 8).astype(np.int32)], 255, cv2.LINE_8, 3)

    if width <= 0:
        polygon(points)
        return
    half = max(0.0, (width - 1) / 2)
    for a, b in pairwise(points):
        along = (b - a) / max(float(np.hypot(*(b - a))), 1e-6)
        side = np.array([-along[1], along[0]]) * half
        polygon(np.stack((a + side, b + side, b - side, a - side)))
    for x, y in points:
        cv2.circle(canvas, (round(float(x) * 8), round(float(y) * 8)), round(half * 8), 255, -1, cv2.LINE_8, 3)


def render(
    design: BoardDesign, pose: Pose, rng: Generator, width: int
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Draw one board before optics and sensor.

    Parameters
    ----------
    design, pose
        The product and the one board.
    rng
        Draws edge roughness and gold texture.
    width
        Width of the picture in px; its height follows from the design.

    Returns
    -------
    surface
        (H, W, 3) float32 reflectance in grey levels (0 to 255), sharp edges, no noise.
    zones
        (H, W) uint8 of `Zone`.
    """
    scale = width / design.width_mm
    shape = (round(design.height_mm * scale), width)
    surface = np.empty((*shape, 3), np.float32)
    surface[:] = design.colours[Layer.PANEL]
    zones = np.zeros(shape, np.uint8)
    for layer in Layer:
        covered = np.zeros(shape, np.uint8)
        golden = []
        for member in (s for s in design.shapes if s.layer is layer):
            points = _roughen(place(design, pose, member), member, rng) * np.float32(scale)
            box, coverage = cover(points, _width(member, pose) * scale, shape)
            np.maximum(covered[box], coverage, out=covered[box])
            golden.append(box)
        if not golden:
            continue
        _paint(surface, covered, design.colours[layer], 0.45 if layer is Layer.SHADOW else 1.0)
        if layer in _ZONES:
            zones[covered > 127] = _ZONES[layer]
        if layer in GOLD:
            _gild(surface, covered, golden, rng, scale)
    return surface, zones


def _width(shape: Shape, pose: Pose) -> float:
    if shape.width_mm <= 0:
        return 0.0
    return max(0.01, shape.width_mm + (2 * pose.etch if shape.layer is Layer.COPPER else 0.0))


def _roughen(points: Points, shape: Shape, rng: Generator) -> Points:
    """Etched gold edges are never straight: 2 um sigma every 0.1 mm."""
    if shape.layer not in GOLD:
        return points
    return np.asarray(points + rng.normal(0, 0.002, points.shape), np.float32)


def _bounds(points: Points, width: float, shape: tuple[int, int]) -> tuple[slice, slice]:
    low = np.floor(points.min(axis=0) - width / 2 - 1)
    high = np.ceil(points.max(axis=0) + width / 2 + 1)
    x0, x1 = (int(np.clip(v, 0, shape[1])) for v in (low[0], high[0]))
    y0, y1 = (int(np.clip(v, 0, shape[0])) for v in (low[1], high[1]))
    return slice(y0, y1), slice(x0, x1)


def _paint(
    surface: NDArray[np.float32], covered: NDArray[np.uint8], colour: tuple[float, float, float], opacity: float
) -> None:
    """Lay a colour over the surface, in tiles, since most layers leave most of a board alone."""
    for top in range(0, covered.shape[0], _TILE):
        for left in range(0, covered.shape[1], _TILE):
            tile = covered[top : top + _TILE, left : left + _TILE]
            if tile.any():
                under = surface[top : top + _TILE, left : left + _TILE]
                alpha = tile.astype(np.float32)[..., None] * np.float32(opacity / 255)
                under += alpha * (np.asarray(colour, np.float32) - under)


def _gild(
    surface: NDArray[np.float32],
    covered: NDArray[np.uint8],
    boxes: list[tuple[slice, slice]],
    rng: Generator,
    scale: float,
) -> None:
    """Give each pad its own gold: brightness (2 % sigma), slow mottling (1 %), rolling grain (1.2 %), bright glints."""
    for box in boxes:
        height, width = covered[box].shape
        if not height or not width:
            continue
        coarse = rng.normal(0, 0.010, (2 + height // 24, 2 + width // 24)).astype(np.float32)
        gain = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) + np.float32(rng.normal(0, 0.02))
        white = rng.standard_normal((height, width), np.float32)
        grain = np.asarray(cv2.GaussianBlur(white, (0, 0), sigmaX=max(0.02 * scale, 0.5), sigmaY=0.4), np.float32)
        gain += np.float32(0.012) * grain / max(float(grain.std()), 1e-6)
        glints = rng.random((height, width)) < 0.0015
        gain += glints * rng.uniform(0.05, 0.3, (height, width)).astype(np.float32)
        gain *= covered[box].astype(np.float32) / 255
        surface[box] *= 1 + gain[..., None]
