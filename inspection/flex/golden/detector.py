"""Judge an image by one golden image: lay one on the other, find what differs, name it (ONNX Runtime, no torch)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from core.inference import ModelPackage, Session, load_package
from inspection.flex.golden.alignment import align_template
from inspection.flex.golden.calibration import Calibration
from inspection.flex.golden.channels import stack_channels
from inspection.flex.golden.decoding import Candidates, best_places, decode
from inspection.flex.golden.greying import Copper, equal_light, learn_greying
from inspection.flex.golden.pairs import CAUSES
from inspection.flex.golden.topology import name_places
from inspection.flex.registration import Registration, align, prepare, refine, register, to_input

Image = NDArray[np.uint8]
_TILE_PX = 1024
_OVERLAP_PX = 192
_MULTIPLE = 16
_LIKENESS = 0.75
"""Correlation from which two two-level drawings of one size are the same board without any search."""
_UNSURE = 0.5


@dataclass(frozen=True, slots=True)
class Spot:
    """A suspect place in pixels of the input image; ``probability`` is that of the cause, ``score`` 0 to 1."""

    x: int
    y: int
    width: int
    height: int
    score: float
    probability: float
    cause: str
    p_value: float


@dataclass(frozen=True, slots=True)
class Judged:
    """All spots above the threshold, worst first, what the threshold stands for, and how well the images lie."""

    spots: tuple[Spot, ...]
    threshold: float
    false_spots_expected: float
    residual_px: float
    places: tuple[tuple[int, int, int, int], ...] = ()
    """The same spots on the grid of the reference; on the image's own where the two lie on each other as they are."""
    registration: Registration | None = None
    flow: NDArray[np.float32] | None = None


def default_package() -> ModelPackage:
    """Open the package that is shipped: it learned from simulated pairs only."""
    return load_package(Path(__file__).parent / "package")


class GoldenDetector:
    """Golden-image mode for one product: holds the reference, the network and its calibration.

    Parameters
    ----------
    package
        Model package written by `inspection.flex.golden.training`.
    reference
        The golden image, (H, W, 3) uint8 RGB.
    false_spots_per_board
        The budget: how many false spots an image may show on average.
    copper
        Whether metal is dark or bright in the images (see `greying.learn_greying`).

    Raises
    ------
    ModelError
        The package is not one for golden-image mode.
    InputError
        The reference shows nothing.
    CalibrationError
        The budget is not positive or lower than the calibration can promise.
    """

    def __init__(
        self, package: ModelPackage, reference: Image, false_spots_per_board: float = 1.0, copper: Copper = "auto"
    ) -> None:
        if package.card.details.get("kind") != "golden":
            raise ModelError(f"{package.path}: not a model package for golden-image mode")
        self.model = package.model
        self.calibration = Calibration.from_json(package.card.calibration)
        self._session = package.session(inputs=["channels"], outputs=["heads"])
        self._reference = reference
        self._greying = learn_greying(reference, copper)
        self._template = self._greying(reference)
        self._prepared = None if self._greying.bilevel else prepare(reference)
        self.megapixels = reference.shape[0] * reference.shape[1] / 1e6
        self.threshold = self.calibration.threshold(false_spots_per_board, self.megapixels)
        self.false_spots_expected = float(
            self.calibration.false_spots(np.array([self.threshold], np.float32), self.megapixels)[0]
        )

    def judge_image(self, image: Image, origin: str = "image") -> list[Spot]:
        """Return the spots of an image (H, W, 3) uint8 RGB that reach the threshold, worst first.

        Raises
        ------
        RegistrationError
            The image cannot be laid on the reference.
        """
        return list(self.judge(image, origin).spots)

    def judge(self, image: Image, origin: str = "image") -> Judged:
        """Return spots, threshold and registration residual; raises as `judge_image` does."""
        laid = self._lay(image, origin)
        template, test, registration, flow, residual = laid
        places = self.find(template, test)
        places = Candidates(*(part[places.scores >= self.threshold] for part in (places.boxes, places.classes)))
        boxes = _to_image(places.boxes, registration, flow, (image.shape[0], image.shape[1]))
        corners = tuple((int(x1), int(y1), int(x2 - x1), int(y2 - y1)) for x1, y1, x2, y2 in places.boxes)
        return Judged(
            self._spots(places, boxes),
            self.threshold,
            self.false_spots_expected,
            residual,
            corners,
            registration,
            flow,
        )

    def find(self, template: Image, test: Image) -> Candidates:
        """Return all places of two grey images (H, W) that lie on each other, in pixels of them."""
        return find_places(self._session, template, test)

    def _lay(
        self, image: Image, origin: str
    ) -> tuple[Image, Image, Registration | None, NDArray[np.float32] | None, float]:
        """Lay template and image on one grid: that of a drawing's scan, or that of the reference photo."""
        if self._greying.bilevel and image.shape == self._reference.shape:
            test = self._greying(image)
            aligned = align_template(self._template, test)
            if _likeness(aligned.template, test) >= _LIKENESS:
                return aligned.template, test, None, None, 0.0
        if self._prepared is None:
            self._prepared = prepare(self._reference)
        registration = register(image, self._prepared, origin=origin)
        laid, flow = refine(align(image, registration), self._prepared)
        test = self._greying(laid)
        if not self._greying.bilevel:
            test = equal_light(self._template, test)
        return self._template, test, registration, flow, registration.residual_px

    def _spots(self, places: Candidates, boxes: list[tuple[int, int, int, int]]) -> tuple[Spot, ...]:
        false = self.calibration.false_spots(places.scores, self.megapixels)
        probabilities = self.calibration.class_probabilities(places.classes)
        spots = []
        for box, score, expected, classes in zip(boxes, places.scores, false, probabilities, strict=True):
            best = int(classes.argmax())
            sure = classes[best] >= _UNSURE
            cause, probability = (CAUSES[best], classes[best]) if sure else ("unknown", 1.0 - classes[best])
            spots.append(Spot(*box, float(score), float(probability), cause, float(-np.expm1(-expected))))
        return tuple(spots)


def find_places(session: Session, template: Image, test: Image, lowest: float = 0.01) -> Candidates:
    """Run the network over two aligned grey images (H, W), tile by tile; places from the score ``lowest`` on."""
    parts = []
    for rows, columns, core in _tiles(*test.shape):
        channels = stack_channels(template[rows, columns], test[rows, columns])
        places = decode(_run(session, channels), lowest)
        boxes = places.boxes + np.array([columns.start, rows.start] * 2, np.float32)
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        kept = (centres >= core[:2]).all(1) & (centres < core[2:]).all(1)
        parts.append(Candidates(boxes[kept], places.classes[kept]))
    joined = Candidates(np.concatenate([p.boxes for p in parts]), np.concatenate([p.classes for p in parts]))
    joined = name_places(best_places(joined), template, test)
    limit = np.array([test.shape[1], test.shape[0]] * 2, np.float32)
    return Candidates(np.clip(joined.boxes, 0, limit), joined.classes)


def _run(session: Session, channels: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, width = channels.shape[1:]
    padding = ((0, 0), (0, -height % _MULTIPLE), (0, -width % _MULTIPLE))
    padded = np.pad(channels, padding, mode="edge")[None]
    heads = session.run({"channels": padded})["heads"][0]
    return np.asarray(heads[:, : -(-height // 4), : -(-width // 4)], dtype=np.float32)


def _tiles(height: int, width: int) -> Iterator[tuple[slice, slice, NDArray[np.float32]]]:
    """Yield overlapping tiles and the core (x1, y1, x2, y2) whose places each of them answers for."""
    for top, bottom, first, last in _spans(height):
        for left, right, start, end in _spans(width):
            yield slice(top, bottom), slice(left, right), np.array([start, first, end, last], np.float32)


def _spans(length: int) -> Iterator[tuple[int, int, float, float]]:
    step = _TILE_PX - _OVERLAP_PX
    starts = list(range(0, max(length - _OVERLAP_PX, 1), step))
    for start in starts:
        first = -np.inf if start == 0 else start + _OVERLAP_PX / 2
        last = np.inf if start == starts[-1] else start + step + _OVERLAP_PX / 2
        yield start, min(start + _TILE_PX, length), first, last


def _to_image(
    boxes: NDArray[np.float32],
    registration: Registration | None,
    flow: NDArray[np.float32] | None,
    shape: tuple[int, int],
) -> list[tuple[int, int, int, int]]:
    corners = [(float(x1), float(y1), float(x2 - x1), float(y2 - y1)) for x1, y1, x2, y2 in boxes]
    if registration is not None:
        return to_input(corners, registration, flow, shape)
    return [(round(x), round(y), max(round(w), 1), max(round(h), 1)) for x, y, w, h in corners]


def _likeness(first: Image, second: Image) -> float:
    """Correlation of two grey images, forgiving about 2 px."""
    pictures = [cv2.GaussianBlur(image, (0, 0), 2.0)[::2, ::2].astype(np.float64).ravel() for image in (first, second)]
    if min(float(p.std()) for p in pictures) < 1.0:
        return 1.0 if np.abs(pictures[0] - pictures[1]).mean() < 8.0 else 0.0
    return float(np.corrcoef(pictures[0], pictures[1])[0, 1])
