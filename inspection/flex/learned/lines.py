"""Filters along lines."""

from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Float: TypeAlias = NDArray[np.float32]

_NARROW_PX, _WIDE_PX = 0.9, 3.5


@lru_cache(maxsize=4)
def line_filters(lengths_px: tuple[int, ...], directions: int) -> tuple[Float, ...]:
    """Return filters of unit norm and zero sum: a narrow Gaussian less a wide one across, a soft box along."""
    return tuple(_line_filter(length, np.pi * k / directions) for length in lengths_px for k in range(directions))


def _line_filter(length: int, angle: float) -> Float:
    reach = length // 2 + 8
    x, y = np.meshgrid(np.arange(-reach, reach + 1), np.arange(-reach, reach + 1))
    along = x * np.cos(angle) + y * np.sin(angle)
    off = -x * np.sin(angle) + y * np.cos(angle)
    taper = 1 / (1 + np.exp((np.abs(along) - length / 2) / 0.8))
    narrow, wide = (np.exp(-0.5 * (off / width) ** 2) / width for width in (_NARROW_PX, _WIDE_PX))
    kernel = taper * (narrow - wide)
    kernel -= kernel.mean()
    return np.asarray(kernel / np.sqrt(np.square(kernel).sum()), np.float32)


@lru_cache(maxsize=4)
def segments(steps: int, directions: int) -> tuple[Float, ...]:
    """Return filters of unit sum, (steps, steps): the mean along a segment of so many steps about each place."""
    return tuple(_segment(steps, np.pi * k / directions) for k in range(directions))


def _segment(steps: int, angle: float) -> Float:
    kernel = np.zeros((steps, steps), np.float32)
    middle = (steps - 1) / 2
    across, down = np.cos(angle) * middle, np.sin(angle) * middle
    ends = [(round(middle + sign * across), round(middle + sign * down)) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    return np.asarray(kernel / kernel.sum(), np.float32)
