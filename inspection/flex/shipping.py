"""Make the models that ship, from synthetic boards alone: ``python -m inspection.flex.shipping [base|product]``.

``base``: the classifier of defects and the weights from which each product's spot network starts.
``product``: the taught product ``synthetic`` that demo and tests use.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from core.inference import Session, write_package
from inspection.flex.classifier.training import export_classifier, synthetic_grounds, train_classifier
from inspection.flex.detector import SHIPPED_MODELS
from inspection.flex.learned.lessons import Lessons, make_lessons
from inspection.flex.learned.parts import Networks
from inspection.flex.learned.region import judged_zones
from inspection.flex.learned.saving import NETWORKS
from inspection.flex.learned.spot_training import train_spots, weights_of
from inspection.flex.learned.stack import build_stack, measure_filters, measure_rebuilding
from inspection.flex.registration import lay, prepare
from inspection.flex.simulate.boards import design, photograph
from inspection.flex.training import Effort, train, train_rebuilding

PRODUCT_SEED = 1
PRODUCT_BOARDS = 48
_DESIGNS = (101, 102, 103, 104, 105)
_BOARDS_EACH = 9
_SEED = 20261


def ship_base(out: Path = SHIPPED_MODELS / "base") -> None:
    """Train classifier and spot network on synthetic boards of several designs, none of them the product's."""
    effort = Effort(lessons=400, spot_steps=4000)
    lessons = []
    for number in _DESIGNS:
        with TemporaryDirectory() as folder:
            lessons.append(_lessons_of(number, Path(folder), effort))
            print(f"design {number}: {len(lessons[-1].truth)} lessons", flush=True)
    spots = train_spots(Lessons.joined(lessons), steps=effort.spot_steps, seed=_SEED)
    print("spot network trained", flush=True)
    trained = train_classifier(synthetic_grounds(_SEED % 97, designs=8), seed=_SEED)
    with TemporaryDirectory() as folder:
        export_classifier(trained, Path(folder) / "classes.onnx")
        write_package(
            out,
            name="flex-base",
            system="flex",
            created_at=datetime.now(UTC),
            seed=_SEED,
            training_data=f"synthetic boards, designs {_DESIGNS}, {_BOARDS_EACH} each",
            networks={"classes.onnx": Path(folder) / "classes.onnx"},
            arrays={"weights.npz": weights_of(spots)},
            metrics=dict(trained.metrics),
            details={"kind": "base", "classes": trained.classes.to_json()},
            replace=True,
        )
    print(f"wrote {out}: {trained.metrics}", flush=True)


def ship_product(models: Path = SHIPPED_MODELS) -> None:
    """Teach the product ``synthetic`` from photos of good synthetic boards."""
    with TemporaryDirectory() as folder:
        write_photos(Path(folder), PRODUCT_SEED, PRODUCT_BOARDS)
        train("synthetic", Path(folder), models, seed=_SEED, effort=replace(Effort(), lessons=960, spot_steps=2000))


def write_photos(folder: Path, number: int, boards: int, width: int = 1600) -> None:
    """Write photos of good boards of one design as a scanner would."""
    for index in range(boards):
        photo = photograph(design(number), np.random.default_rng([number, index, 17]), width=width)
        bgr = cv2.cvtColor(photo.image, cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / f"good_{index:03d}.jpg"), bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])


def _lessons_of(number: int, folder: Path, effort: Effort) -> Lessons:
    photos = list(_photos(number))
    grid = prepare(photos[0])
    laid = np.stack([lay(photo, grid).aligned for photo in photos])
    features = Session(NETWORKS.features(), "features.onnx")
    stack = build_stack(laid, features, folder, _SEED)
    rebuilding = Session(train_rebuilding(stack, effort, _SEED), "rebuilding.onnx")
    measure_rebuilding(stack, rebuilding)
    zones = judged_zones(stack.sums.normality().golden)
    stack = measure_filters(stack, zones)
    networks = Networks(features, rebuilding, features)
    return make_lessons(stack, range(len(stack)), zones, networks, effort.lessons // len(stack), _SEED + number)


def _photos(number: int) -> Iterator[np.ndarray]:
    for index in range(_BOARDS_EACH):
        yield photograph(design(number), np.random.default_rng([number, index, 3])).image


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["base", "product"]
    if "base" in wanted:
        ship_base()
    if "product" in wanted:
        ship_product()
