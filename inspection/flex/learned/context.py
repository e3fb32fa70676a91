"""Learned context: EfficientNet-Lite0 features (stride 4 and 8) against what is normal at each position.

A local-Gaussian model in the manner of PaDiM (Defard et al. 2021): the features at each stride-4 position are reduced
to the leading directions of the pooled residuals of good boards, whitened, and judged there by a diagonal Gaussian
whose variance is shrunk to the pooled one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.inference import Session
from inspection.flex.learned.tiles import Tile, Window, shared_out, tiles

Float: TypeAlias = NDArray[np.float32]
Image: TypeAlias = NDArray[np.uint8]

STRIDE = 4
FEATURES = 64
_TILE = 768
_MARGIN = 32
_PRIOR_BOARDS = 4.0
_VARIANCE_FLOOR = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Whitening of features: ``(features - offset) @ matrix``; offset (64,), matrix (64, D) float32."""

    offset: Float
    matrix: Float

    def apply(self, features: Float) -> Float:
        """Return the whitened features, (..., D) float32."""
        return np.asarray((features - self.offset) @ self.matrix, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """Normal features: mean and variance of the D whitened features at (H/4, W/4) positions."""

    projection: Projection
    mean: NDArray[np.floating]
    variance: NDArray[np.floating]

    def surprise(self, features: Float) -> Float:
        """Return the mean squared standardised distance at each position, (h, w) float32; about 1 where normal."""
        change = self.projection.apply(features) - self.mean
        change *= change
        change /= self.variance
        return np.asarray(change.mean(axis=-1), np.float32)

    def part(self, window: tuple[slice, slice]) -> "Context":
        """Return the context of a window, given in stride-4 positions."""
        return Context(self.projection, self.mean[window], self.variance[window])


@dataclass(frozen=True, slots=True, eq=False)
class ContextSums:
    """Sums over good boards of whitened features: enough to leave one out."""

    projection: Projection
    first: Float
    second: Float
    count: int

    def without(self, whitened: Float) -> Context:
        """Return the context of the other boards."""
        rest = ContextSums(self.projection, self.first - whitened, self.second - whitened * whitened, self.count - 1)
        return rest.context()

    def part(self, window: tuple[slice, slice]) -> "ContextSums":
        """Return the sums of a window, given in stride-4 positions."""
        return ContextSums(self.projection, self.first[window], self.second[window], self.count)

    def context(self) -> Context:
        """Return means and variances."""
        mean = self.first / self.count
        variance = np.maximum(self.second / self.count - mean * mean, 0) * (self.count / max(1, self.count - 1))
        around = cv2.blur(variance, (3, 3)).reshape(variance.shape)
        shrunk = (self.count * around + _PRIOR_BOARDS) / (self.count + _PRIOR_BOARDS) + _VARIANCE_FLOOR
        return Context(self.projection, mean, np.asarray(shrunk, np.float32))


def find_features(image: Image, session: Session) -> Float:
    """Return the raw features, (ceil(H/4), ceil(W/4), 64) float32, computed in overlapping tiles.

    Parameters
    ----------
    image
        (H, W, 3) uint8 RGB; padded to multiples of 8 by replication.
    session
        The network of `inspection.flex.learned.context_network`.
    """
    out = np.empty((*_coarse_shape(image), FEATURES), np.float32)
    for window, features in _by_tile(image, session, lambda _, features: features):
        out[window] = features
    return out


def find_surprise(image: Image, session: Session, context: Context) -> Float:
    """Return the surprise of the features, (ceil(H/4), ceil(W/4)) float32, without keeping the features of the board.

    A 17-megapixel board has 270 MB of them.
    """
    out = np.empty(_coarse_shape(image), np.float32)
    for window, surprise in _by_tile(image, session, lambda window, seen: context.part(window).surprise(seen)):
        out[window] = surprise
    return out


def _coarse_shape(image: Image) -> tuple[int, int]:
    return -(-image.shape[0] // STRIDE), -(-image.shape[1] // STRIDE)


def _by_tile(image: Image, session: Session, use: Callable[[Window, Float], Float]) -> Iterator[tuple[Window, Float]]:
    """Yield windows (in stride-4 positions) that cover the image, each with what ``use`` makes of its features."""
    height, width = image.shape[:2]
    padded = cv2.copyMakeBorder(image, 0, -height % 8, 0, -width % 8, cv2.BORDER_REPLICATE)
    rows, columns = _coarse_shape(image)

    def look(tile: Tile) -> tuple[Window, Float]:
        picture = np.ascontiguousarray(padded[tile.outer].transpose(2, 0, 1)[None], np.float32)
        found = session.run({"image": picture})
        inner, source = tile.inner_at(STRIDE), tile.inner_in_outer(STRIDE)
        window = slice(inner[0].start, min(inner[0].stop, rows)), slice(inner[1].start, min(inner[1].stop, columns))
        fine = found["stride4"][0].transpose(1, 2, 0)
        coarse = cv2.resize(
            np.ascontiguousarray(found["stride8"][0].transpose(1, 2, 0)), (fine.shape[1], fine.shape[0])
        )
        features = np.concatenate([fine[source], coarse[source]], axis=2)
        return window, use(window, features[: window[0].stop - window[0].start, : window[1].stop - window[1].start])

    for _, (window, value) in shared_out(look, tiles((padded.shape[0], padded.shape[1]), _TILE, _MARGIN)):
        yield window, value


def fit_projection(residuals: Float, offset: Float, dimensions: int = 16) -> Projection:
    """Return the projection onto the leading principal directions of pooled residuals, whitened.

    Parameters
    ----------
    residuals
        (n, 64) float32: features minus their mean at the same position, over boards and positions.
    offset
        (64,) float32: mean feature.
    """
    covariance = np.cov(residuals, rowvar=False)
    values, vectors = np.linalg.eigh(covariance)
    order = np.argsort(values)[::-1][:dimensions]
    return Projection(offset, (vectors[:, order] / np.sqrt(values[order] + 1e-6)).astype(np.float32))
