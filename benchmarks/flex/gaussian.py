"""The best method known before this project: envelope of good boards, or a local Gaussian of network features.

It is the row "fusion" of `facts/flex.md` 5.1, from which the aims of the project were set, built anew here so that it
can be measured on the same boards and defects as everything else: PaDiM's local Gaussian (Defard et al. 2021) of
EfficientNet-Lite0's features at stride 4 and 8, reduced to 32 directions, positions pooled with their eight neighbours;
the larger of that and of the envelope counts, each in units of its level for one false spot per good board.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from benchmarks.flex.boards import Image, align_affine, read_rgb
from benchmarks.flex.methods import Envelope, Map
from benchmarks.flex.metrics import peaks

NETWORK = Path(__file__).parents[2] / "inspection" / "flex" / "learned" / "lite0_early.onnx"
STRIDE, TILE, MARGIN = 4, 768, 64
DIRECTIONS, SAMPLES, HELD_BACK = 32, 5000, 8
FLOOR = 0.1


class BestBefore(Envelope):
    """Envelope or local Gaussian, whichever is stranger; both calibrated on good boards held back."""

    note = "max(envelope / spread, local Gaussian of Lite0 stride 4+8), calibrated on 8 of the good boards"

    def fit(self, boards: Sequence[Path], n: int) -> None:
        """Learn from all but the last eight boards, and set both levels on those."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.network = ort.InferenceSession(NETWORK.read_bytes(), options, providers=["CPUExecutionProvider"])
        learn, judges = boards[: n - HELD_BACK], boards[n - HELD_BACK : n]
        super().fit(learn, len(learn))
        self._fit_gaussian(learn)
        both = [self._maps(self._aligned(path)) for path in judges]
        self.levels = [
            np.sort([spot[2] for maps in both for spot in peaks(maps[index])])[::-1][len(judges)] for index in range(2)
        ]

    def strange(self, aligned: Image) -> Map:
        """The larger of both in units of their levels."""
        envelope, gaussian = self._maps(aligned)
        return np.asarray(np.maximum(envelope / self.levels[0], gaussian / self.levels[1]), np.float32)

    def _fit_gaussian(self, learn: Sequence[Path]) -> None:
        rng = np.random.default_rng(0)
        features = [self._features(self._aligned(path)) for path in learn]
        mean = np.mean(features, axis=0, dtype=np.float32)
        picked = []
        for one in features:
            residual = (one - mean).reshape(-1, mean.shape[-1])
            picked.append(residual[rng.integers(0, len(residual), SAMPLES)])
        values, vectors = np.linalg.eigh(np.cov(np.concatenate(picked), rowvar=False))
        order = np.argsort(values)[::-1][:DIRECTIONS]
        self.whitening = (vectors[:, order] / np.sqrt(values[order] + 1e-6)).astype(np.float32)
        first, second = (np.zeros((*mean.shape[:2], DIRECTIONS), np.float32) for _ in range(2))
        for one in features:
            whitened = one @ self.whitening
            first += whitened
            second += whitened**2
        self.centre = cv2.blur(first, (3, 3)) / len(learn)
        variance = cv2.blur(second, (3, 3)) / len(learn) - self.centre**2
        self.variance = np.asarray(np.maximum(variance, 0) + FLOOR, np.float32)

    def _maps(self, aligned: Image) -> tuple[Map, Map]:
        """Envelope and Gaussian, (H, W) each."""
        whitened = self._features(aligned) @ self.whitening
        strange = np.sqrt((np.square(whitened - self.centre) / self.variance).mean(axis=2))
        size = (aligned.shape[1], aligned.shape[0])
        gaussian = np.asarray(cv2.resize(strange, size, interpolation=cv2.INTER_LINEAR), np.float32)
        return super().strange(aligned), gaussian

    def _aligned(self, path: Path) -> Image:
        image = read_rgb(path)
        return self.laid(image, align_affine(image, self.reference))

    def _features(self, image: Image) -> NDArray[np.float32]:
        """(h, w, 64) at stride 4, in overlapping tiles."""
        height, width = (-(-side // 8) * 8 for side in image.shape[:2])
        bottom, right = height - image.shape[0], width - image.shape[1]
        padded = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
        out = np.empty((height // STRIDE, width // STRIDE, 64), np.float32)
        for rows, outer_rows in _spans(height):
            for columns, outer_columns in _spans(width):
                picture = padded[outer_rows, outer_columns].transpose(2, 0, 1)[None].astype(np.float32)
                fine, coarse = (one[0].transpose(1, 2, 0) for one in self.network.run(None, {"image": picture}))
                coarse = cv2.resize(np.ascontiguousarray(coarse), (fine.shape[1], fine.shape[0]))
                inside = tuple(
                    slice((a.start - b.start) // STRIDE, (a.stop - b.start) // STRIDE)
                    for a, b in ((rows, outer_rows), (columns, outer_columns))
                )
                target = tuple(slice(a.start // STRIDE, a.stop // STRIDE) for a in (rows, columns))
                out[target] = np.concatenate([fine[inside], coarse[inside]], axis=2)
        return out


def _spans(length: int) -> Iterator[tuple[slice, slice]]:
    for start in range(0, length, TILE):
        stop = min(length, start + TILE)
        yield slice(start, stop), slice(max(0, start - MARGIN), min(length, stop + MARGIN))
