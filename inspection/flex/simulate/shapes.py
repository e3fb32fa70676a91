"""Shapes of which a board design is made: filled outlines and strokes on named layers, in millimetres."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]


class Layer(StrEnum):
    """Layers in the order in which a board is built up, lowest first; PAD is for wire bonds, LAND for solder."""

    PANEL = "panel"
    BOARD = "board"
    COPPER = "copper"
    STIFFENER = "stiffener"
    OPENING = "opening"
    PAD = "pad"
    LAND = "land"
    RING = "ring"
    SILK = "silk"
    SOLDER = "solder"
    SHADOW = "shadow"
    BODY = "body"
    TERMINAL = "terminal"
    MARK = "mark"
    HOLE = "hole"


GOLD = (Layer.PAD, Layer.LAND, Layer.RING)


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A filled outline (``width_mm`` 0) or a stroke along ``points`` (N, 2) in mm (x, y).

    ``part`` numbers the component it belongs to (-1: none): the shapes of a part move together.
    """

    layer: Layer
    points: Points
    width_mm: float = 0.0
    part: int = -1


def outline(layer: Layer, points: Sequence[tuple[float, float]], part: int = -1) -> Shape:
    """Return a filled polygon."""
    return Shape(layer, np.asarray(points, np.float32), 0.0, part)


def stroke(layer: Layer, points: Sequence[tuple[float, float]], width_mm: float, part: int = -1) -> Shape:
    """Return a line of constant width with round ends."""
    return Shape(layer, np.asarray(points, np.float32), width_mm, part)


def rectangle(
    layer: Layer, centre: tuple[float, float], size: tuple[float, float], corner: float = 0.0, part: int = -1
) -> Shape:
    """Return a rectangle with rounded corners, its edges cut into pieces of about 0.1 mm so that they can bend."""
    half_x, half_y = size[0] / 2, size[1] / 2
    corner = max(min(corner, half_x, half_y), 1e-3)
    angles = np.linspace(0, np.pi / 2, 6)
    ends = [(half_x, half_y, 0.0), (-half_x, half_y, 0.5), (-half_x, -half_y, 1.0), (half_x, -half_y, 1.5)]
    arcs = [
        np.stack(
            (
                x - np.sign(x) * corner + corner * np.cos(angles + turn * np.pi),
                y - np.sign(y) * corner + corner * np.sin(angles + turn * np.pi),
            ),
            axis=1,
        )
        for x, y, turn in ends
    ]
    ring = np.concatenate(arcs)
    return Shape(layer, (subdivide(ring, 0.1) + np.asarray(centre)).astype(np.float32), 0.0, part)


def disc(layer: Layer, centre: tuple[float, float], radius_mm: float, part: int = -1) -> Shape:
    """Return a disc."""
    angles = np.linspace(0, 2 * np.pi, max(16, int(40 * radius_mm)), endpoint=False)
    points = np.stack((np.cos(angles), np.sin(angles)), axis=1) * radius_mm + np.asarray(centre)
    return Shape(layer, points.astype(np.float32), 0.0, part)


def subdivide(ring: NDArray[np.floating], step: float) -> NDArray[np.float64]:
    """Return the closed ring with no edge longer than ``step``."""
    pieces = []
    for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        count = max(1, int(np.ceil(float(np.hypot(*(b - a))) / step)))
        pieces.append(a + (b - a) * (np.arange(count) / count)[:, None])
    return np.concatenate(pieces)


# Strokes of the letters on a grid 2 wide and 4 high, its corners numbered row by row from the top left (3 a row).
_LETTERS = {
    "0": "0-2-14-12-0", "1": "0-1-13 12-14", "2": "0-2-8-6-12-14", "3": "0-2-14-12 6-8", "4": "0-6-8 2-14",
    "5": "2-0-6-8-14-12", "6": "2-0-12-14-8-6", "7": "0-2-13", "8": "0-2-14-12-0 6-8", "9": "8-6-0-2-14-12",
    "C": "2-0-12-14", "E": "2-0-12-14 6-8", "F": "12-0-2 6-8", "J": "2-14-12-9", "L": "0-12-14", "R": "12-0-2-8-6-14",
    "S": "2-0-6-8-14-12", "U": "0-12-14-2", "W": "0-12-10-14-2", "X": "0-14 2-12", "-": "6-8", "D": "0-1-5-11-13-12-0",
}  # fmt: skip


def text(words: str, corner: tuple[float, float], height_mm: float) -> list[Shape]:
    """Return the strokes of silk-screen text whose top left corner is at ``corner``; unknown letters are left out."""
    unit = height_mm / 4
    shapes = []
    for number, letter in enumerate(words):
        left = corner[0] + number * 3.2 * unit
        for line in _LETTERS.get(letter, "").split():
            path = [(left + (int(n) % 3) * unit, corner[1] + (int(n) // 3) * unit) for n in line.split("-")]
            shapes.append(stroke(Layer.SILK, path, 0.16 * height_mm))
    return shapes
