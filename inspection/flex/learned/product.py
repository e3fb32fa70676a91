"""A product that was taught: its package read from disk, ready to judge boards."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from core.inference import ModelPackage, Session
from core.thresholds import SpotThreshold
from inspection.flex.classifier.inference import Classes
from inspection.flex.learned.context import Context, Projection
from inspection.flex.learned.fusion import Fusion
from inspection.flex.learned.normality import Normality
from inspection.flex.learned.pads import PadZone
from inspection.flex.learned.parts import STRIDE, Expectation, Filters, Networks, keep_inside, look, part_maps
from inspection.flex.learned.photometry import normalise
from inspection.flex.learned.rebuilding import Rebuilding
from inspection.flex.registration import Laid, Reference, lay, prepare
from inspection.flex.simulate.zones import Zone

Float: TypeAlias = NDArray[np.float32]
Image: TypeAlias = NDArray[np.uint8]

KIND = "learned"
EDGE_PX = 12


@dataclass(frozen=True, eq=False)
class Looked:
    """A board laid on the reference and scored everywhere: ``fused`` (H // 2, W // 2) and where it was judged."""

    board: Image
    laid: Laid
    fused: Float
    inside: NDArray[np.bool_]


class Product:
    """Everything learned of one product.

    Parameters
    ----------
    package
        Package written by `inspection.flex.training`.
    threads
        Cores for each call of a network; tiles are shared out among threads already.
    """

    def __init__(self, package: ModelPackage, threads: int = 1) -> None:
        if package.card.details.get("kind") != KIND:
            raise ModelError(f"{package.path}: not a package of a taught product")
        self.package, self.threads = package, threads
        golden = package.array("golden.npz")
        self.normality = Normality(np.asarray(golden["golden"]), np.asarray(golden["spread"]))
        self.zones = np.asarray(golden["zones"], np.uint8)
        calibration: Any = package.card.calibration
        self.fusion = Fusion.from_json(calibration["fusion"], origin=str(package.path))
        self.threshold = SpotThreshold.from_json(calibration["spots"])
        self.classes = Classes.from_json(package.card.details["classes"])  # type: ignore[arg-type]

    @property
    def golden(self) -> Image:
        """The golden board, (H, W, 3) uint8 RGB."""
        return self.normality.golden

    @cached_property
    def reference(self) -> Reference:
        """The golden board as registration needs it."""
        return prepare(self.golden)

    @cached_property
    def expected(self) -> Expectation:
        """What is normal at every place."""
        context, rebuilding, filters = (self.package.array(f"{n}.npz") for n in ("context", "rebuilding", "filters"))
        projection = Projection(np.asarray(context["offset"]), np.asarray(context["matrix"]))
        return Expectation(
            self.normality,
            Context(projection, np.asarray(context["mean"]), np.asarray(context["variance"])),
            Rebuilding(np.asarray(rebuilding["mean"]), np.asarray(rebuilding["spread"])),
            Filters(PadZone.of(self.zones, self.normality.spread), np.asarray(filters["pads"])),
        )

    @cached_property
    def networks(self) -> Networks:
        """The sessions that see the board."""
        return Networks(
            self.package.session("features.onnx", threads=self.threads, inputs=["image"]),
            self.package.session("rebuilding.onnx", threads=self.threads, inputs=["image"]),
            self.package.session("spots.onnx", threads=self.threads, inputs=["image", "coarse"]),
        )

    @cached_property
    def classifier(self) -> Session:
        """The session that names defects."""
        return self.package.session("classes.onnx", threads=self.threads)

    def _read_all(self) -> None:
        """Read now what is read on first use."""
        _ = self.expected, self.networks, self.classifier

    def look(self, image: Image, origin: str = "image") -> Looked:
        """Lay a photo on the reference and score every place.

        Raises
        ------
        core.errors.RegistrationError
            The photo cannot be laid on the reference.
        """
        with ThreadPoolExecutor(1) as pool:  # the first board is laid while the rest of the package is read
            ready = pool.submit(self._read_all)
            laid = lay(image, self.reference, origin=origin)
            ready.result()
        covered = coverage(laid, (image.shape[0], image.shape[1]))
        board = normalise(laid.aligned, self.golden, covered)
        coarse = look(board, self.networks, self.expected)
        maps = part_maps(board, coarse, self.expected, self.networks.spots)
        inside = judged_area(covered, self.zones)
        keep_inside(maps, inside)
        return Looked(board, laid, self.fusion.fuse(maps), inside)


def coverage(laid: Laid, image_shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which pixels of the reference the photo shows, (H, W) bool."""
    ones = np.ones(image_shape, np.uint8)
    shape = laid.registration.shape
    seen = cv2.warpPerspective(ones, laid.registration.homography, (shape[1], shape[0]), flags=cv2.INTER_NEAREST)
    return np.asarray(seen > 0)


def judged_area(covered: NDArray[np.bool_], zones: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a board is judged, (H // 2, W // 2) bool: the part, where the photo shows it by some pixels more."""
    framed = cv2.copyMakeBorder(covered.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    kernel = np.ones((2 * EDGE_PX + 1, 2 * EDGE_PX + 1), np.uint8)
    eroded = cv2.erode(framed, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)[1:-1, 1:-1]
    inside = (eroded > 0) & (zones != Zone.OUTSIDE)
    return np.asarray(inside[::STRIDE, ::STRIDE][: covered.shape[0] // STRIDE, : covered.shape[1] // STRIDE])


def pad_zone(zones: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where the gold pads are."""
    return np.asarray(zones == Zone.PAD)
