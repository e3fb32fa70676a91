"""Per-position normality: how bright and how variable good boards are at every pixel.

Differences are taken in three opponent channels (DN): brightness ``Y = (R + G + B) / 3``, ``C1 = (R - B) / 2`` and
``C2 = G / 2 - (R + B) / 4``, so that a stain which only changes colour is seen beside the noise of brightness.

The variance at a pixel is that of the good boards, winsorised at four standard deviations (a speck of dust on one of
them must not widen the band for ever), shrunk to its neighbourhood with the weight of ``_PRIOR_BOARDS`` boards, and
never below the digitisation noise. For calibration and training each board is judged by the statistics of the
*other* boards (exact leave-one-out from sums), as an unseen board would be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Float: TypeAlias = NDArray[np.float32]
Image: TypeAlias = NDArray[np.uint8]

OPPONENT = np.array([[1 / 3, 1 / 3, 1 / 3], [0.5, 0.0, -0.5], [-0.25, 0.5, -0.25]], np.float32)
SPREAD_STEPS_PER_DN = 8
_PRIOR_BOARDS = 6.0
_NOISE_DN2 = 0.5
_WINSOR_SIGMA = 4.0
_STRIP = 256
EDGE_SHIFT_PX = 0.5
_EDGE_KERNEL = np.ones((5, 5), np.uint8)
_EDGE_AREA_PX = 257
_EDGE_FLOOR_DN4 = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Normality:
    """What good boards look like.

    Parameters
    ----------
    golden
        (H, W, 3) uint8 RGB: mean of the good boards on the grid of the reference.
    spread
        (H, W, 3) uint8: standard deviation of the opponent channels in 1/8 DN.
    """

    golden: Image
    spread: Image

    def part(self, window: tuple[slice, slice]) -> "Normality":
        """Return the same for a window."""
        return Normality(self.golden[window], self.spread[window])


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums over good boards of the winsorised opponent differences to ``golden``: enough to leave one out."""

    golden: Image
    first: Float
    second: Float
    count: int
    limit: Float
    play: Float

    def add_up(self, board: Image, sign: float = 1.0) -> "Sums":
        """Return the sums with one board more (or less, ``sign=-1``)."""
        part = np.clip(difference(board, self.golden), -self.limit, self.limit)
        return Sums(
            self.golden,
            self.first + sign * part,
            self.second + sign * part * part,
            self.count + int(sign),
            self.limit,
            self.play,
        )

    def without(self, board: Image) -> Normality:
        """Return the normality of the other boards."""
        return self.add_up(board, -1.0).normality()

    def normality(self) -> Normality:
        """Return mean and spread."""
        mean, variance = self.moments()
        around = cv2.blur(variance, (5, 5))
        shrunk = (self.count * variance + _PRIOR_BOARDS * around) / (self.count + _PRIOR_BOARDS) + _NOISE_DN2
        shrunk = np.maximum(shrunk, self.play * _squared_steps(self.golden))
        shift = cv2.transform(mean, np.linalg.inv(OPPONENT).astype(np.float32))
        golden = np.clip(np.rint(self.golden + shift), 0, 255).astype(np.uint8)
        coded = np.clip(np.rint(np.sqrt(shrunk) * SPREAD_STEPS_PER_DN), 1, 255).astype(np.uint8)
        return Normality(golden, coded)

    def moments(self) -> tuple[Float, Float]:
        """Return mean and variance of the differences, (H, W, 3) float32 each."""
        mean = np.asarray(self.first / self.count, np.float32)
        variance = np.maximum(self.second / self.count - mean * mean, 0) * (self.count / max(1, self.count - 1))
        return mean, np.asarray(variance, np.float32)

    def part(self, window: tuple[slice, slice]) -> "Sums":
        """Return the sums of a window."""
        first, second, limit, play = (one[window] for one in (self.first, self.second, self.limit, self.play))
        return Sums(self.golden[window], first, second, self.count, limit, play)


def difference(board: Image, golden: Image) -> Float:
    """Return ``board - golden`` in opponent channels, (H, W, 3) float32 DN."""
    change = cv2.subtract(board, golden, dtype=cv2.CV_32F)
    return np.asarray(cv2.transform(change, OPPONENT), np.float32)


def zscore(board: Image, normality: Normality) -> Float:
    """Return the difference to the golden board in standard deviations, (H, W, 3) float32 opponent channels."""
    return in_sigma(difference(board, normality.golden), normality)


def in_sigma(change: Float, normality: Normality) -> Float:
    """Return a difference to the golden board, (H, W, 3) float32 DN, in standard deviations."""
    spread = normality.spread.astype(np.float32)
    return np.asarray(cv2.divide(change, spread, scale=SPREAD_STEPS_PER_DN), np.float32)


def edge_share(variance: Float, golden: Image) -> Float:
    """Return by which share of its step an edge of the golden board varies from board to board, squared, (H, W, 3).

    Coverlay, stiffener and print are placed piece by piece and panel by panel: that the few boards at hand agree about
    one stretch of an edge does not mean that the next will. So every edge is expected to wander as much as the edges
    around it do: variance against the squared step, by least squares over some hundred pixels.
    """
    square = _squared_steps(golden)
    area = (_EDGE_AREA_PX, _EDGE_AREA_PX)
    share = cv2.blur(variance * square, area) / (cv2.blur(square * square, area) + _EDGE_FLOOR_DN4)
    return np.asarray(share, np.float32)


def _squared_steps(golden: Image) -> Float:
    """Return the squared range of each opponent channel within two pixels, (H, W, 3) float32 DN^2."""
    channels = cv2.transform(golden.astype(np.float32), OPPONENT)
    return np.asarray(np.square(cv2.dilate(channels, _EDGE_KERNEL) - cv2.erode(channels, _EDGE_KERNEL)), np.float32)


def edge_play(normality: Normality) -> Float:
    """Return by how much a score shrinks if edges may lie `EDGE_SHIFT_PX` aside, (H, W) float32, 1 on plain ground.

    Coverlay and stiffener are placed by hand and gold is etched: their edges wander from panel to panel, and a line
    filter would take each for a scratch.
    """
    grey = cv2.cvtColor(normality.golden, cv2.COLOR_RGB2GRAY)
    slope = cv2.magnitude(cv2.Scharr(grey, cv2.CV_32F, 1, 0), cv2.Scharr(grey, cv2.CV_32F, 0, 1)) / 32
    shifted = cv2.dilate(slope, _EDGE_KERNEL) * np.float32(EDGE_SHIFT_PX)
    own = normality.spread[..., 0].astype(np.float32) / SPREAD_STEPS_PER_DN
    return np.asarray(own / cv2.magnitude(own, shifted), np.float32)


def median_board(boards: Sequence[Image] | NDArray[np.uint8]) -> Image:
    """Return the per-pixel median of aligned boards, in strips to bound memory."""
    first = boards[0]
    out = np.empty_like(first)
    for top in range(0, first.shape[0], _STRIP):
        strip = np.stack([board[top : top + _STRIP] for board in boards])
        out[top : top + _STRIP] = np.median(strip, axis=0).astype(np.uint8)
    return out


def sum_up(boards: Sequence[Image] | NDArray[np.uint8], golden: Image) -> Sums:
    """Return the sums over normalised boards (two passes: spread first, then winsorised sums)."""
    height, width = golden.shape[:2]
    spread = np.zeros((height, width, 3), np.float32)
    for top in range(0, height, _STRIP):
        part = slice(top, top + _STRIP)
        changes = np.stack([np.abs(difference(np.asarray(board[part]), golden[part])) for board in boards])
        spread[part] = 1.4826 * np.median(changes, axis=0)
    variance = cv2.blur(spread * spread, (5, 5)) + spread * spread + _NOISE_DN2
    limit = np.asarray(_WINSOR_SIGMA * np.sqrt(variance), np.float32)
    zero = np.zeros_like(spread)
    total = Sums(golden, zero, zero.copy(), 0, limit, zero)
    for board in boards:
        total = total.add_up(np.asarray(board))
    return replace(total, play=edge_share(total.moments()[1], golden))
