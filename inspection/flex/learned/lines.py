"""Long faint lines anywhere on the board: scratches in the solder mask, fibres.

The same idea as in the pad zone (`inspection.flex.learned.pads`) at half the resolution: matched filters along lines in
eight directions on the brightness in standard deviations, clipped so that a bright speck cannot pass for a line.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.flex.learned.tiles import shared_out

Float: TypeAlias = NDArray[np.float32]

LENGTHS_PX = (31,)
DIRECTIONS = 10
CLIP_SIGMA = 3.0
_NARROW_PX, _WIDE_PX = 0.9, 3.5
_AROUND_PX = 15


def line_map(scores: Float) -> Float:
    """Return the strongest answer of the filters, (h, w) float32.

    Parameters
    ----------
    scores
        (h, w) float32: brightness in standard deviations at half the resolution of the board.
    """
    clipped = np.clip(scores, -CLIP_SIGMA, CLIP_SIGMA)
    best = np.zeros_like(clipped)

    def answer(kernel: Float) -> Float:
        return np.abs(cv2.filter2D(clipped, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE))

    for _, found in shared_out(answer, line_filters(LENGTHS_PX, DIRECTIONS)):
        np.maximum(best, found, out=best)
    return best


def fit_lines(maps: Iterable[Float]) -> Float:
    """Return what good boards answer at each place, (h, w) float32: half the local, half the overall mean square."""
    total: Float | None = None
    count = 0
    for one in maps:
        limit = 9 * float(np.median(np.square(one)))
        square = np.minimum(np.square(one), limit)
        total = square if total is None else total + square
        count += 1
    if total is None:
        raise ValueError("no good board")
    mean = total / count
    local = cv2.blur(mean, (_AROUND_PX, _AROUND_PX))
    return np.asarray(np.sqrt(0.5 * local + 0.5 * np.median(mean) + 1e-6), np.float32)


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
