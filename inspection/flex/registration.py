"""Lay a scan on the product's reference: pose (homography), proof that it is right, and smooth local bending.

A registration is accepted only when the gradients of the aligned scan agree with those of the reference nearly
everywhere; a wrong product, half a board or a blank scan raises :class:`core.errors.RegistrationError`, which becomes a
NULL verdict and never a false alarm.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import RegistrationError
from inspection.flex import pose_fit
from inspection.flex.bending import find_flow, flow_at, refine, sample
from inspection.flex.local_shift import Float
from inspection.flex.reference import Image, Reference, demand_structure, gray_of, prepare, prepared, scan_of
from inspection.flex.rough_pose import Pose, project, scaling

__all__ = [
    "Laid",
    "Limits",
    "Reference",
    "Registration",
    "align",
    "lay",
    "points_to_input",
    "prepare",
    "refine",
    "register",
    "to_input",
]


@dataclass(frozen=True, slots=True)
class Registration:
    """Where a scan lies on the reference.

    Parameters
    ----------
    homography
        (3, 3) float64, from pixels of the input to pixels of the reference.
    shape
        (H, W) of the reference.
    correlation
        Normalised correlation of gradients over the common area, -1 to 1.
    agreement
        Share of the structured cells of the reference that the aligned scan confirms, 0 to 1.
    overlap
        Share of the reference that the scan shows, 0 to 1.
    residual_px
        Median local shift left after the homography, in pixels of the reference.
    """

    homography: Pose
    shape: tuple[int, int]
    correlation: float
    agreement: float
    overlap: float
    residual_px: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What a registration must reach to be believed."""

    correlation: float = 0.4
    agreement: float = 0.6
    overlap: float = 0.85


@dataclass(frozen=True, slots=True)
class Laid:
    """A scan on the grid of the reference: the picture, its pose and the bending that was taken out."""

    aligned: Image = field(repr=False)
    registration: Registration
    flow: Float = field(repr=False)


def register(
    image: Image, reference: Reference | Image, *, limits: Limits | None = None, origin: str = "image"
) -> Registration:
    """Find where ``image`` lies on ``reference``.

    Translation, any rotation, scale 0.5 to 2 and a small perspective are found; defects do not disturb it.

    Parameters
    ----------
    image
        (H, W, 3) uint8 RGB.
    reference
        What :func:`prepare` returned, or the reference picture itself.
    origin
        Name of the file for the error text.

    Raises
    ------
    RegistrationError
        If the scan is blank, shows another product or only a part of the board.
    """
    target = prepared(reference)
    gray = gray_of(image)
    demand_structure(gray, origin)
    scan = scan_of(gray)
    best = pose_fit.search(scan, target)
    if best is None:
        raise RegistrationError(origin, "cannot be laid on the reference: no part of the board was recognised")
    _judge(best, limits or Limits(), origin)
    found, residual = pose_fit.polish(best.homography, scan, target)
    _judge(found, limits or Limits(), origin)
    return Registration(
        found.homography, target.shape, found.correlation, found.agreement, found.overlap, residual_px=residual
    )


def lay(image: Image, reference: Reference | Image, *, limits: Limits | None = None, origin: str = "image") -> Laid:
    """Register, straighten and sample ``image`` once, on the grid of the reference.

    Equal to :func:`register`, :func:`align` and :func:`refine` in turn, but interpolated only once and faster.

    Raises
    ------
    RegistrationError
        As :func:`register`.
    """
    target = prepared(reference)
    registration = register(image, target, limits=limits, origin=origin)
    finest = target.levels[-1]
    gray = gray_of(image)
    picture, pose = _shrunk(gray, finest.matrix @ registration.homography)
    small = cv2.warpPerspective(
        picture, pose, finest.shape[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    pixel = np.array([finest.matrix[0, 0], finest.matrix[1, 1]], np.float32)
    flow = np.asarray(find_flow(np.asarray(small, np.uint8), target) / pixel, np.float32)
    return Laid(align(image, registration, flow=flow), registration, flow)


def align(
    image: Image, registration: Registration, shape: tuple[int, int] | None = None, *, flow: Float | None = None
) -> Image:
    """Return ``image`` on the grid of the reference, (H, W, 3) uint8.

    What the scan does not show takes the colour of its edge. With ``flow`` the bending is taken out in the same
    interpolation.
    """
    picture, pose = _shrunk(image, registration.homography)
    moved = sample(picture, np.asarray(np.linalg.inv(pose), np.float64), flow, shape or registration.shape)
    return np.asarray(moved, np.uint8)


def to_input(
    boxes: Iterable[tuple[float, float, float, float]],
    registration: Registration,
    flow: Float | None = None,
    image_shape: tuple[int, int] | None = None,
) -> list[tuple[int, int, int, int]]:
    """Return boxes ``(x, y, width, height)`` on the reference grid as boxes in pixels of the input.

    A turned box becomes the upright box around it. With ``image_shape`` (H, W) it is cut to the image.
    """
    result = []
    for x, y, width, height in boxes:
        corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float64)
        points = points_to_input(corners - 0.5, registration, flow) + 0.5
        low, high = np.floor(points.min(0) + 1e-3), np.ceil(points.max(0) - 1e-3)
        if image_shape is not None:
            limit = np.array([image_shape[1], image_shape[0]], np.float64)
            low = np.clip(low, 0, limit - 1)
            high = np.clip(high, low + 1, limit)
        result.append((int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])))
    return result


def points_to_input(
    points: NDArray[np.float64], registration: Registration, flow: Float | None = None
) -> NDArray[np.float64]:
    """Return points (n, 2) on the reference grid in pixels of the input (pixel centres at whole numbers)."""
    moved = points if flow is None else points + flow_at(flow, points, registration.shape)
    return project(np.asarray(np.linalg.inv(registration.homography), np.float64), moved)


def _shrunk(image: Image, pose: Pose) -> tuple[Image, Pose]:
    """Reduce a picture that its pose would shrink much, lest it alias; return it with its new pose."""
    scale = float(np.sqrt(abs(np.linalg.det(pose[:2, :2] / pose[2, 2]))))
    if scale >= 0.7:
        return image, pose
    shape = (image.shape[0], image.shape[1])
    small = (max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale)))
    picture = np.asarray(cv2.resize(image, small[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    return picture, pose @ np.linalg.inv(scaling(shape, small))


def _judge(found: pose_fit.Candidate, limits: Limits, origin: str) -> None:
    facts = (
        f"correlation {found.correlation:.2f}, confirmed {found.agreement:.0%}, "
        f"shown {found.overlap:.0%} of the reference"
    )
    wrong = found.correlation < limits.correlation or found.agreement < limits.agreement * found.overlap
    wrong = wrong or found.overlap < 0.3
    if not wrong and found.overlap < limits.overlap:
        raise RegistrationError(origin, f"shows only a part of the board: {facts}")
    if wrong or found.agreement < limits.agreement:
        raise RegistrationError(origin, f"does not match the reference (wrong product or part of a board): {facts}")
