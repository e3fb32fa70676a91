"""The line around the suspect regions of a picture."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from dqm.its.drawing_colours import HALO, LINE, Bytes
from dqm.its.drawing_layout import WIDTH, boxes, height

MOST = 12
_MARGIN = 8


def marks(regions: Iterable[tuple[Sequence[int], bool]]) -> Bytes | None:
    """Return the lines around regions as palette places on an empty picture, None if there is no region.

    Each region is its cells and whether it is an alarm; the line around one that is none is thin.
    """
    outlined = [(cells, alarm) for cells, alarm in regions if cells][:MOST]
    if not outlined:
        return None
    canvas = np.zeros((height(), WIDTH), np.uint8)
    for cells, alarm in outlined[::-1]:
        _outline(canvas, cells, 5 if alarm else 3)
    return canvas


def _outline(canvas: Bytes, cells: Sequence[int], thick: int) -> None:
    """Draw a dark line with a bright halo around the cells; 5 is two pixels each, 3 is one."""
    own = boxes()[list(cells)]
    low, high = own[:, :2].min(axis=0), (own[:, :2] + own[:, 2:]).max(axis=0)
    origin = np.maximum(low - _MARGIN, 0)
    part = canvas[origin[1] : high[1] + _MARGIN, origin[0] : high[0] + _MARGIN]
    mask = np.zeros(part.shape, np.uint8)
    for left, top, width, tall in (own - np.append(origin, (0, 0))).tolist():
        mask[top : top + tall, left : left + width] = 1
    inside = cv2.dilate(mask, np.ones((3, 3), np.uint8))
    line = cv2.dilate(inside, np.ones((thick, thick), np.uint8))
    halo = cv2.dilate(line, np.ones((thick, thick), np.uint8))
    part[halo != line] = HALO
    part[line != inside] = LINE
