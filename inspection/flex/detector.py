"""Judges boards: by what good boards of a product look like, or by one golden image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.contracts import Detector
from core.errors import InputError, ModelError
from core.inference import load_package
from core.observation import Observation
from core.settings import Settings
from core.verdict import Verdict, unreadable
from inspection.flex.golden.detector import GoldenDetector, default_package
from inspection.flex.images import read_image
from inspection.flex.judging import judge_by_golden, judge_by_product
from inspection.flex.learned.product import Product
from inspection.flex.pictures import board_pictures

SHIPPED_MODELS = Path(__file__).parent / "models"


class FlexDetector:
    """The detector of the FLEX system; see `load` and `for_reference`."""

    def __init__(self, judge: "ProductJudge | GoldenJudge") -> None:
        self._judge = judge

    @classmethod
    def load(cls, settings: Settings) -> Detector:
        """Return the detector of the product that the settings name.

        Raises
        ------
        core.errors.ModelError
            There is no such product, or its package is damaged.
        core.errors.CalibrationError
            The product was taught from too few boards for the budget of false spots.
        """
        product = Product(load_package(find_product(settings)))
        return cls(ProductJudge(product, settings))

    @classmethod
    def for_reference(cls, reference: Path, settings: Settings, product: str | None = None) -> Detector:
        """Return a detector that knows one golden image; ``product`` names a package trained on pairs.

        Raises
        ------
        core.errors.InputError
            The golden image cannot be read.
        core.errors.ModelError
            The package cannot be used.
        """
        package = load_package(find_product(settings, product)) if product else default_package()
        picture = read_image(reference, settings.flex.max_megapixels)
        return cls(GoldenJudge(GoldenDetector(package, picture, settings.flex.false_spots_per_board), picture))

    def judge(self, observation: Observation) -> Verdict:
        """Return the verdict on one photo; NULL with the reason if it cannot be judged."""
        image = observation.payload.get("image")
        if image is None or image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            shape = None if image is None else (image.shape, str(image.dtype))
            return unreadable(f"{observation.origin}: not an RGB picture of 8 bits (found {shape})")
        picture = np.asarray(image, np.uint8)
        try:
            return self._judge(picture, observation.origin)
        except InputError as error:  # the operator sees what the scanner saw, and why it could not be judged
            return replace(unreadable(str(error), self._judge.model), evidence=board_pictures(picture, (), None))


class ProductJudge:
    """Judges by a taught product."""

    def __init__(self, product: Product, settings: Settings) -> None:
        self.product = product
        self.model = product.package.model
        self._spots = settings.flex.false_spots_per_board
        self._alarms = settings.flex.false_alarms_per_board
        product.threshold.threshold(self._spots)  # a budget that cannot be kept is told now, not board by board

    def __call__(self, image: NDArray[np.uint8], origin: str) -> Verdict:
        return judge_by_product(self.product, image, origin, self._spots, self._alarms)


class GoldenJudge:
    """Judges by one golden image."""

    def __init__(self, detector: GoldenDetector, reference: NDArray[np.uint8]) -> None:
        self.detector, self.reference = detector, reference
        self.model = detector.model

    def __call__(self, image: NDArray[np.uint8], origin: str) -> Verdict:
        return judge_by_golden(self.detector, self.reference, image, origin)


def find_product(settings: Settings, product: str | None = None) -> Path:
    """Return the package of a product, or the one pinned by the settings: the site's own first, then those that ship.

    Raises
    ------
    core.errors.ModelError
        There is none; the text lists those there are.
    """
    pinned = settings.pinned.get("flex")
    if product is None and pinned is not None:
        return pinned
    name = product or settings.flex.product
    folders = (settings.site_models / "flex", SHIPPED_MODELS)
    for folder in folders:
        if (folder / name / "card.json").is_file():
            return folder / name
    known = sorted({p.parent.name for folder in folders for p in folder.glob("*/card.json")} - {"base"})
    raise ModelError(f"no product called {name!r} has been taught; there is: {', '.join(known) or 'none'}")
