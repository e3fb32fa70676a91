"""A product that is taught from eight tiny boards with networks that know nothing yet."""

from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from core.inference import write_package
from core.learning.fitting import to_onnx
from inspection.flex.classifier.network import RegionClassifier
from inspection.flex.classifier.samples import NAMES
from inspection.flex.learned.spot_network import SpotNetwork
from inspection.flex.learned.spot_training import weights_of
from inspection.flex.simulate.boards import Photo, design, photograph
from inspection.flex.training import Effort

WIDTH = 700
DESIGN = 1
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EFFORT = Effort(lessons=24, spot_steps=12, rebuilding_steps=12)


def photo(seed: int, *defects: str, width: int = WIDTH) -> Photo:
    """Return one board of the product."""
    return photograph(design(DESIGN), np.random.default_rng([DESIGN, seed]), defects, width=width)


def other_product(seed: int = 0, shape: tuple[int, int] = (524, WIDTH)) -> NDArray[np.uint8]:
    """Return the picture of a board that has nothing in common with the product."""
    rng = np.random.default_rng(seed)
    image = np.full((*shape, 3), (30, 70, 40), np.uint8)
    for _ in range(60):
        x, y, w, h = (int(v) for v in rng.integers((0, 0, 8, 8), (shape[1], shape[0], 90, 60)))
        cv2.rectangle(image, (x, y), (x + w, y + h), tuple(int(v) for v in rng.integers(20, 220, 3)), -1)
    noise = rng.normal(0, 1.5, image.shape)
    return np.clip(cv2.GaussianBlur(image, (0, 0), 1.0) + noise, 0, 255).astype(np.uint8)


def save(path: Path, image: NDArray[np.uint8]) -> Path:
    """Write a picture (RGB) by its suffix."""
    assert cv2.imwrite(str(path), np.ascontiguousarray(image[..., ::-1]))
    return path


def write_base(folder: Path) -> Path:
    """Write the package of networks that ships, but untrained: no test depends on shipped weights."""
    torch.manual_seed(5)
    example = {"crops": torch.zeros(2, 8, 64, 64, dtype=torch.uint8), "scale": torch.zeros(2, 1)}
    free = {name: {0: "n"} for name in ("crops", "scale", "logits")}
    classes = to_onnx(RegionClassifier(len(NAMES)), example, ["logits"], free)
    write_package(
        folder,
        name="flex-base",
        system="flex",
        created_at=AT,
        seed=5,
        training_data="nothing",
        networks={"classes.onnx": classes},
        arrays={"weights.npz": weights_of(SpotNetwork())},
        details={"kind": "base", "classes": {"names": list(NAMES), "threshold": 0.5}},
    )
    return folder
