"""Write a taught product to a model package, with the networks that ship."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.inference import ModelPackage, load_package, write_package
from inspection.flex.learned.calibration import Calibrated
from inspection.flex.learned.parts import Expectation
from inspection.flex.learned.product import KIND

Weights: TypeAlias = dict[str, NDArray[np.generic]]

_MAPPED_FROM_PX = 3_000_000
SHIPPED = Path(__file__).parent.parent / "models" / "base"


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """What teaching gave."""

    expected: Expectation
    zones: NDArray[np.uint8]
    rebuilding: bytes
    spots: bytes
    spot_weights: Weights
    calibrated: Calibrated
    learned_from: tuple[str, ...] = ()


class ShippedNetworks:
    """The networks that ship with the repository: features, classifier, and weights to start the spot network from."""

    def __init__(self, folder: Path = SHIPPED) -> None:
        self.folder = folder

    def features(self) -> bytes:
        """Return EfficientNet-Lite0's early stages as ONNX."""
        return (Path(__file__).parent / "lite0_early.onnx").read_bytes()

    def package(self) -> ModelPackage:
        """Open the package of networks learned on synthetic boards.

        Raises
        ------
        core.errors.ModelError
            It is damaged.
        """
        return load_package(self.folder)

    def spot_weights(self) -> Weights | None:
        """Return the weights of the spot network that was trained on synthetic boards; None before there are any."""
        if not (self.folder / "weights.npz").is_file():
            return None
        arrays = self.package().array("weights.npz")
        return {name: np.asarray(arrays[name]) for name in arrays}


NETWORKS = ShippedNetworks()


def save_product(
    target: Path,
    product: str,
    taught: Taught,
    *,
    boards: Sequence[Path],
    seed: int,
    created_at: datetime,
    digest: str,
) -> ModelPackage:
    """Write the package (in the place of an older one of the same name).

    Arrays of large boards are stored as they are, to be mapped when a board is judged: 17 megapixels take most of a
    second to decompress. Small ones, like those that ship, are compressed.
    """
    expected = taught.expected
    base = NETWORKS.package()
    return write_package(
        target,
        name=f"flex-{product}",
        system="flex",
        created_at=created_at,
        seed=seed,
        training_data=digest,
        networks={
            "features.onnx": NETWORKS.features(),
            "rebuilding.onnx": taught.rebuilding,
            "spots.onnx": taught.spots,
            "classes.onnx": base.path / "classes.onnx",
        },
        arrays={
            "golden.npz": {
                "golden": expected.normality.golden,
                "spread": expected.normality.spread,
                "zones": taught.zones,
            },
            "context.npz": {
                "offset": expected.context.projection.offset,
                "matrix": expected.context.projection.matrix,
                "mean": expected.context.mean.astype(np.float16),
                "variance": expected.context.variance.astype(np.float16),
            },
            "rebuilding.npz": {
                "mean": expected.rebuilding.mean.astype(np.float16),
                "spread": expected.rebuilding.spread.astype(np.float16),
            },
            "filters.npz": {"pads": expected.filters.pads},
            "weights.npz": taught.spot_weights,
        },
        metrics=taught.calibrated.metrics(),
        calibration=taught.calibrated.to_json(),
        details={
            "kind": KIND,
            "product": product,
            "boards": [p.name for p in boards],
            "learned_from": list(taught.learned_from),
            "classes": base.card.details["classes"],
        },
        compress=taught.zones.size < _MAPPED_FROM_PX,
        replace=True,
    )
