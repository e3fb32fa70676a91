"""Pictures of falling size: the product's reference, prepared once, and the scan that is laid on it.

Pixel centres are at whole numbers, so a picture reduced by ``k`` has the matrix of :func:`rough_pose.scaling`.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import RegistrationError
from inspection.flex import rough_pose
from inspection.flex.local_shift import Float, compressed_gradient, normalise
from inspection.flex.rough_pose import Features, Pose, Thumbnail

Image = NDArray[np.uint8]
LEVELS = (80, 160, 320, 640, 1200, 2400)
_FEATURE_SIDE = 1000
_PROVEN_SIDE = 640


@dataclass(frozen=True, slots=True)
class Level:
    """A reduced reference: matrix from reference pixels to its own, normalised picture, gradient if it is small."""

    matrix: Pose
    picture: Float
    gradient: tuple[Float, Float] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the picture."""
        return (self.picture.shape[0], self.picture.shape[1])


@dataclass(frozen=True, slots=True)
class Reference:
    """What registration needs of the reference, computed once per product by :func:`prepare`."""

    shape: tuple[int, int]
    levels: tuple[Level, ...] = field(repr=False)
    features: Features = field(repr=False)
    thumbnails: tuple[Thumbnail, Thumbnail] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan as grey pictures of falling size, each with the matrix from full pixels to its own."""

    shape: tuple[int, int]
    pictures: tuple[tuple[Pose, Image], ...] = field(repr=False)

    def fitting(self, scale: float) -> tuple[Pose, Image]:
        """Return the smallest picture that is still good enough to be seen at ``scale``."""
        enough = [entry for entry in self.pictures if entry[0][0, 0] >= 0.75 * scale]
        return enough[-1] if enough else self.pictures[0]

    def features(self) -> Features:
        """Return the features of the scan."""
        matrix, small = reduced(self.pictures[0][1], _FEATURE_SIDE)
        return rough_pose.find_features(small, matrix)

    def thumbnails(self) -> tuple[Thumbnail, Thumbnail]:
        """Return the fine and the coarse thumbnail."""
        return _thumbnails(self.fitting(_FEATURE_SIDE / max(self.shape))[1], self.shape)


def prepare(reference: Image, origin: str = "reference") -> Reference:
    """Precompute the reference.

    Parameters
    ----------
    reference
        (H, W, 3) or (H, W) uint8, RGB or grey.

    Raises
    ------
    core.errors.RegistrationError
        If it shows no structure to register on.
    """
    gray = gray_of(reference)
    demand_structure(gray, origin)
    shape = (gray.shape[0], gray.shape[1])
    levels: list[Level] = []
    for long_side in LEVELS:
        matrix, small = reduced(gray, long_side)
        if not levels or small.shape != levels[-1].shape:
            picture = normalise(small)
            levels.append(Level(matrix, picture, compressed_gradient(picture) if long_side <= _PROVEN_SIDE else None))
    matrix, small = reduced(gray, _FEATURE_SIDE)
    return Reference(shape, tuple(levels), rough_pose.find_features(small, matrix), _thumbnails(small, shape))


def prepared(reference: Reference | Image) -> Reference:
    """Return the prepared reference, whether it was given prepared or as a picture."""
    return reference if isinstance(reference, Reference) else prepare(reference)


def scan_of(gray: Image) -> Scan:
    """Return the reduced pictures of a grey scan (H, W)."""
    shape = (gray.shape[0], gray.shape[1])
    pictures, long_side = [(np.eye(3), gray)], max(shape) // 2
    while long_side >= 96:
        _, picture = reduced(pictures[-1][1], long_side)
        pictures.append((rough_pose.scaling(shape, (picture.shape[0], picture.shape[1])), picture))
        long_side //= 2
    return Scan(shape, tuple(pictures))


def gray_of(image: Image) -> Image:
    """Return the grey values (H, W) of an RGB or grey picture."""
    if image.ndim == 2:
        return np.ascontiguousarray(image)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image[..., :3]), cv2.COLOR_RGB2GRAY), np.uint8)


def reduced(gray: Image, long_side: int) -> tuple[Pose, Image]:
    """Return ``gray`` with at most ``long_side`` pixels along its long side, and the matrix to those pixels."""
    shape = (gray.shape[0], gray.shape[1])
    k = min(1.0, long_side / max(shape))
    small = (max(1, round(shape[0] * k)), max(1, round(shape[1] * k)))
    if small == shape:
        return np.eye(3), gray
    picture = cv2.resize(gray, small[::-1], interpolation=cv2.INTER_AREA)
    return rough_pose.scaling(shape, small), np.asarray(picture, np.uint8)


def demand_structure(gray: Image, origin: str) -> None:
    """Refuse a picture that is too small or blank.

    Raises
    ------
    core.errors.RegistrationError
        With the reason.
    """
    if min(gray.shape) < 32:
        raise RegistrationError(origin, f"is {gray.shape[1]}x{gray.shape[0]} pixels: too small to register")
    _, small = reduced(gray, 320)
    if float(cv2.Laplacian(cv2.GaussianBlur(small, (0, 0), 1.5), cv2.CV_32F).std()) < 0.25:
        raise RegistrationError(origin, "is blank: it shows no structure to register on")


def _thumbnails(gray: Image, shape: tuple[int, int]) -> tuple[Thumbnail, Thumbnail]:
    return rough_pose.thumbnail(gray, shape, 128), rough_pose.thumbnail(gray, shape, 64)
