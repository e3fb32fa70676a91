"""Lay a scan on the product's reference: pose (homography), proof that it is right, and smooth local bending.

A registration is accepted only when the gradients of the aligned scan agree with those of the reference nearly
everywhere; a wrong product, half a board or a blank scan raises :class:`core.errors.RegistrationError`, which becomes a
NULL verdict and never a false alarm.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import RegistrationError
from inspection.flex import rough_pose
from inspection.flex.local_shift import (
    Float,
    equations,
    homography_step,
    normalise,
    shift_step,
    smooth_flow,
)
from inspection.flex.rough_pose import Features, Pose, Thumbnail

Image = NDArray[np.uint8]
_LEVELS = (80, 160, 320, 640, 1200, 2400)
_PROOF = 3
_CELL = 64
_HOPELESS = (0.2, 0.25, 0.25)


@dataclass(frozen=True, slots=True)
class Level:
    """A reduced reference: matrix from reference pixels to its own, and its normalised picture."""

    matrix: Pose
    picture: Float


@dataclass(frozen=True, slots=True)
class Reference:
    """What registration needs of the reference, computed once per product by :func:`prepare`."""

    shape: tuple[int, int]
    levels: tuple[Level, ...]
    features: Features
    thumbnails: tuple[Thumbnail, Thumbnail]


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

    correlation: float = 0.35
    agreement: float = 0.6
    overlap: float = 0.85


@dataclass(frozen=True, slots=True)
class _Scan:
    """The scan as grey pictures of falling size, each with the matrix from full pixels to its own."""

    shape: tuple[int, int]
    pictures: tuple[tuple[Pose, Image], ...] = field(repr=False)


def prepare(reference: Image) -> Reference:
    """Precompute the reference.

    Parameters
    ----------
    reference
        (H, W, 3) uint8 RGB.

    Raises
    ------
    RegistrationError
        If it shows no structure to register on.
    """
    gray = _gray(reference)
    shape = (gray.shape[0], gray.shape[1])
    _demand_structure(gray, "reference")
    levels: list[Level] = []
    for long_side in _LEVELS:
        matrix, small = _reduced(gray, long_side)
        if not levels or small.shape != levels[-1].picture.shape:
            levels.append(Level(matrix, normalise(small)))
    matrix, small = _reduced(gray, 1000)
    return Reference(shape, tuple(levels), rough_pose.find_features(small, matrix), _thumbnails(small, shape))


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
    target = reference if isinstance(reference, Reference) else prepare(reference)
    limits = limits or Limits()
    gray = _gray(image)
    _demand_structure(gray, origin)
    scan = _scan(gray)
    best = _best(scan, target, limits)
    if best is None:
        raise RegistrationError(origin, "cannot be laid on the reference: no part of the board was recognised")
    found = _polish(best.homography, scan, target)
    _judge(found, limits, origin)
    return found


def align(image: NDArray[np.uint8], registration: Registration, shape: tuple[int, int] | None = None) -> Image:
    """Return ``image`` on the grid of the reference, (H, W, 3) uint8; what it does not show is edge colour."""
    height, width = shape or registration.shape
    scale = float(np.sqrt(abs(np.linalg.det(registration.homography[:2, :2]))))
    pose, picture = registration.homography, image
    if scale < 0.7:
        small = (max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale)))
        picture = np.asarray(cv2.resize(image, small[::-1], interpolation=cv2.INTER_AREA), np.uint8)
        pose = pose @ np.linalg.inv(rough_pose.scaling((image.shape[0], image.shape[1]), small))
    moved = cv2.warpPerspective(picture, pose, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def refine(aligned: Image, reference: Reference | Image, *, passes: int = 4) -> tuple[Image, Float]:
    """Take out the smooth bending that a homography leaves.

    The shift is found on cells of about 64 pixels and smoothed over several of them, robustly: a defect smaller
    than a cell cannot be absorbed.

    Returns
    -------
    aligned2
        (H, W, 3) uint8.
    flow
        (rows, columns, 2) float32 on the grid of cells: ``aligned2(x) = aligned(x + flow(x))``, in pixels.
    """
    target = reference if isinstance(reference, Reference) else prepare(reference)
    gray = _gray(aligned)
    flow = _flow(gray, target, passes)
    return remap(aligned, flow), flow


def remap(aligned: Image, flow: Float) -> Image:
    """Return ``aligned`` sampled at ``x + flow(x)``; ``flow`` as :func:`refine` returned it."""
    height, width = aligned.shape[:2]
    out = np.empty_like(aligned)
    dense = cv2.resize(flow, (width, height), interpolation=cv2.INTER_CUBIC)
    xs = np.arange(width, dtype=np.float32)
    for top in range(0, height, 512):
        rows = slice(top, min(top + 512, height))
        ys = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
        out[rows] = cv2.remap(
            aligned, dense[rows, :, 0] + xs, dense[rows, :, 1] + ys, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
    return out


def to_input(
    boxes: Iterable[tuple[float, float, float, float]],
    registration: Registration,
    flow: Float | None = None,
    image_shape: tuple[int, int] | None = None,
) -> list[tuple[int, int, int, int]]:
    """Return boxes ``(x, y, width, height)`` on the reference grid as boxes in pixels of the input.

    A turned box becomes the upright box around it. With ``image_shape`` it is cut to the image.
    """
    result = []
    for x, y, width, height in boxes:
        corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], float) - 0.5
        points = points_to_input(np.asarray(corners, np.float64), registration, flow) + 0.5
        low, high = np.floor(points.min(0) + 1e-6), np.ceil(points.max(0) - 1e-6)
        if image_shape is not None:
            limit = np.array([image_shape[1], image_shape[0]], float)
            low = np.clip(low, 0, limit - 1)
            high = np.clip(high, low + 1, limit)
        result.append((int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])))
    return result


def points_to_input(
    points: NDArray[np.float64], registration: Registration, flow: Float | None = None
) -> NDArray[np.float64]:
    """Return points (n, 2) on the reference grid in pixels of the input (pixel centres at whole numbers)."""
    moved = np.asarray(points, np.float64)
    if flow is not None:
        rows, columns = flow.shape[:2]
        height, width = registration.shape
        grid_x = ((moved[:, 0] + 0.5) / width * columns - 0.5).astype(np.float32)
        grid_y = ((moved[:, 1] + 0.5) / height * rows - 0.5).astype(np.float32)
        shift = cv2.remap(flow, grid_x[:, None], grid_y[:, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        moved = moved + shift[:, 0, :]
    return _project(np.linalg.inv(registration.homography), moved)


def _gray(image: NDArray[np.uint8]) -> Image:
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image[..., :3]), cv2.COLOR_RGB2GRAY), np.uint8)


def _project(pose: Pose, points: NDArray[np.float64]) -> NDArray[np.float64]:
    homogeneous = points @ pose[:, :2].T + pose[:, 2]
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:])


def _demand_structure(gray: Image, origin: str) -> None:
    _, small = _reduced(gray, 320)
    if min(gray.shape) < 32:
        raise RegistrationError(origin, f"is {gray.shape[1]}x{gray.shape[0]} pixels: too small to register")
    if float(cv2.Laplacian(cv2.GaussianBlur(small, (0, 0), 1.5), cv2.CV_32F).std()) < 0.25:
        raise RegistrationError(origin, "is blank: it shows no structure to register on")


def _reduced(gray: Image, long_side: int) -> tuple[Pose, Image]:
    shape = (gray.shape[0], gray.shape[1])
    k = min(1.0, long_side / max(shape))
    small = (max(1, round(shape[0] * k)), max(1, round(shape[1] * k)))
    if small == shape:
        return np.eye(3), gray
    picture = cv2.resize(gray, small[::-1], interpolation=cv2.INTER_AREA)
    return rough_pose.scaling(shape, small), np.asarray(picture, np.uint8)


def _scan(gray: Image) -> _Scan:
    shape = (gray.shape[0], gray.shape[1])
    pictures, long_side = [(np.eye(3), gray)], max(shape) // 2
    while long_side >= 96:
        _, picture = _reduced(pictures[-1][1], long_side)
        pictures.append((rough_pose.scaling(shape, (picture.shape[0], picture.shape[1])), picture))
        long_side //= 2
    return _Scan(shape, tuple(pictures))


def _on_level(scan: _Scan, pose: Pose, level: Level) -> tuple[Float, Image]:
    """The scan on the grid of a level: normalised picture, and where it is valid."""
    total = level.matrix @ pose
    scale = float(np.sqrt(abs(np.linalg.det(total[:2, :2] / total[2, 2]))))
    fitting = [entry for entry in scan.pictures if entry[0][0, 0] >= 0.75 * scale]
    matrix, picture = fitting[-1] if fitting else scan.pictures[0]
    height, width = level.picture.shape
    moved = cv2.warpPerspective(
        picture, total @ np.linalg.inv(matrix), (width, height), borderMode=cv2.BORDER_REPLICATE
    )
    valid = np.zeros((height, width), np.uint8)
    rows, columns = scan.shape
    outline = np.array([[2, 2], [columns - 3, 2], [columns - 3, rows - 3], [2, rows - 3]], float)
    corners = np.clip(_project(total, outline), -1e5, 1e5)
    cv2.fillConvexPoly(valid, np.round(corners).astype(np.int32), 1)
    return normalise(moved), valid


def _descend(pose: Pose, scan: _Scan, levels: Iterable[Level], passes: int) -> Pose:
    """Refine a pose from coarse to fine by robust Lucas-Kanade on all cells together."""
    for level in levels:
        height, width = level.picture.shape
        grid = (
            (max(2, height // 16), max(2, width // 16)) if width < 700 else (max(2, height // 40), max(2, width // 40))
        )
        for _ in range(passes):
            moved, valid = _on_level(scan, pose, level)
            step = homography_step(equations(level.picture, moved, valid, grid), (height, width))
            candidate = np.linalg.inv(level.matrix) @ np.linalg.inv(step) @ level.matrix @ pose
            candidate /= candidate[2, 2]
            if not rough_pose.plausible(candidate, scan.shape, _full(level)):
                return pose
            pose = candidate
            corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
            if float(np.abs(_project(step, corners) - corners).max()) < 0.03:
                break
    return pose


def _full(level: Level) -> tuple[int, int]:
    height, width = level.picture.shape
    return (round(height / level.matrix[1, 1]), round(width / level.matrix[0, 0]))


def _agreement(pose: Pose, scan: _Scan, level: Level) -> tuple[float, float, float]:
    """Correlation of gradients, share of confirmed cells, share of the reference that is shown."""
    moved, valid = _on_level(scan, pose, level)
    first, second = _gradient(level.picture), _gradient(moved)
    cells = (max(2, level.picture.shape[1] // 32), max(2, level.picture.shape[0] // 32))

    def pooled(product: Float) -> Float:
        return np.asarray(cv2.resize(product, cells, interpolation=cv2.INTER_AREA), np.float32)

    cross = pooled((first * second).sum(2) * valid)
    one, two = pooled((first * first).sum(2)), pooled((second * second).sum(2) * valid)
    shown = pooled(valid.astype(np.float32))
    structured = one > 0.3 * float(one.mean())
    local = cross / (np.sqrt(one * two) + 1e-6)
    inside = float((one * shown).sum()) + 1e-9
    correlation = float(cross.sum()) / (np.sqrt(inside * float(two.sum())) + 1e-9)
    return correlation, float((local[structured] > 0.3).mean()), float(shown.mean())


def _gradient(picture: Float) -> Float:
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.5)
    gradient = np.dstack([cv2.Scharr(smooth, cv2.CV_32F, 1, 0), cv2.Scharr(smooth, cv2.CV_32F, 0, 1)])
    length = np.sqrt((gradient * gradient).sum(2, keepdims=True))
    return np.asarray(gradient / np.sqrt(length * float(length.mean()) + 1e-6), np.float32)


@dataclass(frozen=True, slots=True)
class _Candidate:
    homography: Pose
    correlation: float
    agreement: float
    overlap: float

    @property
    def merit(self) -> float:
        return self.correlation + self.agreement


def _best(scan: _Scan, target: Reference, limits: Limits) -> _Candidate | None:
    """Try the sources of poses in turn until one is convincing; then make sure that no turned one is better."""
    best: _Candidate | None = None
    for pose in _poses(scan, target):
        candidate = _try(pose, scan, target)
        if candidate is not None and (best is None or candidate.merit > best.merit):
            best = candidate
        if best is not None and best.correlation > limits.correlation + 0.15 and best.agreement > 0.8:
            break
    if best is None:
        return None
    for pose in rough_pose.turned_over(best.homography, target.shape):
        candidate = _try(pose, scan, target)
        if candidate is not None and candidate.merit > best.merit:
            best = candidate
    return best


def _poses(scan: _Scan, target: Reference) -> Iterator[Pose]:
    matrix, small = _reduced(scan.pictures[0][1], 1000)
    fine, coarse = _thumbnails(small, scan.shape)
    yield from rough_pose.as_laid(fine, target.thumbnails[0])
    yield from rough_pose.by_features(rough_pose.find_features(small, matrix), target.features)
    yield from rough_pose.by_trying(coarse, target.thumbnails[1])


def _thumbnails(gray: Image, shape: tuple[int, int]) -> tuple[Thumbnail, Thumbnail]:
    return rough_pose.thumbnail(gray, shape, 128), rough_pose.thumbnail(gray, shape, 64)


def _try(pose: Pose, scan: _Scan, target: Reference) -> _Candidate | None:
    """Refine a rough pose level by level; give up early where it leads nowhere."""
    if not rough_pose.plausible(pose, scan.shape, target.shape):
        return None
    candidate = None
    for index, level in enumerate(target.levels[: _PROOF + 1]):
        pose = _descend(pose, scan, [level], passes=10 if index < 2 else 5)
        if index:
            candidate = _Candidate(pose, *_agreement(pose, scan, level))
            if candidate.correlation < _HOPELESS[min(index, 3) - 1]:
                break
    return candidate


def _polish(pose: Pose, scan: _Scan, target: Reference) -> Registration:
    pose = _descend(pose, scan, target.levels[_PROOF + 1 :], passes=3)
    level = target.levels[min(_PROOF, len(target.levels) - 1)]
    finest = target.levels[-1]
    moved, valid = _on_level(scan, pose, finest)
    shift, certainty = shift_step(equations(finest.picture, moved, valid, _grid(finest.picture.shape)), 1.0)
    length = np.hypot(shift[..., 0], shift[..., 1])[certainty > 0.5] / finest.matrix[0, 0]
    residual = float(np.median(length)) if length.size else 0.0
    correlation, agreement, overlap = _agreement(pose, scan, level)
    return Registration(pose / pose[2, 2], target.shape, correlation, agreement, overlap, residual)


def _judge(found: Registration, limits: Limits, origin: str) -> None:
    facts = (
        f"correlation {found.correlation:.2f}, confirmed {found.agreement:.0%}, "
        f"shown {found.overlap:.0%} of the reference"
    )
    if found.correlation < limits.correlation or found.agreement < limits.agreement:
        raise RegistrationError(origin, f"does not match the reference (wrong product or part of a board): {facts}")
    if found.overlap < limits.overlap:
        raise RegistrationError(origin, f"shows only a part of the board: {facts}")


def _grid(shape: tuple[int, ...]) -> tuple[int, int]:
    return (max(2, round(shape[0] / _CELL)), max(2, round(shape[1] / _CELL)))


def _flow(gray: Image, target: Reference, passes: int) -> Float:
    height, width = gray.shape
    flow = np.zeros((*_grid((height, width)), 2), np.float32)
    for level in target.levels[-2:]:
        rows, columns = level.picture.shape
        small = np.asarray(cv2.resize(gray, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)
        grid = _grid(level.picture.shape)
        scale = np.array([columns / width, rows / height], np.float32)
        current = cv2.resize(flow, grid[::-1], interpolation=cv2.INTER_LINEAR) * scale
        valid = np.ones((rows, columns), np.uint8)
        for _ in range(passes):
            moved = normalise(remap(small, current))
            shift, certainty = shift_step(equations(level.picture, moved, valid, grid), 1.0)
            current = smooth_flow(current + np.clip(shift, -2, 2), certainty, 1.0)
        flow = np.asarray(current / scale, np.float32)
    return flow
