"""Outlines of defects as coverage (0 to 1) on a pixel grid, drawn four times finer and averaged."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
FINER = 4


def blob(rng: np.random.Generator, side: int, radius: float, roughness: float) -> Plane:
    """An irregular compact patch in the middle of a (side, side) grid; outline = circle + five Fourier terms."""
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    reach = np.ones_like(angle)
    for order in range(2, 7):
        reach += 1.5 * roughness * rng.normal() / order**1.5 * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    reach = radius * np.clip(reach, 0.4, 1.8)
    stretch = rng.uniform(0.75, 1.0)
    return polygon(side, side / 2 + reach * np.cos(angle), side / 2 + stretch * reach * np.sin(angle))


def polygon(side: int, x: NDArray[np.float64], y: NDArray[np.float64]) -> Plane:
    """Coverage of a filled polygon."""
    fine = np.zeros((side * FINER, side * FINER), np.uint8)
    cv2.fillPoly(fine, [np.round(np.stack([x, y], 1) * FINER).astype(np.int32)], 255)
    return _average(fine)


def disk(side: int, x: float, y: float, radius: float) -> Plane:
    """Coverage of a disk."""
    fine = np.zeros((side * FINER, side * FINER), np.uint8)
    cv2.circle(fine, (round(x * FINER), round(y * FINER)), max(1, round(radius * FINER)), 255, -1)
    return _average(fine)


def stroke(side: int, path: NDArray[np.float64], width: float, strength: NDArray[np.float64] | None = None) -> Plane:
    """Coverage of a line of the given width along (n, 2) points, weighted along its length by `strength`."""
    fine = np.zeros((side * FINER, side * FINER), np.uint8)
    points = np.round(path * FINER).astype(np.int32)
    weights = np.ones(len(path)) if strength is None else np.clip(strength, 0, 1)
    for start, stop, weight in zip(points[:-1], points[1:], weights[:-1], strict=True):
        cv2.line(fine, start.tolist(), stop.tolist(), int(255 * weight), max(1, round(width * FINER)))
    return _average(fine)


def curve(rng: np.random.Generator, length: float, bending: float, step: float = 2.0) -> NDArray[np.float64]:
    """(n, 2) points of a smooth random path of the given length, centred on 0; `bending` in rad per px."""
    steps = max(3, round(length / step))
    turn = np.convolve(rng.normal(0, 1, steps + 8), np.ones(9) / 3, mode="valid")
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(turn) * bending * step
    path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1) * step, axis=0)
    centred: NDArray[np.float64] = path - (path.max(axis=0) + path.min(axis=0)) / 2
    return centred


def along(rng: np.random.Generator, points: int, depth: float) -> NDArray[np.float64]:
    """Strength along a stroke: 1 with slow dips of up to `depth`."""
    slow = np.convolve(rng.uniform(0, 1, points + 10), np.ones(11) / 11, mode="valid")
    slow = (slow - slow.min()) / max(float(np.ptp(slow)), 1e-9)
    weights: NDArray[np.float64] = 1 - depth * slow
    return weights


def _average(fine: NDArray[np.uint8]) -> Plane:
    side = fine.shape[0] // FINER
    return np.asarray(cv2.resize(fine, (side, side), interpolation=cv2.INTER_AREA), dtype=np.float32) / np.float32(255)
