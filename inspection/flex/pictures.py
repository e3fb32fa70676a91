"""The pictures that the inspection page shows, drawn when a board is judged (names as the page expects them)."""

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.verdict import Evidence
from inspection.flex.bending import flow_at
from inspection.flex.registration import Registration

Image: TypeAlias = NDArray[np.uint8]
Box: TypeAlias = tuple[int, int, int, int]

BOARD_PX = 1800
THUMBNAIL_PX = 320
MOST_SPOTS = 12
_CLOSE_PX = 384
_MARK = (255, 92, 0)


def board_pictures(image: Image, boxes: Sequence[Box], heat: NDArray[np.float32] | None) -> dict[str, Evidence]:
    """Return ``board``, ``plain``, ``thumbnail`` and, with ``heat``, the overlay of the same name.

    Parameters
    ----------
    image
        (H, W, 3) uint8 RGB as the scanner gave it, upright.
    boxes
        ``x, y, width, height`` of the suspect spots in its pixels, worst first.
    heat
        (h, w) float32 in 0..1 over the whole image, any resolution.
    """
    scale = min(1.0, BOARD_PX / max(image.shape[:2]))
    plain = _resized(image, scale)
    out = {"plain": jpeg(plain), "board": jpeg(_marked(plain, boxes, scale))}
    out["thumbnail"] = jpeg(_resized(plain, min(1.0, THUMBNAIL_PX / max(plain.shape[:2]))))
    if heat is not None:
        out["heat"] = jpeg(_heated(plain, heat))
    return out


def spot_pictures(
    image: Image,
    golden: Image,
    registration: Registration | None,
    flow: NDArray[np.float32] | None,
    places: Sequence[Box],
) -> dict[str, Evidence]:
    """Return ``spot_1`` and ``golden_1`` and so on: the same place of the board and of the golden board, same size.

    Parameters
    ----------
    registration, flow
        How the photo lies on the reference; None where it lies there as it is.
    places
        Boxes ``x, y, width, height`` on the reference grid, worst first.
    """
    out: dict[str, Evidence] = {}
    for number, box in enumerate(places[:MOST_SPOTS], start=1):
        grid = _close_grid(box)
        shown = (cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)
        reference = cv2.remap(golden, grid[..., 0], grid[..., 1], shown[0], borderMode=shown[1])
        source = _on_input(grid, registration, flow)
        board = cv2.remap(image, source[..., 0], source[..., 1], shown[0], borderMode=shown[1])
        out[f"spot_{number}"], out[f"golden_{number}"] = jpeg(board, 92), jpeg(reference, 92)
    return out


def jpeg(picture: NDArray[np.generic], quality: int = 85) -> Evidence:
    """Return a picture (H, W, 3) RGB as JPEG."""
    bgr = cv2.cvtColor(np.asarray(picture, np.uint8), cv2.COLOR_RGB2BGR)
    _, content = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return Evidence(content.tobytes(), "image/jpeg")


def _resized(picture: Image, scale: float) -> Image:
    if scale == 1.0:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _marked(plain: Image, boxes: Sequence[Box], scale: float) -> Image:
    marked = plain.copy()
    thick = max(1, round(max(plain.shape[:2]) / 700))
    for number, (x, y, width, height) in enumerate(boxes, start=1):
        gap = 4 * thick
        corner = (round(x * scale) - gap, round(y * scale) - gap)
        opposite = (round((x + width) * scale) + gap, round((y + height) * scale) + gap)
        cv2.rectangle(marked, corner, opposite, (0, 0, 0), thick + 2, cv2.LINE_AA)
        cv2.rectangle(marked, corner, opposite, _MARK, thick, cv2.LINE_AA)
        place = (max(2, corner[0]), corner[1] - gap if corner[1] > 40 else opposite[1] + 24 * thick)
        for colour, width_px in (((0, 0, 0), thick + 3), (_MARK, thick + 1)):
            cv2.putText(
                marked, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, 0.45 * thick + 0.35, colour, width_px, cv2.LINE_AA
            )
    return marked


def _heated(plain: Image, heat: NDArray[np.float32]) -> Image:
    strength = cv2.resize(np.clip(heat, 0, 1), (plain.shape[1], plain.shape[0]), interpolation=cv2.INTER_LINEAR)
    colour = cv2.applyColorMap((255 * strength).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    share = (0.25 + 0.6 * strength)[..., None]
    return np.asarray(plain * (1 - share) + colour * share, np.uint8)


def _close_grid(box: Box) -> NDArray[np.float32]:
    """Reference coordinates of every pixel of a close-up: three times the box, at least 96 px wide."""
    x, y, width, height = box
    side = max(96.0, 3.0 * max(width, height))
    step = (np.arange(_CLOSE_PX, dtype=np.float32) + 0.5) / _CLOSE_PX * side - side / 2 - 0.5
    xs, ys = np.meshgrid(x + width / 2 + step, y + height / 2 + step)
    return np.stack([xs, ys], axis=-1).astype(np.float32)


def _on_input(
    grid: NDArray[np.float32], registration: Registration | None, flow: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    if registration is None:
        return grid
    points = grid.reshape(-1, 2).astype(np.float64)
    if flow is not None:
        # Row by row: OpenCV looks up at most 32767 points in a row, a close-up has 147456.
        points = points + np.concatenate([flow_at(flow, row, registration.shape) for row in points.reshape(grid.shape)])
    moved = cv2.perspectiveTransform(points[None], np.linalg.inv(registration.homography))[0]
    return np.asarray(moved.reshape(grid.shape), np.float32)
