"""What a benchmarked method must offer, the trivial baselines that give the scale, and the list of all methods."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.flex.boards import Image, align_affine, onto_reference, read_rgb
from benchmarks.flex.metrics import peaks

Map = NDArray[np.float32]
Spot = tuple[float, float, float]


class Method(Protocol):
    """Learns good boards, then gives each image an anomaly map on its own pixel grid and its spots (x, y, score).

    Optional: `level(per_board)`, the spot score that its own calibration sets for that many false spots per board;
    `rescore(image, before, boxes)`, the map of an image that differs from the one scored `before` in the boxes only
    (must equal `score`; saves time for slow peers); `note`, its settings in words; `shared`, true if its times and
    its level are not its own.
    """

    def fit(self, boards: Sequence[Path], n: int) -> None:
        """Learn from the first n of the boards."""

    def score(self, image: Image) -> tuple[Map, list[Spot]]:
        """Anomaly map (H, W) and spots, all of them down to well below any sensible level."""


class Golden:
    """Per-pixel statistics of aligned good boards; the parts that the three trivial baselines share."""

    def fit(self, boards: Sequence[Path], n: int) -> None:
        """Mean, deviation, minimum and maximum of every pixel and colour."""
        self.reference = read_rgb(boards[0])
        shape = self.reference.shape
        total, squares = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self.low, self.high = np.full(shape, 255, np.uint8), np.zeros(shape, np.uint8)
        for path in boards[:n]:
            image = read_rgb(path)
            aligned = self.laid(image, align_affine(image, self.reference))
            total += aligned
            squares += np.square(aligned, dtype=np.float32)
            np.minimum(self.low, aligned, out=self.low)
            np.maximum(self.high, aligned, out=self.high)
        count = len(boards[:n])
        self.mean = total / count
        self.deviation = np.sqrt(np.maximum(squares / count - self.mean**2, 0)) + 2.0

    def score(self, image: Image) -> tuple[Map, list[Spot]]:
        """`strange` on the reference's grid, brought back to the image's."""
        matrix = align_affine(image, self.reference)
        strange = self.strange(self.laid(image, matrix))
        scores = cv2.warpAffine(strange, matrix, (image.shape[1], image.shape[0]), flags=cv2.INTER_LINEAR)
        return np.asarray(scores, dtype=np.float32), peaks(np.asarray(scores, dtype=np.float32))

    def strange(self, aligned: Image) -> Map:
        """How strange each place of an aligned image is, (H, W): the worst colour, smoothed by one pixel."""
        return np.asarray(cv2.GaussianBlur(self.distance(aligned).max(axis=2), (0, 0), 1.0), dtype=np.float32)

    def laid(self, image: Image, matrix: NDArray[np.float32]) -> Image:
        """The image on the reference's grid, each colour at the reference's mean light."""
        aligned = onto_reference(image, matrix, self.reference.shape)
        gain = self.reference.mean(axis=(0, 1)) / aligned.mean(axis=(0, 1))
        return np.asarray(np.clip(np.round(aligned * gain), 0, 255), dtype=np.uint8)

    def distance(self, aligned: Image) -> Map:
        """Per pixel and colour, (H, W, 3)."""
        raise NotImplementedError


class AbsoluteDifference(Golden):
    """What flipping between board and golden image shows."""

    note = "|board - golden mean|, worst colour"

    def distance(self, aligned: Image) -> Map:
        """Grey levels away from the mean."""
        return np.asarray(np.abs(aligned - self.mean), dtype=np.float32)


class ZScore(Golden):
    """Absolute difference in units of each pixel's own spread (plus two grey levels)."""

    note = "|board - golden mean| / (deviation + 2)"

    def distance(self, aligned: Image) -> Map:
        """Deviations away from the mean."""
        return np.asarray(np.abs(aligned - self.mean) / self.deviation, dtype=np.float32)


class Envelope(Golden):
    """Beyond the lowest and highest value seen within one pixel, in units of the spread."""

    note = "beyond min/max of good boards within 1 px, / (deviation + 2)"

    def fit(self, boards: Sequence[Path], n: int) -> None:
        """As the others, with the extremes widened by a pixel."""
        super().fit(boards, n)
        around = np.ones((3, 3), np.uint8)
        self.low = np.asarray(cv2.erode(self.low, around), dtype=np.uint8)
        self.high = np.asarray(cv2.dilate(self.high, around), dtype=np.uint8)

    def distance(self, aligned: Image) -> Map:
        """Deviations beyond the envelope."""
        value = aligned.astype(np.float32)
        beyond = np.maximum(np.maximum(value - self.high, self.low - value), 0)
        return np.asarray(beyond / self.deviation, dtype=np.float32)


@dataclass(frozen=True)
class Entry:
    """A row of the table: its name, `module:attribute` of its class, constructor arguments, boards it learns."""

    name: str
    target: str
    arguments: dict[str, Any]
    boards: int
    peer: bool = False
    quick: bool = False


OURS = "inspection.flex.evaluation:OursFlex"
HERE = "benchmarks.flex.methods"
PEERS = "benchmarks.flex.peers"
ENTRIES = (
    Entry("ours, N=32", OURS, {}, 32, quick=True),
    Entry("ours, N=8", OURS, {}, 8),
    Entry("golden difference", f"{HERE}:AbsoluteDifference", {}, 32, quick=True),
    Entry("golden z-score", f"{HERE}:ZScore", {}, 32),
    Entry("golden envelope", f"{HERE}:Envelope", {}, 32),
    Entry("best before: envelope or local Gaussian", "benchmarks.flex.gaussian:BestBefore", {}, 32),
    Entry("KEK, shipped weights", f"{PEERS}:Kek", {"steps": 0}, 0, peer=True, quick=True),
    Entry("KEK, fine-tuned", f"{PEERS}:Kek", {"steps": 400}, 32, peer=True),
    Entry("anomalib PatchCore", f"{PEERS}:PatchCore", {}, 8, peer=True),
)


def ablation() -> tuple[Entry, ...]:
    """Rows for the named variants of ours (`OursFlex.VARIANTS`), learnt from 32 boards."""
    variants: Sequence[str] = getattr(_attribute(OURS), "VARIANTS", ())
    return tuple(Entry(f"ours: {name}", OURS, {"variant": name}, 32) for name in variants)


def make(target: str, arguments: dict[str, Any]) -> Method:
    """An instance of the class that `module:attribute` names."""
    method: Method = _attribute(target)(**arguments)
    return method


def _attribute(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
