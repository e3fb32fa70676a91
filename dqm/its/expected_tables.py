"""What was learnt of one beam type from nominal runs: the numbers that an expected cycle is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ModelError
from dqm.its.expected_kernel import Z_CM
from dqm.its.geometry import LAYERS
from dqm.its.layout import COLUMNS
from dqm.its.reading import LONG_PLACES
from dqm.its.standing import QUANTITIES

NOISE_PIXELS = 1.05
"""Size of a noise cluster: nearly always one pixel."""
_PER_LAYER = (len(QUANTITIES), len(LAYERS))


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """One beam type. Quantities: occupation, size, hits. Variances are those of logarithms.

    Parameters
    ----------
    kernel, pixels
        Clusters, and pixels, per readout frame and chip and unit of luminosity, by column and z of the vertex,
        shape (COLUMNS, Z).
    noise
        Noise clusters per readout frame and chip, shape (COLUMNS,).
    radial
        Share by which the occupation grows per cm that the beam comes nearer, shape (COLUMNS,).
    frames_hz, tracks_hz, vertices_hz
        Readout frames seen per second of a cycle; tracks and vertices per second and unit of luminosity.
    luminosity
        Lowest, usual, highest, shape (3,).
    counting
        Variance times clusters, shape (3, 7).
    wander, memory_s
        Variance of a cell's change after a long time, shape (3, 7), and how long that takes, shape (3,).
    noise_wander, noise_memory_s
        The same of the noise, shape () each.
    layer_wander
        The same as ``wander``, of all cells of a layer together, shape (3, 7).
    layer_chance
        Covariance times interactions of what the layers do as a whole by chance, beside the activity along z: shape (3,
        7, 7). Particles that do not go with the activity (soft electrons), showers of usual background.
    cold
        Variance of a cell of which nothing is known, shape (3, 7).
    dispersion
        Variance times interactions of their activity (as each task samples it), shape (3,).
    size_spread
        Spread of cells' sizes about the reference by their thresholds, shape (7,).
    long
        Frames with a long cluster per second from usual background of side A and C, shape (2, LONG_PLACES).
    long_spread
        Variance of the logarithm of that from run to run, and of its change in a long time of one run, shape (2,).
    long_memory_s
        How long that takes, shape ().
    long_dispersion
        Variance over mean of these frames beside Poisson's, shape ().
    """

    kernel: NDArray[np.float64]
    pixels: NDArray[np.float64]
    noise: NDArray[np.float64]
    radial: NDArray[np.float64]
    frames_hz: NDArray[np.float64]
    tracks_hz: NDArray[np.float64]
    vertices_hz: NDArray[np.float64]
    luminosity: NDArray[np.float64]
    counting: NDArray[np.float64]
    wander: NDArray[np.float64]
    memory_s: NDArray[np.float64]
    noise_wander: NDArray[np.float64]
    noise_memory_s: NDArray[np.float64]
    layer_wander: NDArray[np.float64]
    layer_chance: NDArray[np.float64]
    cold: NDArray[np.float64]
    dispersion: NDArray[np.float64]
    size_spread: NDArray[np.float64]
    long: NDArray[np.float64]
    long_spread: NDArray[np.float64]
    long_memory_s: NDArray[np.float64]
    long_dispersion: NDArray[np.float64]

    def to_arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return plain arrays by ``prefix/name``."""
        return {f"{prefix}/{field.name}": np.asarray(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], prefix: str) -> "Tables":
        """Read what `to_arrays` gave.

        Raises
        ------
        core.errors.ModelError
            If an array is missing, of another shape, not finite or negative.
        """
        found = {}
        for name, shape in SHAPES.items():
            key = f"{prefix}/{name}"
            value = np.asarray(arrays[key], np.float64) if key in arrays else LATER.get(name)
            if (
                value is None
                or value.shape != shape
                or not np.isfinite(value).all()
                or (name not in SIGNED and (value < 0).any())
            ):
                raise ModelError(f"the reference's array {key} is {'missing' if value is None else 'damaged'}")
            found[name] = value
        return cls(**found)


SIGNED = ("layer_chance",)
LATER: Mapping[str, NDArray[np.float64]] = {"layer_chance": np.zeros((len(QUANTITIES), len(LAYERS), len(LAYERS)))}
"""What references that were fitted earlier do not have."""
SHAPES: Mapping[str, tuple[int, ...]] = {
    "kernel": (COLUMNS, Z_CM.size),
    "pixels": (COLUMNS, Z_CM.size),
    "noise": (COLUMNS,),
    "radial": (COLUMNS,),
    "frames_hz": (),
    "tracks_hz": (),
    "vertices_hz": (),
    "luminosity": (3,),
    "counting": _PER_LAYER,
    "wander": _PER_LAYER,
    "memory_s": (len(QUANTITIES),),
    "noise_wander": (),
    "noise_memory_s": (),
    "layer_wander": _PER_LAYER,
    "layer_chance": (len(QUANTITIES), len(LAYERS), len(LAYERS)),
    "cold": _PER_LAYER,
    "dispersion": (len(QUANTITIES),),
    "size_spread": (len(LAYERS),),
    "long": (2, LONG_PLACES),
    "long_spread": (2,),
    "long_memory_s": (),
    "long_dispersion": (),
}
