"""The pad zone: hairline scratches on gold wire-bond pads, found by matched filters along lines.

A hairline is one to three pixels wide and hardly stronger than the grain of the gold, but it goes on for tens of
pixels. The best linear detector of a known line in noise is its matched filter (North 1943); direction and length are
not known, so a bank of them is applied to the brightness in standard deviations and the strongest answer counts, in
units of what that filter answers on good pads. The profile across the line is a narrow Gaussian less a wide one, so
that a pad that is brighter as a whole gives nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.flex.learned.lines import line_filters
from inspection.flex.learned.normality import Normality, zscore
from inspection.flex.simulate.zones import Zone

Float: TypeAlias = NDArray[np.float32]
Image: TypeAlias = NDArray[np.uint8]

LENGTHS_PX = (15, 31)
DIRECTIONS = 16
STRIDE = 2
_EDGE_PX = 2
_JOIN_PX = 24
_CLIP_SIGMA = 4.5


@dataclass(frozen=True, slots=True, eq=False)
class PadZone:
    """Where pads are: mask (H, W) uint8 of gold less its edge, and the windows that hold all of it."""

    mask: NDArray[np.uint8]
    windows: tuple[tuple[slice, slice], ...]

    @classmethod
    def of(cls, zones: NDArray[np.uint8]) -> "PadZone":
        """Return the pad zone of a zone mask."""
        gold = (zones == Zone.PAD).astype(np.uint8)
        mask = np.asarray(cv2.erode(gold, np.ones((2 * _EDGE_PX + 1,) * 2, np.uint8), borderValue=0), np.uint8)
        joined = cv2.dilate(mask, np.ones((_JOIN_PX, _JOIN_PX), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(joined)
        windows = [_even(box, zones.shape) for box in stats[1:]]
        return cls(mask, tuple(w for w in windows if mask[w].any()))


def pad_map(board: Image, normality: Normality, zone: PadZone, spread: Float) -> Float:
    """Return the strongest answer of the bank, (H // 2, W // 2) float32; 0 outside pads.

    Parameters
    ----------
    spread
        What each filter answers on good pads, (filters,) float32, see `fit_pads`: the answer is in units of it.
    """
    out = np.zeros((board.shape[0] // STRIDE, board.shape[1] // STRIDE), np.float32)
    for window, answers in _answers(board, normality, zone):
        best = np.abs(answers / spread[:, None, None]).max(axis=0) * zone.mask[window]
        rows, columns = (slice(part.start // STRIDE, part.stop // STRIDE) for part in window)
        height, width = best.shape[0] // STRIDE, best.shape[1] // STRIDE
        pooled = best[: height * STRIDE, : width * STRIDE].reshape(height, STRIDE, width, STRIDE).max(axis=(1, 3))
        out[rows, columns] = np.maximum(out[rows, columns], pooled)
    return out


def pad_spread(board: Image, normality: Normality, zone: PadZone) -> Float | None:
    """Return the spread (1.4826 MAD) of each filter's answers on the pads of one board; None without pads."""
    seen = [answers[:, zone.mask[window] > 0][:, ::7] for window, answers in _answers(board, normality, zone)]
    if not seen:
        return None
    joined = np.concatenate(seen, axis=1)
    return np.asarray(1.4826 * np.median(np.abs(joined), axis=1), np.float32)


def fit_pads(spreads: list[Float]) -> Float:
    """Return the median over boards of `pad_spread`, (filters,) float32; without pads, ones."""
    if not spreads:
        return np.ones(len(LENGTHS_PX) * DIRECTIONS, np.float32)
    return np.asarray(np.maximum(np.median(spreads, axis=0), 1e-3), np.float32)


def _answers(board: Image, normality: Normality, zone: PadZone) -> Iterator[tuple[tuple[slice, slice], Float]]:
    """Yield each window with the answers of the bank there, (filters, h, w)."""
    filters = line_filters(LENGTHS_PX, DIRECTIONS)
    for window in zone.windows:
        mask = zone.mask[window]
        scores = zscore(board[window], Normality(normality.golden[window], normality.spread[window]))[..., 0]
        level = float(np.median(scores[mask > 0]))
        flat = np.clip(scores - level, -_CLIP_SIGMA, _CLIP_SIGMA) * mask
        answers = [cv2.filter2D(flat, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT) for kernel in filters]
        yield window, np.stack(answers)


def _even(box: NDArray[np.int32], shape: tuple[int, ...]) -> tuple[slice, slice]:
    left, top, width, height = (int(v) for v in box[:4])
    rows = slice(top // 2 * 2, min(shape[0] // 2 * 2, top + height + 1))
    columns = slice(left // 2 * 2, min(shape[1] // 2 * 2, left + width + 1))
    return rows, columns
