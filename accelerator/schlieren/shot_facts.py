"""What can be said of a picture before any model is asked: light, noise, saturation, hot pixels, and how much is seen.

All in ADU of a 12-bit camera: pictures of 8 or 16 bits are scaled.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.features import OFFSET_ADU, compressed
from core.observation import Array

Floats = NDArray[np.float64]
_BITS = 12
_HOT_SIGMA, _HOT_ADU = 12.0, 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """A picture, compressed, and plain facts of it.

    Parameters
    ----------
    cells
        Compressed picture in ADU of 12 bits (256, 16).
    covered
        Share of the field of view that the picture covers.
    saturated
        Share of pixels at the end of the converter's range.
    brightest_adu, dark_adu
        Light of the brightest cells above the dark level, and the level of the darkest.
    dark_noise_adu, grain
        Noise of a pixel (standard deviation) in the darkest cells, and in the brightest as a share of their light.
    hot
        How many single pixels stand out from those around them.
    """

    cells: Floats
    covered: float
    saturated: float
    brightest_adu: float
    dark_adu: float
    dark_noise_adu: float
    grain: float
    hot: int


def look(image: Array, pixel_um: float, bits: int) -> Facts:
    """Return the facts of a picture.

    Parameters
    ----------
    image
        Counts (rows, columns).
    pixel_um
        Side of a pixel at the channel.
    bits
        Of the converter.

    Raises
    ------
    ValueError
        If the size of a pixel is not positive.
    """
    scale = 2.0 ** (_BITS - bits)
    whole = np.asarray(image, np.float32) * np.float32(scale)
    cells, covered = compressed(whole, pixel_um)
    noise, level = _noise(whole)
    light = cells - OFFSET_ADU
    low, high = np.quantile(level, (0.15, 0.9))
    dark, bright = level <= low, level >= high
    lit = max(float(np.median(level[bright])) - OFFSET_ADU, 1.0)
    dark_noise = float(np.median(noise[dark]))
    return Facts(
        cells=cells,
        covered=covered,
        saturated=float(np.mean(image >= 2**bits - 1)),
        brightest_adu=float(np.quantile(light, 0.99)),
        dark_adu=float(np.quantile(cells, 0.02)),
        dark_noise_adu=dark_noise,
        grain=float(np.median(noise[bright])) / lit,
        hot=_hot(whole, dark_noise),
    )


def _noise(whole: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Noise and level of tiles: differences of neighbours along the channel, where the picture changes slowly."""
    rows, columns = (side // 8 for side in whole.shape)
    tiled = whole[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8)
    differences = tiled[..., 1::2] - tiled[..., ::2]
    noise = np.sqrt((differences**2).mean((1, 3), dtype=np.float64) / 2)
    return noise, tiled.mean((1, 3), dtype=np.float64)


def _hot(whole: NDArray[np.float32], noise_adu: float) -> int:
    around = cv2.medianBlur(whole, 3)
    above = whole - around
    out = above > _HOT_ADU
    spread = _HOT_SIGMA * np.hypot(noise_adu, 0.04 * (around[out] - OFFSET_ADU))
    return int(np.count_nonzero(above[out] > spread))
