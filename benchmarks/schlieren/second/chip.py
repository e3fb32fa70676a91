"""Another camera: pixels that differ in gain, Poisson numbers, reading noise with a line of its own, 12 bits."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Chip:
    """Settings of the camera.

    Parameters
    ----------
    electrons
        In a pixel in the middle of the bare beam.
    uneven, line_e
        Relative standard deviation of the pixels' gains, and noise that a whole row shares.
    shake_um
        Standard deviation of the vibration across the channel.
    """

    electrons: float = 1500.0
    uneven: float = 0.005
    read_e: float = 3.0
    line_e: float = 0.3
    adu_per_electron: float = 1.0
    dark_adu: float = 100.0
    shake_um: float = 5.0
    pixel_um: float = 31.25
    most_adu: int = 4095


def expose(light: Floats, chip: Chip, rng: Generator) -> NDArray[np.int16]:
    """Return the counts of a picture of light (rows, columns)."""
    shaken = gaussian_filter1d(light, max(chip.shake_um / chip.pixel_um, 1e-3), axis=0, mode="nearest")
    rows, columns = shaken.shape
    gains = 1 + chip.uneven * rng.standard_normal((rows, columns))
    electrons = rng.poisson(np.maximum(shaken * chip.electrons * gains, 0)).astype(np.float64)
    electrons += chip.read_e * rng.standard_normal((rows, columns)) + chip.line_e * rng.standard_normal((rows, 1))
    adu = np.floor(electrons * chip.adu_per_electron + chip.dark_adu + rng.random((rows, columns)))
    return np.clip(adu, 0, chip.most_adu).astype(np.int16)
