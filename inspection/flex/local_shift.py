"""Sub-pixel shifts between two pictures of one board, cell by cell: robust Lucas-Kanade normal equations.

Every shift comes from one kernel, :func:`equations`: brightness is first normalised locally (light, exposure, banding),
then the least-squares equations of Lucas and Kanade (IJCAI 1981) are summed over the cells of a coarse grid. Pixels
that disagree with the reference after alignment (dust, scratches, stains) get a small Geman-McClure weight, so that
what is wrong with a board does not move it.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Equations:
    """Per cell: symmetric 2x2 matrix ``(xx, xy, yy)`` and right-hand side ``(x, y)`` of ``matrix @ shift = right``.

    ``matrix``: (rows, columns, 3), ``right``: (rows, columns, 2), float32, means per pixel of the cell.
    """

    matrix: Float
    right: Float


def normalise(gray: NDArray[np.generic], window: int = 25) -> Float:
    """Return ``gray`` with local mean 0 and local deviation near 1.

    Flat areas stay flat: the deviation has a floor of half the picture's own mean local deviation.

    Parameters
    ----------
    gray
        (H, W) grey values of any type.
    window
        Side of the square neighbourhood in pixels.
    """
    values = gray.astype(np.float32)
    high = values - cv2.blur(values, (window, window))
    deviation = np.sqrt(np.maximum(cv2.blur(high * high, (window, window)), 0))
    floor = max(0.5 * float(deviation.mean()), 1.0)
    return np.asarray(high / (deviation + floor), np.float32)


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
    difference = reference - moved
    both = 0.5 * (reference + moved)
    gx = cv2.Scharr(both, cv2.CV_32F, 1, 0, scale=1 / 32)
    gy = cv2.Scharr(both, cv2.CV_32F, 0, 1, scale=1 / 32)
    sigma = max(2.0 * float(np.median(np.abs(difference[::7, ::7]))), 0.15)
    weight = 1.0 / (1.0 + (difference / sigma) ** 2) ** 2 * valid
    size = (grid[1], grid[0])

    def cells(product: Float) -> Float:
        return np.asarray(cv2.resize(product, size, interpolation=cv2.INTER_AREA), np.float32)

    wx, wy = weight * gx, weight * gy
    matrix = np.dstack([cells(wx * gx), cells(wx * gy), cells(wy * gy)])
    return Equations(matrix, np.dstack([cells(wx * difference), cells(wy * difference)]))


def homography_step(system: Equations, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the 3x3 homography, near the identity, that best satisfies the equations of all cells together.

    Parameters
    ----------
    system
        Equations of the cells of a picture of ``shape`` (H, W).
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
    damping = 1e-4 * np.trace(normal) / 8 + 1e-12
    p = np.linalg.solve(normal + damping * np.eye(8), jx.T @ bx + jy.T @ by)
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
