"""FLEX inspection behind the benchmark's one method: learn from boards, give a map and spots for a picture."""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.inference import load_package
from inspection.flex.learned.fusion import TOGETHER, WEIGHTS, Fusion
from inspection.flex.learned.parts import PARTS, STRIDE
from inspection.flex.learned.product import Product
from inspection.flex.learned.spots import find_spots
from inspection.flex.registration import to_input
from inspection.flex.training import teach_paths

_SPOTS = 80


class OursFlex:
    """The product's own path from photos of good boards to spots; ``variant`` leaves parts out (ablation).

    Taught products are kept in the cache folder of the user, by the content of boards and code, so that the rows of an
    ablation share one training.
    """

    VARIANTS = (
        "spot network",
        "context",
        "position",
        "autoencoder",
        "pads",
        "together",
        "without the spot network",
        "without pads",
        "without together",
    )

    def __init__(self, variant: str = "", package: str = "") -> None:
        self._variant, self._names = variant, _parts_of(variant)
        self._package = package

    def fit(self, boards: Sequence[Path], n: int) -> None:
        """Learn from photos of ``n`` good boards."""
        path = Path(self._package) if self._package else _taught(list(boards[:n]))
        self.product = Product(load_package(path))
        fusion = self.product.fusion
        if self._variant == TOGETHER:
            handicaps = {name: 0.0 if name == TOGETHER else np.inf for name in self._names}
        else:
            handicaps = {name: 0.0 if len(self._names) == 1 else fusion.handicaps[name] for name in self._names}
        scales = {name: fusion.scales[name] for name in self._names}
        self.product.fusion = Fusion(scales, handicaps, fusion.weights)

    def score(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], list[tuple[float, float, float]]]:
        """Return a map on the grid of ``image`` (H, W, 3) and its spots ``(x, y, score)``, highest first."""
        looked = self.product.look(image)
        laid, shape = looked.laid, (image.shape[0], image.shape[1])
        low = float(looked.fused[looked.inside].min())
        to_map = np.diag([1 / STRIDE, 1 / STRIDE, 1.0]) @ laid.registration.homography
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        values = cv2.warpPerspective(
            np.where(looked.inside, looked.fused, low), to_map, (shape[1], shape[0]), flags=flags, borderValue=low
        )
        spots = find_spots(looked.fused, STRIDE, low + 1e-3, limit=_SPOTS)
        points = to_input([(s.x, s.y, 1, 1) for s in spots], laid.registration, laid.flow, shape)
        found = [(float(x), float(y), s.score) for (x, y, _, _), s in zip(points, spots, strict=True)]
        return np.asarray(values, np.float32), found

    def level(self, false_spots_per_board: float) -> float:
        """Return the product's own threshold for a budget."""
        return self.product.threshold.threshold(false_spots_per_board)


def _parts_of(variant: str) -> tuple[str, ...]:
    """Return the parts that may speak; `together` is the sum of those of them that it adds up."""
    single = {"spot network": "spots", "autoencoder": "rebuilding"}.get(variant, variant)
    if single == TOGETHER:
        return (*WEIGHTS, TOGETHER)
    if single in PARTS:
        return (single,)
    left_out = {
        "": (),
        "without the spot network": ("spots",),
        "without pads": ("pads",),
        "without together": (TOGETHER,),
    }[variant]
    return tuple(name for name in (*PARTS, TOGETHER) if name not in left_out)


def _taught(boards: list[Path]) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "shiftwatch" / "taught"
    digest = hashlib.sha256()
    for path in (*boards, *_code()):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    target = cache / digest.hexdigest()[:16]
    if not (target / "card.json").exists():
        with tempfile.TemporaryDirectory(prefix="shiftwatch-bench-") as folder:
            teach_paths("benchmark", boards, target, Path(folder))
    return target


def _code() -> Iterator[Path]:
    here = Path(__file__).parent
    yield from sorted((here / "learned").glob("*.py"))
    yield from sorted((here / "simulate").glob("*.py"))
    yield here / "training.py"
    yield from sorted((here / "models" / "base").glob("*"))
