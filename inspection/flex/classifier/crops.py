"""What the classifier looks at: a region of the board, the same place of the golden board, and the pads there."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 64
CHANNELS = 8
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """One suspect region.

    ``pixels`` (8, 64, 64) uint8: board RGB, golden RGB, wire-bond pads (255), the region's box (255);
    ``scale`` log2 of how many board pixels one crop pixel is wide.
    """

    pixels: NDArray[np.uint8] = field(repr=False)
    scale: float


def cut(board: NDArray[np.uint8], golden: NDArray[np.uint8], pads: NDArray[np.bool_], box: Box) -> Crop:
    """Cut one region.

    Parameters
    ----------
    board
        (H, W, 3) uint8 RGB, laid on the golden board.
    golden
        (H, W, 3) uint8 RGB.
    pads
        (H, W) bool, true on wire-bond pads.
    box
        ``x, y, width, height`` of the region in px. The crop is square and shows at least 64 px, and 1.4 times the
        longer side of the box plus 12 px; beyond the edge of the board its last pixels are repeated.
    """
    x, y, width, height = box
    side = max(SIDE, round(1.4 * max(width, height) + 12))
    x0, y0 = round(x + width / 2 - side / 2), round(y + height / 2 - side / 2)
    region = np.zeros((side, side), np.uint8)
    region[max(y - y0, 0) : max(y - y0 + height, 0), max(x - x0, 0) : max(x - x0 + width, 0)] = 255
    marked = _window(np.asarray(pads, np.bool_).view(np.uint8), x0, y0, side) * np.uint8(255)
    planes = np.dstack((_window(board, x0, y0, side), _window(golden, x0, y0, side), marked, region))
    if side != SIDE:
        planes = np.dstack(
            [
                cv2.resize(np.ascontiguousarray(planes[..., part]), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
                for part in (slice(0, 4), slice(4, 8))
            ]
        )
    return Crop(np.ascontiguousarray(planes.transpose(2, 0, 1), np.uint8), float(np.log2(side / SIDE)))


def stack(crops: Sequence[Crop]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the crops as the network takes them: (N, 8, 64, 64) uint8 and (N, 1) float32."""
    if not crops:
        return np.zeros((0, CHANNELS, SIDE, SIDE), np.uint8), np.zeros((0, 1), np.float32)
    return np.stack([crop.pixels for crop in crops]), np.array([[crop.scale] for crop in crops], np.float32)


def _window(image: NDArray[np.uint8], x0: int, y0: int, side: int) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    rows = np.clip(np.arange(y0, y0 + side), 0, height - 1)
    columns = np.clip(np.arange(x0, x0 + side), 0, width - 1)
    if x0 >= 0 and y0 >= 0 and x0 + side <= width and y0 + side <= height:
        return image[y0 : y0 + side, x0 : x0 + side]
    return np.asarray(image[rows[:, None], columns[None, :]], np.uint8)
