"""FLEX inspection behind the benchmark's one method: learn from boards, give a map and spots for a picture."""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core.inference import load_package
from inspection.flex.learned.fusion import ALONG, JOINED_FROM, OFF_PADS, SUMS, TOGETHER, Float, Fusion
from inspection.flex.learned.parts import PARTS, STRIDE
from inspection.flex.learned.product import Product
from inspection.flex.learned.spots import find_spots
from inspection.flex.registration import Registration, to_input
from inspection.flex.training import teach_paths

_SPOTS = 80


@dataclass(frozen=True)
class _Listening(Fusion):
    """A fusion that remembers the maps which it fused last."""

    heard: dict[str, Float] = field(default_factory=dict)

    def fuse(self, maps: Mapping[str, Float]) -> Float:
        """As `Fusion.fuse`."""
        self.heard.update(maps)
        return super().fuse(maps)


@dataclass(frozen=True, eq=False)
class _Seen:
    """What all variants have in common: the maps of the parts, where they lie, and where the board is judged."""

    maps: dict[str, Float]
    registration: Registration
    flow: Float
    inside: NDArray[np.bool_]


class OursFlex:
    """The product's own path from photos of good boards to spots; ``variant`` leaves parts out (ablation).

    Taught products are kept in the cache folder of the user, by the content of boards and code, so that the rows of an
    ablation share one training; they share the maps of the parts too, which are kept there by the content of the photo.
    """

    VARIANTS = (
        "spot network",
        "context",
        "position",
        "autoencoder",
        "pads",
        "together",
        "along",
        "without the spot network",
        "without position",
        "without pads",
        "without together",
        "without along",
    )

    def __init__(self, variant: str = "", package: str = "") -> None:
        self._variant, self._names = variant, _parts_of(variant)
        self._package = package
        self.shared = variant != ""
        if self.shared:
            self.note = "maps and level of the whole: neither times nor false spots of its own"

    def fit(self, boards: Sequence[Path], n: int) -> None:
        """Learn from photos of ``n`` good boards."""
        path = Path(self._package) if self._package else _taught(list(boards[:n]))
        self.product = Product(load_package(path))
        fusion = self.product.fusion
        if self._variant in SUMS:
            handicaps = {name: 0.0 if name == self._variant else np.inf for name in self._names}
        else:
            handicaps = {name: 0.0 if len(self._names) == 1 else fusion.handicaps[name] for name in self._names}
            handicaps[OFF_PADS] = fusion.handicaps.get(OFF_PADS, 0.0)
        self._fusion = Fusion({name: fusion.scales[name] for name in self._names}, handicaps, fusion.sums)
        self._listening = _Listening(fusion.scales, fusion.handicaps, fusion.sums)
        self.product.fusion = self._listening

    def score(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], list[tuple[float, float, float]]]:
        """Return a map on the grid of ``image`` (H, W, 3) and its spots ``(x, y, score)``, highest first."""
        shape = (image.shape[0], image.shape[1])
        if self._variant:
            seen = self._looked_before(image)
            fused = self._fusion.fuse(seen.maps)
        else:
            seen, fused = self._look(image)
        low = float(fused[seen.inside].min())
        to_map = np.diag([1 / STRIDE, 1 / STRIDE, 1.0]) @ seen.registration.homography
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        values = cv2.warpPerspective(
            np.where(seen.inside, fused, low), to_map, (shape[1], shape[0]), flags=flags, borderValue=low
        )
        spots = find_spots(fused, STRIDE, low + 1e-3, limit=_SPOTS, joined=JOINED_FROM)
        points = to_input([(s.x, s.y, 1, 1) for s in spots], seen.registration, seen.flow, shape)
        found = [(float(x), float(y), s.score) for (x, y, _, _), s in zip(points, spots, strict=True)]
        return np.asarray(values, np.float32), found

    def level(self, false_spots_per_board: float) -> float:
        """Return the product's own threshold for a budget."""
        return self.product.threshold.threshold(false_spots_per_board)

    def _look(self, image: NDArray[np.uint8]) -> tuple[_Seen, Float]:
        looked = self.product.look(image)
        laid = looked.laid
        return _Seen(dict(self._listening.heard), laid.registration, laid.flow, looked.inside), looked.fused

    def _looked_before(self, image: NDArray[np.uint8]) -> _Seen:
        """Return what another variant saw on this photo, or look now and keep it."""
        name = hashlib.sha256(image.tobytes()).hexdigest()[:20]
        kept = _cache() / "seen" / self.product.package.card.version / f"{name}.npz"
        if not kept.exists():
            seen, _ = self._look(image)
            kept.parent.mkdir(parents=True, exist_ok=True)
            arrays: dict[str, Any] = {f"map_{part}": values.astype(np.float16) for part, values in seen.maps.items()}
            with tempfile.NamedTemporaryFile(dir=kept.parent, suffix=".part", delete=False) as part:
                np.savez(part, pose=seen.registration.homography, flow=seen.flow, inside=seen.inside, **arrays)
            Path(part.name).replace(kept)  # whole or not at all: rows that are measured at a time share these files
        with np.load(kept, allow_pickle=False) as file:
            maps = {part: np.asarray(file[f"map_{part}"], np.float32) for part in PARTS}
            shape = (self.product.golden.shape[0], self.product.golden.shape[1])
            return _Seen(maps, Registration(file["pose"], shape, 1.0, 1.0, 1.0, 0.0), file["flow"], file["inside"])


def _parts_of(variant: str) -> tuple[str, ...]:
    """Return the parts that may speak; a sum alone needs the parts that it adds up."""
    single = {"spot network": "spots", "autoencoder": "rebuilding"}.get(variant, variant)
    if single in SUMS:
        return (*SUMS[single], single)
    if single in PARTS:
        return (single,)
    left_out = {
        "": (),
        "without the spot network": ("spots",),
        "without position": ("position",),
        "without pads": ("pads",),
        "without together": (TOGETHER,),
        "without along": (ALONG,),
    }[variant]
    return tuple(name for name in (*PARTS, *SUMS) if name not in left_out)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "shiftwatch"


def _taught(boards: list[Path]) -> Path:
    digest = hashlib.sha256()
    for path in (*boards, *_code()):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    target = _cache() / "taught" / digest.hexdigest()[:16]
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
