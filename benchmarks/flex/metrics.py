"""Figures of merit for anomaly maps and spots, in bounded memory, with intervals from resampling whole boards.

Pixel curves are histogram based: a float32 score is cut to its sign, its exponent and nine leading bits of mantissa, so
that 2**18 bins hold every score to 0.2 %, whatever its scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

BITS = 18
BINS = 1 << BITS
RATES = (0.1, 1.0, 5.0)
Region = tuple[slice, slice, NDArray[np.bool_]]
Floats = NDArray[np.float64]


def bin_of(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Bin of each score; bins are ordered as the scores are."""
    bits = np.ascontiguousarray(scores, dtype=np.float32).view(np.uint32)
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))
    return (ordered >> np.uint32(32 - BITS)).astype(np.int64)


class PixelCurve:
    """Per-region overlap and pixel ROC over many images, kept per board so that boards can be resampled.

    References: Bergmann et al., "The MVTec Anomaly Detection Dataset", IJCV 129 (2021), sections 5.2-5.3 (PRO, AUPRO).
    """

    def __init__(self, boards: int) -> None:
        self.normal = np.zeros((boards, BINS), np.int64)
        self.overlap = np.zeros((boards, BINS))
        self.anomalous = np.zeros((boards, BINS), np.int64)
        self.regions = np.zeros(boards, np.int64)

    def add(
        self, board: int, scores: NDArray[np.float32], counted: NDArray[np.bool_], regions: Sequence[Region]
    ) -> None:
        """Add one image: its map (H, W), the normal pixels that count (H, W), the masks of its defects."""
        self.normal[board] += np.bincount(bin_of(scores[counted]), minlength=BINS)
        for rows, columns, mask in regions:
            inside = np.bincount(bin_of(scores[rows, columns][mask]), minlength=BINS)
            self.anomalous[board] += inside
            self.overlap[board] += inside / max(1, int(mask.sum()))
            self.regions[board] += 1

    def aupro(self, limit: float, weights: NDArray[np.int64] | None = None) -> float:
        """Area under overlap against false-positive rate up to `limit`, divided by `limit`; NaN without regions."""
        weight = np.ones(len(self.regions), np.int64) if weights is None else weights
        regions, normal = int(weight @ self.regions), weight @ self.normal
        if regions == 0 or normal.sum() == 0:
            return float("nan")
        return area_up_to(_from_top(normal) / normal.sum(), _from_top(weight @ self.overlap) / regions, limit)

    def auroc(self) -> float:
        """Pixel ROC area over all boards; NaN where one class has no pixel."""
        normal, anomalous = self.normal.sum(axis=0), self.anomalous.sum(axis=0)
        if normal.sum() == 0 or anomalous.sum() == 0:
            return float("nan")
        return area_up_to(_from_top(normal) / normal.sum(), _from_top(anomalous) / anomalous.sum(), 1.0)


def area_up_to(x: Floats, y: Floats, limit: float) -> float:
    """Trapezoid area under a rising curve from 0 to `limit` (the last point interpolated), divided by `limit`."""
    end = int(np.searchsorted(x, limit, side="right"))
    last = float(np.interp(limit, x, y))
    return float(np.trapezoid(np.append(y[:end], last), np.append(x[:end], limit)) / limit)


def peaks(scores: NDArray[np.float32], apart_px: int = 12, most: int = 300) -> list[tuple[float, float, float]]:
    """Local maxima of a map, strongest first, at least `apart_px` apart, as (x, y, score)."""
    kernel = np.ones((2 * apart_px + 1, 2 * apart_px + 1), np.uint8)
    top = (scores >= cv2.dilate(scores, kernel)) & (scores > scores.min())
    row, column = np.nonzero(top)
    order = np.argsort(-scores[row, column], kind="stable")[: 20 * most]
    found = [(float(column[i]), float(row[i]), float(scores[row[i], column[i]])) for i in order]
    return merge(found, apart_px)[:most]


def merge(
    spots: Sequence[tuple[float, float, float]], apart_px: float = 20, most: int = 300
) -> list[tuple[float, float, float]]:
    """Spots strongest first, without those closer than `apart_px` to a stronger one; at most `most`."""
    kept: list[tuple[float, float, float]] = []
    for x, y, score in sorted(spots, key=lambda spot: -spot[2]):
        if len(kept) == most:
            break
        if all((x - a) ** 2 + (y - b) ** 2 >= apart_px**2 for a, b, _ in kept):
            kept.append((x, y, score))
    return kept


def spot_in(spots: Sequence[tuple[float, float, float]], zone: Region) -> float:
    """Score of the strongest spot inside a zone; -inf if there is none."""
    rows, columns, mask = zone
    best = float("-inf")
    for x, y, score in spots:
        row, column = round(y) - rows.start, round(x) - columns.start
        if 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1] and mask[row, column]:
            best = max(best, score)
    return best


@dataclass(frozen=True)
class Spots:
    """Spot scores by board: false ones on untouched boards, and for each drawn defect its kind and best spot."""

    false: tuple[Floats, ...]
    found: tuple[Floats, ...]
    kinds: tuple[tuple[str, ...], ...]

    def level(self, per_board: float, boards: Sequence[int] | None = None) -> float:
        """The score that at most `per_board` false spots per untouched board exceed."""
        chosen = range(len(self.false)) if boards is None else boards
        scores = np.sort(np.concatenate([self.false[i] for i in chosen]))[::-1]
        allowed = int(np.floor(per_board * len(chosen) + 1e-9))
        return float(scores[allowed]) if allowed < len(scores) else float("-inf")

    def recall(self, per_board: float, kind: str | None = None, boards: Sequence[int] | None = None) -> float:
        """Share of defects (of a kind) with a spot above that level; NaN without such defects."""
        chosen = list(range(len(self.false)) if boards is None else boards)
        level = self.level(per_board, chosen)
        hits = [
            score > level
            for i in chosen
            for score, name in zip(self.found[i], self.kinds[i], strict=True)
            if kind in (None, name)
        ]
        return float(np.mean(hits)) if hits else float("nan")

    def recall_of(self, per_board: float, chosen: NDArray[np.bool_]) -> float:
        """Share of the chosen defects, in the order of `found`, with a spot above the level; NaN if none is chosen."""
        hits = np.concatenate(self.found) > self.level(per_board)
        return float(hits[chosen].mean()) if chosen.any() else float("nan")


def auroc(negative: Floats, positive: Floats) -> float:
    """Probability that a positive scores above a negative, ties half (Mann-Whitney)."""
    if len(negative) == 0 or len(positive) == 0:
        return float("nan")
    ordered = np.sort(negative)
    below, upto = np.searchsorted(ordered, positive, "left"), np.searchsorted(ordered, positive, "right")
    return float((below + upto).mean() / (2 * len(negative)))


def resampled_boards(boards: int, times: int, seed: int = 0) -> NDArray[np.int64]:
    """Bootstrap draws of whole boards, shape (times, boards)."""
    return np.random.default_rng(seed).integers(boards, size=(times, boards))


def interval(values: Sequence[float], level: float = 0.9) -> tuple[float, float]:
    """Central percentile interval of bootstrap values, NaN ignored; (NaN, NaN) if none is left."""
    clean = np.asarray(values, dtype=float)
    clean = clean[np.isfinite(clean)]
    if len(clean) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(clean, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _from_top(counts: NDArray[np.int64] | Floats) -> Floats:
    """Cumulative counts from the highest bin down, starting at 0; bins that hold nothing are skipped."""
    return np.concatenate([[0.0], np.cumsum(counts[::-1], dtype=float)])
