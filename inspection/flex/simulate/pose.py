"""How one board differs from its drawing: how it lies, how it is bent, layers and components out of register."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from inspection.flex.simulate.layout import BoardDesign
from inspection.flex.simulate.shapes import GOLD, Layer, Points, Shape


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


def laid_straight(pose: Pose, rng: Generator, residual_mm: float) -> Pose:
    """Return the pose that a registration leaves: only ``residual_mm`` of shift, a sixth of the bending."""
    matrix = np.array([[1.0, 0.0, rng.normal(0, residual_mm)], [0.0, 1.0, rng.normal(0, residual_mm)]])
    return replace(pose, matrix=matrix, bend=pose.bend / 6)


def place(design: BoardDesign, pose: Pose, shape: Shape) -> Points:
    """Return the outline of a shape where it lies on this board, (N, 2) in mm."""
    points = shape.points.astype(np.float64)
    middle = np.array([design.width_mm, design.height_mm]) / 2
    if shape.part >= 0:
        dx, dy, turn = pose.parts[shape.part]
        pivot = _pivot(design, shape.part)
        cos, sin = np.cos(turn), np.sin(turn)
        points = (points - pivot) @ np.array([[cos, sin], [-sin, cos]]) + pivot + (dx, dy)
    if shape.layer in GOLD:
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
