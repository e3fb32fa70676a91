"""What the network sees: aligned template, test, and metal too much or too little beyond a few pixels of play."""

import cv2
import numpy as np
from numpy.typing import NDArray

CHANNELS = 4
_PLAY = np.ones((5, 5), dtype=np.uint8)


def stack_channels(template: NDArray[np.uint8], test: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return (4, H, W) uint8: template, test, extra metal, missing metal (metal dark, grid shared).

    Extra: darker than every template pixel within 2 px; missing: brighter than every one of them. Edges that are
    only etched or registered 2 px aside thus leave nothing.
    """
    extra = cv2.subtract(cv2.erode(template, _PLAY), test)
    missing = cv2.subtract(test, cv2.dilate(template, _PLAY))
    return np.stack([template, test, extra, missing])
