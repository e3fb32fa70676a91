"""Seeded drawings of circuit artwork: pours, buses, traces with 45 degree bends, pads, vias (metal is True)."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
METAL = 1


@dataclass(frozen=True, slots=True)
class Artwork:
    """Etched ``metal`` and ``drills``, made in another step and so never quite in register; both (size, size) bool."""

    metal: NDArray[np.bool_]
    drills: NDArray[np.bool_]


def draw_artwork(size_px: int, rng: np.random.Generator) -> Artwork:
    """Draw one board area.

    Widths follow the scale of a 48 px/mm line scan: traces of 0.1 to 0.5 mm, pads of 0.3 to 1.5 mm. Now and then metal
    and gap are exchanged (a negative plane).
    """
    mask, drills = np.zeros((2, size_px, size_px), np.uint8)
    scale = float(rng.uniform(0.7, 1.5))
    for _ in range(rng.poisson(1.2)):
        _pour(mask, rng)
    for _ in range(rng.integers(1, 6)):
        _bus(mask, drills, rng, scale)
    for _ in range(rng.integers(0, 5)):
        _pad_row(mask, rng, scale)
    for _ in range(rng.integers(0, 8)):
        _pad_with_trace(mask, drills, rng, scale)
    if rng.random() < 0.5:
        _vias(mask, drills, rng, scale)
    if rng.random() < 0.15:
        mask = np.asarray(METAL - mask, dtype=np.uint8)
    return Artwork(mask.astype(bool), drills.astype(bool))


def _point(mask: Mask, rng: np.random.Generator) -> NDArray[np.float64]:
    return np.asarray(rng.uniform(-0.05, 1.05, 2) * mask.shape[0])


def _pour(mask: Mask, rng: np.random.Generator) -> None:
    half = rng.uniform(0.1, 0.5, 2) * mask.shape[0]
    centre = _point(mask, rng)
    cut = rng.uniform(0.0, 0.5) * half.min()
    x, y = half
    corners = [(-x + cut, -y), (x, -y), (x, y - cut), (x - cut, y), (-x, y), (-x, -y + cut)]
    cv2.fillPoly(mask, [np.round(centre + corners).astype(np.int32)], METAL)


def _route(start: NDArray[np.float64], length: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Walk in straight legs that turn by 45 degrees."""
    heading = int(rng.integers(8))
    points = [start]
    for _ in range(rng.integers(1, 5)):
        angle = heading * np.pi / 4
        points.append(points[-1] + rng.uniform(0.15, 0.6) * length * np.array([np.cos(angle), np.sin(angle)]))
        heading += int(rng.choice([-1, 1]))
    return np.array(points)


def _offset(route: NDArray[np.float64], distance: float) -> NDArray[np.float64]:
    """Move a route sideways by mitred corners, as the neighbour in a bus runs."""
    legs = np.diff(route, axis=0)
    legs /= np.linalg.norm(legs, axis=1, keepdims=True)
    normals = np.stack([-legs[:, 1], legs[:, 0]], axis=1)
    before, after = np.vstack([normals[:1], normals]), np.vstack([normals, normals[-1:]])
    mitre = (before + after) / (1.0 + (before * after).sum(1, keepdims=True))
    return np.asarray(route + distance * mitre)


def _trace(mask: Mask, route: NDArray[np.float64], width: float, clearance: float) -> None:
    points = [np.round(route).astype(np.int32).reshape(-1, 1, 2)]
    cv2.polylines(mask, points, False, 0, max(round(width + 2 * clearance), 1))
    cv2.polylines(mask, points, False, METAL, max(round(width), 1))


def _bus(mask: Mask, drills: Mask, rng: np.random.Generator, scale: float) -> None:
    width = rng.uniform(5, 16) * scale
    gap = rng.uniform(7, 34) * scale
    route = _route(_point(mask, rng), mask.shape[0], rng)
    for lane in range(rng.integers(1, 7)):
        path = _offset(route, lane * (width + gap))
        _trace(mask, path, width, gap)
        if rng.random() < 0.4:
            _land(mask, drills, path[int(rng.choice([0, -1]))], rng, scale)


def _land(mask: Mask, drills: Mask, centre: NDArray[np.float64], rng: np.random.Generator, scale: float) -> None:
    x, y = (round(float(v)) for v in centre)
    radius = round(rng.uniform(9, 26) * scale)
    kind = rng.integers(3)
    if kind == 0:
        half = np.round(radius * rng.uniform(0.6, 1.4, 2)).astype(int)
        cv2.rectangle(mask, (x - half[0], y - half[1]), (x + half[0], y + half[1]), METAL, -1)
    elif kind == 1:
        cv2.circle(mask, (x, y), radius, METAL, -1)
    else:
        axes = (radius, round(radius * rng.uniform(0.5, 1.0)))
        cv2.ellipse(mask, (x, y), axes, float(rng.choice([0, 90])), 0, 360, METAL, -1)
    if kind and radius > 14 and rng.random() < 0.6:
        cv2.circle(drills, (x, y), round(radius * rng.uniform(0.3, 0.6)), 1, -1)


def _pad_row(mask: Mask, rng: np.random.Generator, scale: float) -> None:
    half = np.round(rng.uniform(7, 26, 2) * scale).astype(int)
    step = np.zeros(2)
    axis = int(rng.integers(2))
    step[axis] = 2 * half[axis] + rng.uniform(8, 40) * scale
    start = _point(mask, rng)
    trace_width = rng.uniform(4, 12) * scale
    for i in range(rng.integers(2, 12)):
        x, y = np.round(start + i * step).astype(int)
        cv2.rectangle(mask, (int(x - half[0]), int(y - half[1])), (int(x + half[0]), int(y + half[1])), METAL, -1)
        if rng.random() < 0.5:
            end = np.array([x, y], float)
            end[1 - axis] += rng.choice([-1, 1]) * rng.uniform(30, 160)
            _trace(mask, np.array([[x, y], end]), trace_width, 0.0)


def _pad_with_trace(mask: Mask, drills: Mask, rng: np.random.Generator, scale: float) -> None:
    start = _point(mask, rng)
    width = rng.uniform(4, 20) * scale
    route = _route(start, mask.shape[0] * 0.6, rng)
    _trace(mask, route, width, rng.uniform(5, 20))
    _land(mask, drills, route[0], rng, scale)
    if rng.random() < 0.5:
        _land(mask, drills, route[-1], rng, scale)


def _vias(mask: Mask, drills: Mask, rng: np.random.Generator, scale: float) -> None:
    radius = round(rng.uniform(5, 11) * scale)
    for _ in range(rng.integers(3, 25)):
        x, y = np.round(_point(mask, rng)).astype(int)
        cv2.circle(mask, (int(x), int(y)), radius + 6, 0, -1)
        cv2.circle(mask, (int(x), int(y)), radius, METAL, -1)
        if rng.random() < 0.3:
            cv2.circle(drills, (int(x), int(y)), max(radius // 2, 2), 1, -1)
