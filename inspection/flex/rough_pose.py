"""Where a board roughly lies in a scan: candidate poses, to be refined and judged by the registration.

A pose is the 3x3 homography from pixels of the input to pixels of the reference. Candidates come from three sources,
cheapest first: as the scanner always lays it, matched SIFT features, and trying every angle and scale on a thumbnail.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

Pose = NDArray[np.float64]
_FEATURES = 2500


@dataclass(frozen=True, slots=True)
class Features:
    """SIFT features: ``points`` (n, 2) in pixels of the full picture, ``descriptors`` (n, 128)."""

    points: NDArray[np.float32]
    descriptors: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture, the matrix from full pixels to its own, and its compressed gradient."""

    gray: NDArray[np.uint8]
    matrix: Pose
    side: int
    spectrum: NDArray[np.complex64]
    energy: float


def scaling(shape: tuple[int, int], small: tuple[int, int]) -> Pose:
    """Return the matrix from pixels of a (H, W) picture to those of the same picture resized to ``small``."""
    ky, kx = small[0] / shape[0], small[1] / shape[1]
    return np.array([[kx, 0, (kx - 1) / 2], [0, ky, (ky - 1) / 2], [0, 0, 1.0]])


def find_features(gray: NDArray[np.uint8], matrix: Pose) -> Features:
    """Return the SIFT features of a picture; ``matrix`` leads from full pixels to pixels of ``gray``."""
    sift = cv2.SIFT.create(nfeatures=_FEATURES, contrastThreshold=0.02)
    keypoints, descriptors = sift.detectAndCompute(gray, None)
    if descriptors is None or not keypoints:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    points = np.array([k.pt for k in keypoints], np.float64)
    points = (points - matrix[:2, 2]) / (matrix[0, 0], matrix[1, 1])
    return Features(points.astype(np.float32), np.sqrt(descriptors / (descriptors.sum(1, keepdims=True) + 1e-6)))


def thumbnail(gray: NDArray[np.uint8], shape: tuple[int, int], side: int) -> Thumbnail:
    """Return the thumbnail, long side ``side``, of a picture whose full size is ``shape``."""
    k = side / max(gray.shape)
    small = (max(1, round(gray.shape[0] * k)), max(1, round(gray.shape[1] * k)))
    picture = np.asarray(cv2.resize(gray, small[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    spectrum, energy = _spectrum(picture, 2 * side)
    return Thumbnail(picture, scaling(shape, small), side, spectrum, energy)


def as_laid(image: Thumbnail, reference: Thumbnail) -> Iterator[Pose]:
    """Yield the poses of a scan that lies as the reference does: unmoved, then or of the same extent; then shifted."""
    same_extent = np.linalg.inv(reference.matrix) @ image.matrix
    if abs(same_extent[0, 0] - 1) < 0.05 and abs(same_extent[1, 1] - 1) < 0.05:
        yield np.eye(3)
    else:
        yield _shifted(image, reference, same_extent)[0]
    yield _shifted(image, reference, np.eye(3))[0]


def by_features(image: Features, reference: Features) -> Iterator[Pose]:
    """Yield the poses that RANSAC finds among the matched features: homography, then similarity."""
    if min(len(image.points), len(reference.points)) < 8:
        return
    matches = cv2.BFMatcher(cv2.NORM_L2).knnMatch(image.descriptors, reference.descriptors, k=2)
    kept = [pair[0] for pair in matches if len(pair) == 2 and pair[0].distance < 0.85 * pair[1].distance]
    if len(kept) < 8:
        return
    source = image.points[[m.queryIdx for m in kept]]
    target = reference.points[[m.trainIdx for m in kept]]
    tolerance = 0.006 * float(np.ptp(reference.points, axis=0).max())
    similarity, inliers = cv2.estimateAffinePartial2D(
        source, target, ransacReprojThreshold=3 * tolerance, maxIters=5000, confidence=0.999
    )
    if similarity is None or int(inliers.sum()) < 6:
        return
    near = inliers.ravel().astype(bool)
    if int(near.sum()) >= 12:
        full, _ = cv2.findHomography(source[near], target[near], cv2.RANSAC, tolerance)
        if full is not None:
            yield np.asarray(full, np.float64)
    yield np.vstack([similarity, [0.0, 0.0, 1.0]])


def by_trying(image: Thumbnail, reference: Thumbnail, best: int = 6) -> Iterator[Pose]:
    """Yield the best poses over all angles (6 degree steps) and scales 0.45 to 2.2 (10 % steps), best first."""
    found = []
    for i, scale in enumerate(np.geomspace(0.45, 2.2, 17)):
        for j in range(60):
            pose, score = _shifted(image, reference, _turned(image, reference, 6.0 * j, float(scale)))
            found.append((score, i, j, pose))
    found.sort(key=lambda entry: -entry[0])
    chosen: list[tuple[int, int]] = []
    for _, i, j, pose in found:
        if all(abs(i - k) > 1 or 1 < (j - m) % 60 < 59 for k, m in chosen):
            chosen.append((i, j))
            yield pose
        if len(chosen) == best:
            return


def turned_over(pose: Pose, shape: tuple[int, int]) -> Iterator[Pose]:
    """Yield ``pose`` turned by 90, 180 and 270 degrees about the centre of the reference (H, W)."""
    x, y = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    for quarter in (1, 2, 3):
        turn = np.vstack([cv2.getRotationMatrix2D((x, y), 90 * quarter, 1.0), [0, 0, 1]])
        yield turn @ pose


def plausible(pose: Pose, image: tuple[int, int], reference: tuple[int, int]) -> bool:
    """Tell whether a pose is a view of a flat board: not mirrored, 0.4 to 2.5 times its size, little perspective."""
    if not np.all(np.isfinite(pose)) or abs(pose[2, 2]) < 1e-9:
        return False
    inverse = np.linalg.pinv(pose)
    corners = project(inverse / inverse[2, 2], _corners(reference))
    sides = np.roll(corners, -1, axis=0) - corners
    cross = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    lengths = np.hypot(sides[:, 0], sides[:, 1]) / (reference[1], reference[0], reference[1], reference[0])
    reach = 3.0 * max(*image, *reference)
    if np.any(cross <= 0) or np.any(np.abs(corners) > reach):
        return False
    return bool(lengths.min() > 0.4 and lengths.max() < 2.5 and lengths.max() < 1.5 * lengths.min())


def _corners(shape: tuple[int, int]) -> NDArray[np.float64]:
    height, width = shape
    return np.array([[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]])


def project(pose: Pose, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points (n, 2) seen through a pose."""
    homogeneous = points @ pose[:, :2].T + pose[:, 2]
    return np.asarray(homogeneous[:, :2] / homogeneous[:, 2:])


def _spectrum(picture: NDArray[np.uint8], side: int) -> tuple[NDArray[np.complex64], float]:
    """Spectrum of the compressed gradient as complex numbers, zero padded to ``side``, and its energy."""
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.2)
    gradient = np.empty(smooth.shape, np.complex64)
    gradient.real = cv2.Scharr(smooth, cv2.CV_32F, 1, 0)
    gradient.imag = cv2.Scharr(smooth, cv2.CV_32F, 0, 1)
    length = np.abs(gradient)
    gradient /= np.sqrt(length * (length.mean() + 1e-3)) + 1e-3
    energy = float(np.vdot(gradient, gradient).real)
    return np.asarray(scipy.fft.fft2(gradient, s=(side, side)), np.complex64), energy


def _turned(image: Thumbnail, reference: Thumbnail, angle: float, scale: float) -> Pose:
    """Pose that turns the image about its centre and scales it onto the centre of the reference."""
    height, width = image.gray.shape
    middle = np.linalg.inv(image.matrix) @ [(width - 1) / 2, (height - 1) / 2, 1]
    rows, columns = reference.gray.shape
    target = np.linalg.inv(reference.matrix) @ [(columns - 1) / 2, (rows - 1) / 2, 1]
    pose = np.vstack([cv2.getRotationMatrix2D(tuple(middle[:2]), angle, scale), [0, 0, 1]])
    pose[:2, 2] += target[:2] - middle[:2]
    return np.asarray(pose)


def _shifted(image: Thumbnail, reference: Thumbnail, start: Pose) -> tuple[Pose, float]:
    """Shift ``start`` to where the gradients correlate best; also return that correlation (-1 to 1)."""
    side, room = 2 * reference.side, reference.side * 3 // 2
    centre = np.eye(3)
    rows, columns = reference.gray.shape
    centre[:2, 2] = (room - columns) // 2, (room - rows) // 2
    small = centre @ reference.matrix @ start @ np.linalg.inv(image.matrix)
    moved = np.asarray(cv2.warpPerspective(image.gray, small, (room, room), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    spectrum, energy = _spectrum(moved, side)
    surface = scipy.fft.ifft2(reference.spectrum * np.conj(spectrum)).real
    row, column = np.unravel_index(int(surface.argmax()), surface.shape)
    dx = (int(column) + side // 2) % side - side // 2 + centre[0, 2]
    dy = (int(row) + side // 2) % side - side // 2 + centre[1, 2]
    shift = np.eye(3)
    shift[:2, 2] = dx / reference.matrix[0, 0], dy / reference.matrix[1, 1]
    return shift @ start, float(surface.max()) / (np.sqrt(energy * reference.energy) + 1e-9)
