"""Sub-pixel shifts between two pictures of one board, cell by cell: robust Lucas-Kanade normal equations.

Every shift comes from one kernel, :func:`equations`: brightness is first normalised locally (light, exposure, banding),
then the least-squares equations of Lucas and Kanade (IJCAI 1981) are summed over the cells of a coarse grid. Pixels
that disagree with the reference after alignment (dust, scratches, stains) get a small Geman-McClure weight, so that
what is wrong with a board does not move it.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
_DAMPING = np.array([1e-3, 1e-3, 1e-5, 1e-3, 1e-3, 1e-5, 1e-2, 1e-2])
_SIMILARITY = np.array(
    [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]],
    np.float64,
)


@dataclass(frozen=True, slots=True)
class Equations:
    """Per cell: symmetric 2x2 matrix ``(xx, xy, yy)`` and right-hand side ``(x, y)`` of ``matrix @ shift = right``.

    ``matrix``: (rows, columns, 3), ``right``: (rows, columns, 2), float32, means per pixel of the cell.
    """

    matrix: Float
    right: Float


def normalise(gray: NDArray[np.uint8], window: int = 25) -> Float:
    """Return ``gray`` with local mean 0 and local deviation near 1.

    Flat areas stay flat: the deviation has a floor of half the picture's own mean local deviation.

    Parameters
    ----------
    gray
        (H, W) uint8.
    window
        Side of the square neighbourhood in pixels.
    """
    size = (window, window)
    mean = np.asarray(cv2.boxFilter(gray, cv2.CV_32F, size), np.float32)
    deviation = np.asarray(cv2.sqrBoxFilter(gray, cv2.CV_32F, size), np.float32)
    deviation -= mean * mean
    np.maximum(deviation, 0, out=deviation)
    np.sqrt(deviation, out=deviation)
    deviation += max(0.5 * float(deviation.mean()), 1.0)
    np.subtract(gray, mean, out=mean)
    return np.asarray(np.divide(mean, deviation, out=mean), np.float32)


def compressed_gradient(picture: Float) -> tuple[Float, Float]:
    """Return the gradient (x, y), its length compressed to the square root: strong edges shall not decide alone."""
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.5)
    gx = np.asarray(cv2.Scharr(smooth, cv2.CV_32F, 1, 0), np.float32)
    gy = np.asarray(cv2.Scharr(smooth, cv2.CV_32F, 0, 1), np.float32)
    length = cv2.magnitude(gx, gy)
    scale = 1.0 / np.sqrt(length * float(length.mean()) + 1e-6)
    return np.asarray(gx * scale, np.float32), np.asarray(gy * scale, np.float32)


def grid_of(shape: tuple[int, int], cell: int) -> tuple[int, int]:
    """Return rows and columns of a grid of cells of about ``cell`` pixels."""
    return (max(2, round(shape[0] / cell)), max(2, round(shape[1] / cell)))


def equations(reference: Float, moved: Float, valid: NDArray[np.uint8], grid: tuple[int, int]) -> Equations:
    """Return the equations for the shift ``d`` with ``moved(x + d) = reference(x)``, summed over a grid of cells.

    Parameters
    ----------
    reference, moved
        (H, W) normalised pictures on the same pixels.
    valid
        (H, W) 1 where ``moved`` shows the board, else 0.
    grid
        Rows and columns of the grid.
    """
    height, width = reference.shape
    middle = float(np.median(np.abs(reference[::7, ::7] - moved[::7, ::7])))
    sigma = max(4.0 * middle, 0.3)
    tops = np.linspace(0, height, grid[0] + 1).round().astype(int)
    lefts = np.linspace(0, width, grid[1] + 1).round().astype(int)
    sums = np.empty((grid[0], 5, grid[1]), np.float32)
    for row, (top, bottom) in enumerate(pairwise(tops)):
        columns = _row_sums(reference, moved, valid, (int(top), int(bottom)), sigma)
        sums[row] = np.add.reduceat(columns, lefts[:-1], axis=1) / ((bottom - top) * np.diff(lefts))
    return Equations(sums[:, :3].transpose(0, 2, 1), sums[:, 3:].transpose(0, 2, 1))


def _row_sums(reference: Float, moved: Float, valid: NDArray[np.uint8], rows: tuple[int, int], sigma: float) -> Float:
    """Sums over ``rows`` of w gx gx, w gx gy, w gy gy, w gx r, w gy r for each column: (5, W)."""
    top, bottom = rows
    first, last = max(top - 1, 0), min(bottom + 1, len(reference))
    inner = slice(top - first, bottom - first)
    both = reference[first:last] + moved[first:last]
    gx = cv2.Scharr(both, cv2.CV_32F, 1, 0, scale=1 / 64)[inner]
    gy = cv2.Scharr(both, cv2.CV_32F, 0, 1, scale=1 / 64)[inner]
    difference = reference[top:bottom] - moved[top:bottom]
    weight = difference * (1.0 / sigma)
    weight *= weight
    weight += 1.0
    weight *= weight
    np.divide(valid[top:bottom], weight, out=weight)
    wx, wy = weight * gx, weight * gy
    pairs = ((wx, gx), (wx, gy), (wy, gy), (wx, difference), (wy, difference))
    return np.stack([np.einsum("ij,ij->j", one, other) for one, other in pairs])


def homography_step(system: Equations, shape: tuple[int, int], rigid: bool = False) -> NDArray[np.float64]:
    """Return the 3x3 homography, near the identity, that best satisfies the equations of all cells together.

    Parameters
    ----------
    system
        Equations of the cells of a picture of ``shape`` (H, W).
    rigid
        Only shift, turn and scale.

    What little structure cannot tell, above all perspective, is damped.
    """
    rows, columns = system.matrix.shape[:2]
    to_unit = _to_unit(shape)
    x = ((np.arange(columns) + 0.5) / columns * shape[1] - 0.5) * to_unit[0, 0] + to_unit[0, 2]
    y = ((np.arange(rows) + 0.5) / rows * shape[0] - 0.5) * to_unit[1, 1] + to_unit[1, 2]
    x, y = (axis.ravel() for axis in np.meshgrid(x, y))
    one, zero = np.ones_like(x), np.zeros_like(x)
    jx = np.stack([x, y, one, zero, zero, zero, -x * x, -x * y], axis=1)
    jy = np.stack([zero, zero, zero, x, y, one, -x * y, -y * y], axis=1)
    xx, xy, yy = system.matrix.reshape(-1, 3).astype(np.float64).T
    bx, by = system.right.reshape(-1, 2).astype(np.float64).T * to_unit[0, 0]
    normal = jx.T @ (xx[:, None] * jx + xy[:, None] * jy) + jy.T @ (xy[:, None] * jx + yy[:, None] * jy)
    normal += np.diag(_DAMPING) * np.trace(normal) / 8 + 1e-12 * np.eye(8)
    basis = _SIMILARITY if rigid else np.eye(8)
    p = basis @ np.linalg.solve(basis.T @ normal @ basis, basis.T @ (jx.T @ bx + jy.T @ by))
    step = np.array([[1 + p[0], p[1], p[2]], [p[3], 1 + p[4], p[5]], [p[6], p[7], 1.0]])
    return np.asarray(np.linalg.inv(to_unit) @ step @ to_unit)


def shift_step(system: Equations, smooth_cells: float) -> tuple[Float, Float]:
    """Return the smooth shift of every cell in pixels, (rows, columns, 2), and its certainty (rows, columns).

    Equations are pooled over neighbouring cells (Gaussian of ``smooth_cells``) before they are solved, which is what
    lets an edge with one direction borrow the other from its neighbours; cells without structure take the shift of
    the cells around them.
    """
    matrix, right = (_blur(part, smooth_cells) for part in (system.matrix, system.right))
    xx, xy, yy = matrix[..., 0], matrix[..., 1], matrix[..., 2]
    smallest = 0.5 * (xx + yy - np.sqrt((xx - yy) ** 2 + 4 * xy * xy))
    ridge = 0.02 * float(np.median(xx + yy)) + 1e-9
    determinant = (xx + ridge) * (yy + ridge) - xy * xy
    shift = np.dstack(
        [
            ((yy + ridge) * right[..., 0] - xy * right[..., 1]) / determinant,
            ((xx + ridge) * right[..., 1] - xy * right[..., 0]) / determinant,
        ]
    )
    certainty = np.maximum(smallest, 0) / (np.maximum(smallest, 0) + ridge)
    return np.asarray(shift, np.float32), np.asarray(certainty, np.float32)


def smooth_flow(flow: Float, certainty: Float, smooth_cells: float) -> Float:
    """Return ``flow`` smoothed by normalised convolution, each cell weighted with its certainty."""
    weight = certainty + 1e-3
    pooled = _blur(flow * weight[..., None], smooth_cells) / _blur(weight, smooth_cells)[..., None]
    return np.asarray(pooled, np.float32)


def _blur(values: Float, sigma: float) -> Float:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def _to_unit(shape: tuple[int, int]) -> NDArray[np.float64]:
    """Pixels to coordinates centred on the picture, half the long side being 1."""
    height, width = shape
    k = 2.0 / max(height, width)
    return np.array([[k, 0, -k * (width - 1) / 2], [0, k, -k * (height - 1) / 2], [0, 0, 1.0]])
