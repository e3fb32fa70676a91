"""What each pixel of a board is made of: the zones in which a defect can lie."""

from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray


class Zone(IntEnum):
    """Value of a pixel in a zone mask (uint8)."""

    OUTSIDE = 0
    SOLDER_MASK = 1
    COPPER = 2
    PAD = 3
    COMPONENT = 4
    BARE = 5


def estimate_zones(image: NDArray[np.uint8], opening_px: int = 5) -> NDArray[np.uint8]:
    """Guess the zones of a board by colour, for boards without a drawing.

    Gold is bright and yellow (red 1.25 to 2.6 times blue), bare copper bright and redder than that, stiffener bright
    and grey; what is darker counts as solder mask. Components are not recognised. "Bright" is brighter than half the
    99th percentile of the red channel.

    Parameters
    ----------
    image
        (H, W, 3) uint8 RGB, best a golden image (mean of registered good boards).
    opening_px
        Spots smaller than this many pixels across are given back to the solder mask.

    Returns
    -------
    (H, W) uint8 of `Zone` values.
    """
    smooth = cv2.medianBlur(image, 5).astype(np.float32)
    red, green, blue = smooth[..., 0], smooth[..., 1], np.maximum(smooth[..., 2], 1.0)
    bright = red > 0.5 * float(np.percentile(red[::4, ::4], 99))
    ratio = red / blue
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (opening_px, opening_px))
    zones = np.full(image.shape[:2], Zone.SOLDER_MASK, np.uint8)
    classes = (
        (Zone.COPPER, bright & (ratio > 2.6)),
        (Zone.BARE, bright & (ratio <= 1.25)),
        (Zone.PAD, bright & (ratio > 1.25) & (ratio <= 2.6) & (green > 0.6 * red)),
    )
    for zone, where in classes:
        zones[cv2.morphologyEx(where.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0] = zone
    return zones
