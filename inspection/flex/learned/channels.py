"""What the spot network sees of a board: residuals, golden board and context, scaled to about unit size."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.flex.learned.normality import Normality, difference, in_sigma

Float: TypeAlias = NDArray[np.float32]


def image_channels(board: NDArray[np.uint8], normality: Normality) -> Float:
    """Return (7, H, W) float32: three opponent z-scores, brightness difference, golden RGB."""
    out = np.empty((7, *board.shape[:2]), np.float32)
    change = difference(board, normality.golden)
    scores = in_sigma(change, normality) / 4
    for channel in range(3):
        np.clip(cv2.extractChannel(scores, channel), -15 / 4, 15 / 4, out=out[channel])
        np.divide(cv2.extractChannel(normality.golden, channel), np.float32(128), out=out[4 + channel])
    out[3] = np.clip(cv2.extractChannel(change, 0), -60, 60) / 20
    out[4:] -= 1
    return out


def coarse_channels(context: Float, rebuilt: Float) -> Float:
    """Return (2, H/4, W/4) float32 of the context surprise and the autoencoder's standardised error."""
    return np.stack([np.log1p(context) - 0.7, np.clip(rebuilt, -4, 12) / 4]).astype(np.float32)
