"""Refine a rough pose to sub-pixels, coarse to fine, and measure how well the scan then agrees with the reference."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inspection.flex import rough_pose
from inspection.flex.local_shift import (
    Float,
    compressed_gradient,
    equations,
    grid_of,
    homography_step,
    normalise,
    shift_step,
)
from inspection.flex.reference import Image, Level, Reference, Scan
from inspection.flex.rough_pose import Pose, project

_PROOF = 3
_HOPELESS = (0.2, 0.25, 0.25)
_CONVINCING = 1.3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pose with its proof: gradient correlation, share of confirmed cells, share of the reference that is shown."""

    homography: Pose
    correlation: float
    agreement: float
    overlap: float

    @property
    def merit(self) -> float:
        """What candidates are compared by."""
        return self.correlation + self.agreement


def search(scan: Scan, target: Reference) -> Candidate | None:
    """Try the sources of poses in turn until one convinces; then make sure that no turned one is better.

    The last check is what keeps a nearly symmetric board from being accepted upside down.
    """
    best: Candidate | None = None
    for poses in _poses(scan, target):
        for pose in poses:
            best = _better(pose, best, scan, target)
        if best is not None and best.merit > _CONVINCING:
            break
    if best is None:
        return None
    for pose in rough_pose.turned_over(best.homography, target.shape):
        best = _better(pose, best, scan, target)
    return best


def _better(pose: Pose, best: Candidate | None, scan: Scan, target: Reference) -> Candidate | None:
    """The better one of ``best`` and what ``pose`` leads to; a pose beside ``best`` would only lead there again."""
    if best is not None:
        height, width = scan.shape
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
        apart = float(np.abs(project(pose, corners) - project(best.homography, corners)).max())
        if apart < 0.01 * max(target.shape):
            return best
    candidate = attempt(pose, scan, target)
    if candidate is None or (best is not None and candidate.merit <= best.merit):
        return best
    return candidate


def attempt(pose: Pose, scan: Scan, target: Reference) -> Candidate | None:
    """Refine a rough pose level by level; give up early where it leads nowhere."""
    if not rough_pose.plausible(pose, scan.shape, target.shape):
        return None
    candidate = None
    for index, level in enumerate(target.levels[: _PROOF + 1]):
        pose = descend(pose, scan, [level], target.shape, passes=10 if index < 2 else 5)
        if index:
            candidate = Candidate(pose, *agreement(pose, scan, level))
            if candidate.correlation < _HOPELESS[min(index, 3) - 1]:
                break
    return candidate or Candidate(pose, *agreement(pose, scan, target.levels[0]))


def polish(pose: Pose, scan: Scan, target: Reference) -> tuple[Candidate, float]:
    """Refine a found pose on the fine levels; also return the median local shift left, in reference pixels."""
    pose = descend(pose, scan, target.levels[_PROOF + 1 : _PROOF + 2], target.shape, passes=3)
    pose = descend(pose, scan, target.levels[_PROOF + 2 :], target.shape, passes=1)
    level = target.levels[min(_PROOF + 1, len(target.levels) - 1)]
    moved, valid = on_level(scan, pose, level)
    shift, certainty = shift_step(equations(level.picture, moved, valid, grid_of(level.shape, 48)), 1.0)
    length = np.hypot(shift[..., 0], shift[..., 1])[certainty > 0.5] / level.matrix[0, 0]
    residual = float(np.median(length)) if length.size else 0.0
    proof = target.levels[min(_PROOF, len(target.levels) - 1)]
    return Candidate(pose / pose[2, 2], *agreement(pose, scan, proof)), residual


def descend(pose: Pose, scan: Scan, levels: Iterable[Level], reference: tuple[int, int], passes: int) -> Pose:
    """Refine a pose from coarse to fine by robust Lucas-Kanade on all cells together."""
    for level in levels:
        height, width = level.shape
        grid = grid_of(level.shape, 16 if width < 700 else 40)
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
        for _ in range(passes):
            moved, valid = on_level(scan, pose, level)
            step = homography_step(equations(level.picture, moved, valid, grid), level.shape, rigid=width < 250)
            candidate = np.linalg.inv(level.matrix) @ np.linalg.inv(step) @ level.matrix @ pose
            candidate /= candidate[2, 2]
            if not rough_pose.plausible(candidate, scan.shape, reference):
                return pose
            pose = candidate
            if float(np.abs(project(step, corners) - corners).max()) < 0.03:
                break
    return pose


def on_level(scan: Scan, pose: Pose, level: Level) -> tuple[Float, Image]:
    """Return the scan on the grid of a level: its normalised picture, and 1 where it is valid."""
    total = level.matrix @ pose
    matrix, picture = scan.fitting(float(np.sqrt(abs(np.linalg.det(total[:2, :2] / total[2, 2])))))
    height, width = level.shape
    moved = cv2.warpPerspective(
        picture, total @ np.linalg.inv(matrix), (width, height), borderMode=cv2.BORDER_REPLICATE
    )
    valid = np.zeros((height, width), np.uint8)
    rows, columns = scan.shape
    outline = np.array([[2, 2], [columns - 3, 2], [columns - 3, rows - 3], [2, rows - 3]], np.float64)
    corners = np.clip(project(total, outline), -1e5, 1e5)
    cv2.fillConvexPoly(valid, np.round(corners).astype(np.int32), 1)
    return normalise(np.asarray(moved, np.uint8)), valid


def agreement(pose: Pose, scan: Scan, level: Level) -> tuple[float, float, float]:
    """Return correlation of gradients, share of confirmed cells, share of the reference that is shown."""
    moved, valid = on_level(scan, pose, level)
    x1, y1 = level.gradient if level.gradient is not None else compressed_gradient(level.picture)
    x2, y2 = compressed_gradient(moved)
    cells = (max(2, level.shape[1] // 32), max(2, level.shape[0] // 32))
    mask = valid.astype(np.float32)

    def pooled(product: NDArray[np.float32]) -> Float:
        return np.asarray(cv2.resize(product, cells, interpolation=cv2.INTER_AREA), np.float32)

    cross, shown = pooled((x1 * x2 + y1 * y2) * mask), pooled(mask)
    one, two = pooled(x1 * x1 + y1 * y1), pooled((x2 * x2 + y2 * y2) * mask)
    structured = one > 0.3 * float(one.mean())
    local = cross / (np.sqrt(one * two) + 1e-6)
    inside = float((one * shown).sum()) + 1e-9
    correlation = float(cross.sum() / (np.sqrt(inside * float(two.sum())) + 1e-9))
    return correlation, float((local[structured] > 0.3).mean()), float(shown.mean())


def _poses(scan: Scan, target: Reference) -> Iterator[Iterator[Pose]]:
    """Groups of rough poses; all of a group are tried, for a repeating pattern fits in several places."""
    fine, coarse = scan.thumbnails()
    yield rough_pose.as_laid(fine, target.thumbnails[0])
    yield rough_pose.by_features(scan.features(), target.features)
    yield rough_pose.by_trying(coarse, target.thumbnails[1])
