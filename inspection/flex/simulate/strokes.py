"""Forms of defects as coverage maps (0 to 1) on a small window: curves, blobs, slow random fields."""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Map = NDArray[np.float32]
_FINE = 4


def walk(
    rng: Generator, length: float, turn: float, centre: tuple[float, float], heading: float | None = None
) -> NDArray[np.float64]:
    """Return a curve whose direction does a random walk, its middle at ``centre``.

    Parameters
    ----------
    length
        Arc length in px.
    turn
        Change of direction over the whole length, one sigma, in radians; half of it steady, half wandering.
    heading
        Direction at the start in radians; drawn when None.

    Returns
    -------
    (N, 2) points (x, y) about 1 px apart.
    """
    count = max(3, int(np.ceil(length)) + 1)
    step = length / (count - 1)
    steady = rng.normal(0, 0.5 * turn) / count
    wander = rng.normal(0, 0.5 * turn / np.sqrt(count), count - 1)
    start = rng.uniform(0, 2 * np.pi) if heading is None else heading
    direction = start + np.cumsum(steady + wander)
    points = np.concatenate(
        ([(0.0, 0.0)], np.cumsum(np.stack((np.cos(direction), np.sin(direction)), 1) * step, axis=0))
    )
    return np.asarray(points - points[count // 2] + np.asarray(centre), np.float64)


def pressure(rng: Generator, count: int, skips: float) -> NDArray[np.float64]:
    """Return how hard a tool pressed along a scratch (0.15 to 1): slow changes, tapered ends, now and then a skip."""
    knots = rng.uniform(0.55, 1.0, max(3, count // 12 + 2))
    hard = np.interp(np.linspace(0, len(knots) - 1, count), np.arange(len(knots)), knots)
    along = np.linspace(0, 1, count)
    hard *= np.clip(np.minimum(along, 1 - along) / rng.uniform(0.02, 0.2) + 0.3, 0.3, 1)
    if rng.random() < skips:
        hard *= 1 - 0.8 * np.exp(-(((along - rng.uniform(0.2, 0.8)) / rng.uniform(0.02, 0.06)) ** 2))
    return np.asarray(np.clip(hard / hard.max(), 0.15, 1), np.float64)


def stroke(shape: tuple[int, int], points: NDArray[np.float64], width: float, strength: NDArray[np.float64]) -> Map:
    """Return a line ``width`` px wide (may be below 1) along ``points`` with its strength (0 to 1) at each point."""
    canvas = np.zeros((shape[0] * _FINE, shape[1] * _FINE), np.uint8)
    thick = max(1, round(width * _FINE))
    fixed = np.rint(points * _FINE * 8).astype(np.int32)
    order = np.argsort(strength[:-1], kind="stable")
    for n in order:
        a, b = fixed[n], fixed[n + 1]
        cv2.line(canvas, tuple(a.tolist()), tuple(b.tolist()), int(255 * strength[n]), thick, cv2.LINE_8, 3)
    return _coarse(canvas, shape) * np.float32(min(1.0, width * _FINE))


def blob(
    rng: Generator, shape: tuple[int, int], centre: tuple[float, float], radius: float, rough: float = 0.25
) -> Map:
    """Return a filled irregular spot: its outline a circle with random low waves (``rough``: relative sigma)."""
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    r = np.ones_like(angles)
    for wave in range(2, 8):
        r += rng.normal(0, rough / wave) * np.cos(wave * angles + rng.uniform(0, 6.3))
    r = radius * np.clip(r, 0.25, None)
    aspect, turn = rng.uniform(0.65, 1.0), rng.uniform(0, np.pi)
    x, y = r * np.cos(angles), aspect * r * np.sin(angles)
    points = np.stack((x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)), 1) + centre
    return polygon(shape, points)


def polygon(shape: tuple[int, int], points: NDArray[np.float64]) -> Map:
    """Return a filled outline; ``points`` (N, 2) in px."""
    canvas = np.zeros((shape[0] * _FINE, shape[1] * _FINE), np.uint8)
    cv2.fillPoly(canvas, [np.rint(points * _FINE * 8).astype(np.int32)], 255, cv2.LINE_8, 3)
    return _coarse(canvas, shape)


def field(rng: Generator, shape: tuple[int, int], grain: float) -> Map:
    """Return a slow random field, about unit sigma, whose lumps are ``grain`` px across."""
    size = (max(2, int(np.ceil(shape[0] / grain)) + 3), max(2, int(np.ceil(shape[1] / grain)) + 3))
    coarse = rng.standard_normal(size, dtype=np.float32)
    fine = cv2.resize(coarse, (int(size[1] * grain), int(size[0] * grain)), interpolation=cv2.INTER_CUBIC)
    y, x = (int(rng.integers(0, fine.shape[k] - shape[k] + 1)) for k in range(2))
    return np.asarray(fine[y : y + shape[0], x : x + shape[1]] * np.float32(1.25))


def soften(coverage: Map, sigma: float) -> Map:
    """Return the map blurred by ``sigma`` px (unchanged below 0.2)."""
    return coverage if sigma < 0.2 else np.asarray(cv2.GaussianBlur(coverage, (0, 0), sigma))


def _coarse(canvas: NDArray[np.uint8], shape: tuple[int, int]) -> Map:
    small = cv2.resize(canvas, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32) / np.float32(255)
