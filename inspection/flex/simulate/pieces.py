"""Connected pieces of a zone in the window of a place."""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def piece_at(where: Mask, centre: tuple[float, float]) -> Mask | None:
    """Return the connected piece of ``where`` at the centre (x, y), or None when the centre is not in it."""
    x, y = int(centre[0]), int(centre[1])
    if not where[y, x]:
        return None
    _, pieces = cv2.connectedComponents(where.astype(np.uint8), connectivity=4)
    return np.asarray(pieces == pieces[y, x])


def cut_off(piece: Mask) -> bool:
    """Return whether the piece goes on outside of the window."""
    return bool(piece[0].any() or piece[-1].any() or piece[:, 0].any() or piece[:, -1].any())
