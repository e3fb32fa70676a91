"""Where a product is judged: the part itself, not the panel, the jig or the markings around it.

What surrounds a part differs with its place on the panel (markings, coupons, neighbours), so good boards taught from
some places say nothing about the others; and nobody is paid for a stain on the offcut. The part is found on the golden
board where what surrounds it is unmistakable, otherwise everything is judged and an expert can give a mask.
"""

from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from inspection.flex.images import read_image
from inspection.flex.simulate.zones import Zone, estimate_zones

Mask: TypeAlias = NDArray[np.bool_]

FRAME_SHARE = 0.02
"""Width of the frame of the picture in which the surroundings are looked for, of its shorter side."""
PANEL_OF_FRAME, DESK_OF_FRAME = 0.2, 0.9
"""Least share of the frame that bare copper of a panel, or one colour of a desk, must take."""
DESK_STEPS = 18.0
"""Distance in CIE Lab (OpenCV's 8-bit steps) within which a pixel has the colour of the desk."""
OPENING_SHARE = 0.024
"""Width of bridges and printed markings that are cut off the part, of the shorter side."""
LEAST_PART, MOST_PART = 0.2, 0.97


def judged_zones(golden: NDArray[np.uint8], region: Mask | None = None) -> NDArray[np.uint8]:
    """Return the zones of a board, (H, W) uint8 of `Zone` values, `Zone.OUTSIDE` where it is not judged.

    Parameters
    ----------
    golden
        (H, W, 3) uint8 RGB.
    region
        Where to judge, (H, W) bool; found on the golden board if None.
    """
    zones = estimate_zones(golden)
    zones[~(find_region(golden, zones) if region is None else region)] = Zone.OUTSIDE
    return zones


def find_region(golden: NDArray[np.uint8], zones: NDArray[np.uint8]) -> Mask:
    """Return where boards of a product are judged, (H, W) bool: the part, or everything where none is made out.

    Parameters
    ----------
    golden
        (H, W, 3) uint8 RGB.
    zones
        (H, W) uint8 of `Zone` values, as `estimate_zones` gives.
    """
    for around in (_panel(zones), _desk(golden)):
        if around is not None:
            part = _part(around)
            if LEAST_PART <= part.mean() <= MOST_PART:
                return part
    return np.ones(zones.shape, np.bool_)


def read_region(path: Path, shape: tuple[int, int], max_megapixels: float = 64.0) -> Mask:
    """Return a mask that an expert painted over the reference photo: judged where it is bright, (H, W) bool.

    Raises
    ------
    core.errors.InputError
        It cannot be read, is not as large as the photo, or leaves nothing to judge.
    """
    mask = np.asarray(read_image(path, max_megapixels).max(axis=2) > 127)
    if mask.shape != shape:
        size, wanted = (f"{s[1]}x{s[0]}" for s in (mask.shape, shape))
        raise InputError(path, f"the mask has {size} pixels, the photo it was painted over {wanted}")
    if not mask.any():
        raise InputError(path, "the mask is black everywhere: nothing would be judged")
    return mask


def _panel(zones: NDArray[np.uint8]) -> Mask | None:
    """Return the bare copper that reaches the frame; None if there is little of it."""
    copper = zones == Zone.COPPER
    return _reaching_frame(copper) if copper[_frame(zones.shape)].mean() >= PANEL_OF_FRAME else None


def _desk(golden: NDArray[np.uint8]) -> Mask | None:
    """Return what has the one colour of the frame and reaches it; None if the frame has many colours."""
    lab = cv2.cvtColor(cv2.medianBlur(golden, 5), cv2.COLOR_RGB2LAB).astype(np.float32)
    frame = _frame(golden.shape[:2])
    alike = np.linalg.norm(lab - np.median(lab[frame], axis=0), axis=2) < DESK_STEPS
    return _reaching_frame(alike) if alike[frame].mean() >= DESK_OF_FRAME else None


def _frame(shape: tuple[int, ...]) -> Mask:
    width = max(2, round(FRAME_SHARE * min(shape)))
    frame = np.ones(shape, np.bool_)
    frame[width:-width, width:-width] = False
    return frame


def _reaching_frame(where: Mask) -> Mask:
    _, labels = cv2.connectedComponents(where.astype(np.uint8), connectivity=8)
    touching = np.unique(labels[_frame(where.shape)])
    return np.asarray(np.isin(labels, touching[touching > 0]))


def _part(around: Mask) -> Mask:
    """Return the largest thing that is not ``around``, without thin appendages, its holes filled."""
    width = max(3, round(OPENING_SHARE * min(around.shape))) | 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    rest = cv2.morphologyEx((~around).astype(np.uint8), cv2.MORPH_OPEN, disk)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=4)
    if len(stats) < 2:
        return np.zeros(around.shape, np.bool_)
    largest = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    outline, _ = cv2.findContours(largest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(largest)
    cv2.drawContours(filled, outline, -1, 1, -1)
    return np.asarray(filled > 0)
