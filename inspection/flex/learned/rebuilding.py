"""The autoencoder's part: how badly a board is rebuilt, against how badly good boards are at the same place."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.inference import Session
from inspection.flex.learned.tiles import Tile, shared_out, tiles

Float: TypeAlias = NDArray[np.float32]
Image: TypeAlias = NDArray[np.uint8]

_TILE = 512
_MARGIN = 32
_PRIOR_BOARDS = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class Rebuilding:
    """Mean and standard deviation of the error on good boards, (H/4, W/4) float."""

    mean: NDArray[np.floating]
    spread: NDArray[np.floating]

    def standardise(self, error: Float) -> Float:
        """Return the error in standard deviations above its mean."""
        return np.asarray((error - self.mean) / self.spread, np.float32)


def halved(board: Image) -> Image:
    """Return the board at half its resolution, cut to a multiple of 8 by replication."""
    height, width = board.shape[0] // 2, board.shape[1] // 2
    half = cv2.resize(board, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.copyMakeBorder(half, 0, -height % 8, 0, -width % 8, cv2.BORDER_REPLICATE), np.uint8)


def scaled(picture: Image) -> Float:
    """Return what the autoencoder sees, (1, 3, h, w) float32 of about unit size."""
    return np.asarray(picture.transpose(2, 0, 1)[None], np.float32, order="C") / np.float32(64) - np.float32(1)


def rebuild_error(board: Image, session: Session) -> Float:
    """Return the root mean square rebuilding error, (ceil(H/4), ceil(W/4)) float32.

    Parameters
    ----------
    board
        (H, W, 3) uint8 RGB; the autoencoder sees it at half its resolution.
    """
    half = halved(board)
    error: Float = np.empty(half.shape[:2], np.float32)

    def rebuild(tile: Tile) -> Float:
        picture = scaled(half[tile.outer])
        change = session.run({"image": picture})["rebuilt"] - picture
        return np.asarray(np.square(change[0]).mean(axis=0)[tile.inner_in_outer()], np.float32)

    for tile, squares in shared_out(rebuild, tiles((half.shape[0], half.shape[1]), _TILE, _MARGIN)):
        error[tile.inner] = squares
    error = np.asarray(cv2.blur(error, (3, 3)), np.float32)[: board.shape[0] // 2, : board.shape[1] // 2]
    size = (-(-board.shape[1] // 4), -(-board.shape[0] // 4))
    return np.asarray(np.sqrt(cv2.resize(error, size, interpolation=cv2.INTER_AREA)), np.float32)


def fit_rebuilding(first: Float, second: Float, count: int) -> Rebuilding:
    """Return mean and spread from the sums of errors and squared errors over ``count`` good boards."""
    mean = first / count
    variance: Float = np.asarray(np.maximum(second / count - mean * mean, 0) * (count / max(1, count - 1)), np.float32)
    around = np.asarray(cv2.blur(variance, (9, 9)), np.float32)
    shrunk = (count * variance + _PRIOR_BOARDS * around) / (count + _PRIOR_BOARDS)
    return Rebuilding(mean, np.sqrt(shrunk + 0.05 * float(np.median(variance)) + 1e-6).astype(np.float32))
