"""Draws a board design, deformed as one real board is, into reflectance, zones and gold texture."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inspection.flex.simulate.layout import BoardDesign
from inspection.flex.simulate.shapes import Layer, Points, Shape
from inspection.flex.simulate.zones import Zone

_ZONES = {
    Layer.BOARD: Zone.SOLDER_MASK,
    Layer.COPPER: Zone.COPPER,
    Layer.STIFFENER: Zone.BARE,
    Layer.OPENING: Zone.SOLDER_MASK,
    Layer.PAD: Zone.PAD,
    Layer.RING: Zone.BARE,
    Layer.SOLDER: Zone.COMPONENT,
    Layer.BODY: Zone.COMPONENT,
    Layer.TERMINAL: Zone.COMPONENT,
    Layer.HOLE: Zone.OUTSIDE,
}
_FRACTION_BITS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """How one board lies under the scanner and how it differs from its drawing; all lengths in mm.

    ``matrix`` (2, 3) is the affine map about the board's middle; ``bend`` (2, 2, 2) the amplitudes and ``phases`` of
    the slow sine waves by which the foil is warped; ``slips`` the misregistration of each layer; ``etch`` the growth of
    every copper edge; ``parts`` the placement error of each component (x, y, radians).
    """

    matrix: NDArray[np.float64]
    bend: NDArray[np.float64]
    phases: NDArray[np.float64]
    slips: dict[Layer, NDArray[np.float64]]
    etch: float
    parts: NDArray[np.float64]


def draw_pose(design: BoardDesign, rng: Generator, looseness: float = 1.0) -> Pose:
    """Draw the natural variation of one board.

    Sizes at ``looseness`` 1, one sigma: shift 0.10 mm, rotation 0.15 degrees, scale 0.05 %, bending 12 um, layers 12 um
    (silk 50 um), etching 4 um an edge, components 25 um and 0.7 degrees. Zero gives the drawing itself.
    """
    angle, scale = rng.normal(0, np.deg2rad(0.15)), 1 + rng.normal(0, 0.0005)
    shift = rng.normal(0, 0.10, 2)
    angle, scale, shift = angle * looseness, 1 + (scale - 1) * looseness, shift * looseness
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])
    slips = {}
    for layer in Layer:
        sigma = {Layer.SILK: 0.05, Layer.OPENING: 0.012, Layer.STIFFENER: 0.04}.get(layer, 0.0)
        slips[layer] = rng.normal(0, 1, 2) * sigma * looseness
    count = 1 + max((shape.part for shape in design.shapes), default=0)
    parts = rng.normal(0, 1, (count, 3)) * np.array([0.025, 0.025, np.deg2rad(0.7)]) * looseness
    bend, phases = rng.normal(0, 0.012, (2, 2, 2)) * looseness, rng.uniform(0, 2 * np.pi, (2, 2, 2))
    return Pose(matrix, bend, phases, slips, float(rng.normal(0, 0.004)) * looseness, parts)


def place(design: BoardDesign, pose: Pose, shape: Shape) -> Points:
    """Return the outline of a shape where it lies on this board, (N, 2) in mm."""
    points = shape.points.astype(np.float64)
    middle = np.array([design.width_mm, design.height_mm]) / 2
    if shape.part >= 0:
        dx, dy, turn = pose.parts[shape.part]
        pivot = _pivot(design, shape.part)
        cos, sin = np.cos(turn), np.sin(turn)
        points = (points - pivot) @ np.array([[cos, sin], [-sin, cos]]) + pivot + (dx, dy)
    if shape.layer in (Layer.PAD, Layer.RING):
        away = points - points.mean(axis=0)
        points += pose.etch * away / np.maximum(np.hypot(*away.T)[:, None], 1e-6)
    points += pose.slips[shape.layer]
    waves = np.zeros_like(points)
    for number in range(2):
        phase = points / (design.width_mm, design.height_mm) * np.pi * (number + 1)
        for axis in range(2):
            waves += pose.bend[number, axis] * np.sin(phase[:, axis, None] + pose.phases[number, axis])
    points = (points - middle) @ pose.matrix[:, :2].T + pose.matrix[:, 2] + middle + waves
    return points.astype(np.float32)


def _pivot(design: BoardDesign, part: int) -> NDArray[np.float64]:
    body = next(s for s in design.shapes if s.part == part and s.layer is Layer.BODY)
    return np.asarray(body.points.mean(axis=0), np.float64)


def cover(canvas: NDArray[np.uint8], points: Points, width: float, value: int, *, smooth: bool = True) -> None:
    """Fill an outline, or draw a stroke ``width`` px wide, with subpixel accuracy; ``points`` in pixels."""
    line = cv2.LINE_AA if smooth else cv2.LINE_8
    unit = 1 << _FRACTION_BITS

    def fill(corners: NDArray[np.floating]) -> None:
        fixed = np.rint((corners - 0.5) * unit).astype(np.int32)
        cv2.fillPoly(canvas, [fixed], value, line, _FRACTION_BITS)

    if width <= 0:
        fill(points)
        return
    half = width / 2
    for a, b in pairwise(points):
        along = (b - a) / max(float(np.hypot(*(b - a))), 1e-6)
        side = np.array([-along[1], along[0]]) * half
        fill(np.stack((a + side, b + side, b - side, a - side)))
    for x, y in points:
        centre = (round(float(x - 0.5) * unit), round(float(y - 0.5) * unit))
        cv2.circle(canvas, centre, round(half * unit), value, -1, line, _FRACTION_BITS)


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
    canvas = np.empty(shape, np.uint8)
    for layer in Layer:
        members = [s for s in design.shapes if s.layer is layer]
        if not members:
            continue
        placed = [(_roughen(place(design, pose, s), s, rng) * scale, _width(s, pose) * scale) for s in members]
        box = _bounds(placed, shape)
        canvas[box] = 0
        for points, thick in placed:
            cover(canvas, points, thick, 255)
            if layer in _ZONES:
                cover(zones, points, thick, int(_ZONES[layer]), smooth=False)
        _paint(surface[box], canvas[box], design.colours[layer], 0.45 if layer is Layer.SHADOW else 1.0)
        if layer is Layer.PAD:
            _gild(surface, (points for points, _ in placed), rng, scale)
    return surface, zones


def _width(shape: Shape, pose: Pose) -> float:
    return shape.width_mm + (2 * pose.etch if shape.layer is Layer.COPPER else 0.0)


def _roughen(points: Points, shape: Shape, rng: Generator) -> Points:
    """Etched gold edges are never straight: 3 um sigma every 0.1 mm."""
    if shape.layer is not Layer.PAD:
        return points
    return np.asarray(points + rng.normal(0, 0.003, points.shape), np.float32)


def _bounds(placed: list[tuple[Points, float]], shape: tuple[int, int]) -> tuple[slice, slice]:
    margin = max(width for _, width in placed) + 3
    everything = np.concatenate([points for points, _ in placed])
    low, high = np.floor(everything.min(axis=0) - margin), np.ceil(everything.max(axis=0) + margin)
    x0, y0 = (int(max(v, 0)) for v in low)
    return slice(y0, int(min(high[1], shape[0]))), slice(x0, int(min(high[0], shape[1])))


def _paint(
    surface: NDArray[np.float32], canvas: NDArray[np.uint8], colour: tuple[float, float, float], opacity: float
) -> None:
    alpha = canvas.astype(np.float32) * (opacity / 255)
    for channel in range(3):
        plane = surface[..., channel]
        plane += alpha * (colour[channel] - plane)


def _gild(surface: NDArray[np.float32], pads: Iterable[Points], rng: Generator, scale: float) -> None:
    """Give each pad its own gold: brightness (2 % sigma), slow mottling (1 %), rolling grain (1.2 %), bright glints."""
    for points in pads:
        box = _bounds([(points, 0.0)], surface.shape[:2])
        height, width = surface[box].shape[:2]
        if not height or not width:
            continue
        coarse = rng.normal(0, 0.010, (2 + height // 24, 2 + width // 24)).astype(np.float32)
        gain = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) + np.float32(1 + rng.normal(0, 0.02))
        grain = rng.normal(0, 0.012, (height, width)).astype(np.float32)
        gain += cv2.GaussianBlur(grain, (0, 0), sigmaX=0.02 * scale, sigmaY=0.4) * np.float32(np.sqrt(0.06 * scale))
        glints = rng.random((height, width)) < 0.0015
        gain += glints * rng.uniform(0.05, 0.3, (height, width)).astype(np.float32)
        bright = surface[box].mean(axis=2, keepdims=True) > 80
        surface[box] *= np.where(bright, gain[..., None], 1.0)
