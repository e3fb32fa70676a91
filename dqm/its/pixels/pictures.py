"""The chips of one run side by side, drawn at detection time."""

import cv2
import numpy as np

from core.verdict import Evidence
from dqm.its.pixels.chip import COLUMNS, ROWS
from dqm.its.pixels.hits import Hits
from dqm.its.pixels.regions import Judged

SCALE = 4
"""Pixels of the chip along a side of one pixel of the picture."""
MAX_CHIPS = 12
_GAP = 6
_HEAD = 18
"""Pixels above each chip, for its name."""
_THUMBNAIL_WIDTH = 192
_NEW, _KNOWN = (60, 60, 235), (60, 170, 230)  # blue, green, red
_NAME = (190, 190, 190)
_HEIGHT, _WIDTH = ROWS // SCALE, COLUMNS // SCALE


def evidence(hits: Hits, found: list[Judged]) -> dict[str, Evidence]:
    """Return ``occupancy``, hits per 4 x 4 pixels of 12 chips at most, new defects in red, known ones in yellow.

    ``thumbnail`` is the same, small.
    """
    planes = sorted(hits.planes, key=lambda plane: (not any(_on(plane, one) for one in found), plane))[:MAX_CHIPS]
    planes.sort()
    rows = (len(planes) + 1) // 2
    canvas = np.full((rows * (_HEAD + _HEIGHT) + _GAP, 2 * (_WIDTH + _GAP) + _GAP, 3), 40, dtype=np.uint8)
    for number, plane in enumerate(planes):
        top, left = _HEAD + number // 2 * (_HEAD + _HEIGHT), _GAP + number % 2 * (_WIDTH + _GAP)
        cv2.putText(canvas, f"plane {plane}", (left, top - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _NAME, 1, cv2.LINE_AA)
        canvas[top : top + _HEIGHT, left : left + _WIDTH] = _chip(hits, plane)[..., None]
        for one in found:
            if _on(plane, one):
                _outline(canvas, one, top, left)
    size = (_THUMBNAIL_WIDTH, round(_THUMBNAIL_WIDTH * canvas.shape[0] / canvas.shape[1]))
    small = cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)
    return {"occupancy": _png(canvas), "thumbnail": _png(small)}


def _png(canvas: np.ndarray) -> Evidence:
    return Evidence(cv2.imencode(".png", canvas, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes(), "image/png")


def _on(plane: int, one: Judged) -> bool:
    return one.region.where["plane"] == plane


def _chip(hits: Hits, plane: int) -> np.ndarray:
    own = hits.plane == plane
    cell = hits.row[own] // SCALE * _WIDTH + hits.column[own] // SCALE
    count = np.bincount(cell, minlength=_HEIGHT * _WIDTH).reshape(_HEIGHT, _WIDTH)
    shade = np.where(count > 0, 90 + 80 * np.log2(1 + count), 0)
    return np.asarray(np.minimum(shade, 255)[::-1].astype(np.uint8))


def _outline(canvas: np.ndarray, one: Judged, top: int, left: int) -> None:
    where = one.region.where
    column, row, columns, rows = (int(where[name]) for name in ("column", "row", "columns", "rows"))
    first = (left + column // SCALE - 2, top + _HEIGHT - 1 - (row + rows - 1) // SCALE - 2)
    last = (left + (column + columns - 1) // SCALE + 2, top + _HEIGHT - 1 - row // SCALE + 2)
    cv2.rectangle(canvas, first, last, _KNOWN if one.known else _NEW)
