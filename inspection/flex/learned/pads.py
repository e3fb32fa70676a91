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
from inspection.flex.learned.normality import Normality, edge_play, zscore
from inspection.flex.learned.tiles import Tile, Window, shared_out, tiles
from inspection.flex.simulate.zones import Zone

Float: TypeAlias = NDArray[np.float32]
Image: TypeAlias = NDArray[np.uint8]

LENGTHS_PX = (15, 31)
DIRECTIONS = 16
STRIDE = 2
_EDGE_PX = 2
_STEADY = 4.0
_JOIN_PX = 7
_TILE_PX, _MARGIN_PX = 224, 24
_CLIP_SIGMA = 4.5


@dataclass(frozen=True, slots=True, eq=False)
class PadZone:
    """Where pads are: mask (H, W) uint8 of gold less its edge, and the tiles that hold some of it."""

    mask: NDArray[np.uint8]
    tiles: tuple[Tile, ...]

    @classmethod
    def of(cls, zones: NDArray[np.uint8], spread: NDArray[np.uint8]) -> "PadZone":
        """Return the pad zone of a zone mask (H, W) and the spread (H, W, 3) of `Normality`.

        Gold that varies from board to board far more than most gold does is none: printed letters, which wander.
        """
        gold = (zones == Zone.PAD).astype(np.uint8)
        if gold.any():
            own = cv2.medianBlur(np.ascontiguousarray(spread[..., 0]), 5)
            gold &= (own <= _STEADY * float(np.median(own[gold > 0]))).astype(np.uint8)
        mask = np.asarray(cv2.erode(gold, np.ones((2 * _EDGE_PX + 1,) * 2, np.uint8), borderValue=0), np.uint8)
        joined = cv2.dilate(mask, np.ones((_JOIN_PX, _JOIN_PX), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(joined)
        return cls(mask, tuple(tile for box in stats[1:] for tile in _cover(box, mask)))


def pad_map(board: Image, normality: Normality, zone: PadZone, spread: Float) -> Float:
    """Return the strongest answer of the bank, (H // 2, W // 2) float32; 0 outside pads.

    Parameters
    ----------
    spread
        What each filter answers on good pads, (filters,) float32, see `fit_pads`: the answer is in units of it.
    """
    out = np.zeros((board.shape[0] // STRIDE, board.shape[1] // STRIDE), np.float32)
    filters = line_filters(LENGTHS_PX, DIRECTIONS)

    def judge(tile: Tile) -> Float:
        flat = _flat(board, normality, zone, tile)
        best = np.zeros_like(flat)
        for kernel, width in zip(filters, spread, strict=True):
            answer = cv2.filter2D(flat, cv2.CV_32F, kernel / width, borderType=cv2.BORDER_CONSTANT)
            np.maximum(best, np.abs(answer, out=answer), out=best)
        best = (best * zone.mask[tile.outer])[tile.inner_in_outer()]
        height, width = best.shape[0] // STRIDE, best.shape[1] // STRIDE
        return np.asarray(best.reshape(height, STRIDE, width, STRIDE).max(axis=(1, 3)), np.float32)

    for tile, found in shared_out(judge, zone.tiles):
        window = tile.inner_at(STRIDE)
        out[window] = np.maximum(out[window], found)
    return out


def pad_spread(board: Image, normality: Normality, zone: PadZone) -> Float | None:
    """Return the spread (1.4826 MAD) of each filter's answers on the pads of one board; None without pads."""
    filters = line_filters(LENGTHS_PX, DIRECTIONS)

    def sample(tile: Tile) -> Float:
        flat, here = _flat(board, normality, zone, tile), zone.mask[tile.outer] > 0
        answers = [
            cv2.filter2D(flat, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)[here][::7] for kernel in filters
        ]
        return np.asarray(answers, np.float32)

    seen = [answers for _, answers in shared_out(sample, zone.tiles)]
    if not seen:
        return None
    return np.asarray(1.4826 * np.median(np.abs(np.concatenate(seen, axis=1)), axis=1), np.float32)


def fit_pads(spreads: list[Float]) -> Float:
    """Return the median over boards of `pad_spread`, (filters,) float32; without pads, ones."""
    if not spreads:
        return np.ones(len(LENGTHS_PX) * DIRECTIONS, np.float32)
    return np.asarray(np.maximum(np.median(spreads, axis=0), 1e-3), np.float32)


def _flat(board: Image, normality: Normality, zone: PadZone, tile: Tile) -> Float:
    """Return the brightness on pads in standard deviations, each pad less its median, (h, w); 0 outside pads."""
    window = tile.outer
    mask = zone.mask[window]
    expected = normality.part(window)
    scores = zscore(board[window], expected)[..., 0] * edge_play(expected)
    flat = np.zeros_like(scores)
    _, pads = cv2.connectedComponents(mask)
    for pad in range(1, int(pads.max()) + 1):
        here = pads == pad
        flat[here] = np.clip(scores[here] - np.median(scores[here]), -_CLIP_SIGMA, _CLIP_SIGMA)
    return flat


def _cover(box: NDArray[np.int32], mask: NDArray[np.uint8]) -> Iterator[Tile]:
    """Yield tiles over a group of pads; a group is judged by itself, so only what is cut through needs a margin."""
    left, top, width, height = (int(v) for v in box[:4])
    top, left = top // STRIDE * STRIDE, left // STRIDE * STRIDE
    bottom = min(mask.shape[0], top + height + STRIDE) // STRIDE * STRIDE
    right = min(mask.shape[1], left + width + STRIDE) // STRIDE * STRIDE
    for tile in tiles((bottom - top, right - left), _TILE_PX, _MARGIN_PX):
        moved = Tile(_moved(tile.inner, top, left), _moved(tile.outer, top, left))
        if mask[moved.inner].any():
            yield moved


def _moved(window: Window, rows: int, columns: int) -> Window:
    return (
        slice(window[0].start + rows, window[0].stop + rows),
        slice(window[1].start + columns, window[1].stop + columns),
    )
