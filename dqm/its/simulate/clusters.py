"""How many pixels a particle fires in an ALPIDE, by the angle at which it comes.

Model: the particle leaves charge along its way through 25 um of silicon, with a Landau spread (Moyal); the charge
diffuses to a Gaussian; a pixel fires where it collects more than the threshold. Three numbers are fitted to 193,686
real clusters of cosmic particles in 7 ALPIDE chips (``python -m dqm.its.simulate.fitting clusters FOLDER``), under
the condition that a particle that crosses at right angles is seen with a probability of at least 0.99; shares of
clusters of 1, 2, 3, 4, 5, 6, 7, 8 and more pixels::

    real   0.188 0.322 0.157 0.177 0.046 0.039 0.019 0.014 0.037
    model  0.132 0.347 0.212 0.160 0.058 0.031 0.018 0.011 0.031

The fast simulation uses `TILTED` and `FLAT`, moments of the same model on a grid of angles (``... fitting table``).
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import moyal

from dqm.its.simulate.cells import Floats

COLUMN_UM, ROW_UM = 29.24, 26.88
_DEPTH_UM = 25.0
_STEPS = 16
_MARGIN = 3


@dataclass(frozen=True, slots=True)
class Response:
    """``diffusion_um`` of the charge (sigma); ``threshold`` and ``landau`` (width) in mean charges at 90 degrees."""

    diffusion_um: float = 6.0
    threshold: float = 0.16
    landau: float = 0.4


def fire(rng: Generator, along_z: Floats, along_phi: Floats, response: Response | None = None) -> NDArray[np.bool_]:
    """Return the pixels that particles fire.

    Parameters
    ----------
    along_z, along_phi
        Slopes of the particles against the chip's normal (tangents), shape (n,) each; sort them to save memory.

    Returns
    -------
    ndarray
        Shape (n, columns, rows), False everywhere for a particle that is not seen.
    """
    response = response or Response()
    z, phi = np.abs(along_z), np.abs(along_phi)
    charge = np.maximum(1 + response.landau * moyal.rvs(size=z.size, random_state=rng), 0.3) * np.sqrt(
        1 + z**2 + phi**2
    )
    columns = _share(rng, z, COLUMN_UM, response.diffusion_um)
    rows = _share(rng, phi, ROW_UM, response.diffusion_um)
    collected = np.einsum("nsc,nsr->ncr", columns, rows) * (charge / _STEPS)[:, None, None]
    return np.asarray(collected > response.threshold)


def sizes(rng: Generator, along_z: Floats, along_phi: Floats, response: Response | None = None) -> NDArray[np.int64]:
    """Return the number of pixels per particle, shape (n,), 0 for one that is not seen; arguments as for `fire`."""
    found = np.zeros(along_z.size, np.int64)
    order = np.argsort(np.maximum(np.abs(along_z), np.abs(along_phi)))
    for part in np.array_split(order, max(1, along_z.size // 512)):
        if part.size:
            found[part] = fire(rng, along_z[part], along_phi[part], response).sum(axis=(1, 2))
    return found


def _share(rng: Generator, slope: Floats, pitch_um: float, diffusion_um: float) -> Floats:
    """Share of the charge of each step that each row (or column) of pixels collects, (n, steps, pixels)."""
    pixels = int(np.ceil(_DEPTH_UM * slope.max(initial=0.0) / pitch_um)) + 2 * _MARGIN
    entry = rng.uniform(0, pitch_um, slope.size)
    at = entry[:, None] + _DEPTH_UM * slope[:, None] * (np.arange(_STEPS) + 0.5) / _STEPS
    edges = (np.arange(pixels + 1) - _MARGIN) * pitch_um
    return np.asarray(np.diff(ndtr((edges - at[..., None]) / diffusion_um), axis=-1))


@dataclass(frozen=True, slots=True, eq=False)
class SizeTable:
    """Moments of the size of seen clusters on a grid of slopes along z: mean, variance, share of more than 2 pixels."""

    mean: tuple[float, ...]
    variance: tuple[float, ...]
    above_two: tuple[float, ...]

    def at(self, slope: Floats) -> tuple[Floats, Floats, Floats]:
        """Return mean, variance and share above 2 pixels at slopes of any shape; beyond 8 as the last step goes on."""
        slope = np.abs(slope)
        beyond = np.maximum(slope - SLOPES[-1], 0.0)
        step = SLOPES[-1] - SLOPES[-2]
        columns = (self.mean, self.variance, self.above_two)
        mean, variance, above = (np.interp(slope, SLOPES, column) for column in columns)
        mean = mean + beyond * (self.mean[-1] - self.mean[-2]) / step
        return mean, variance + beyond * (self.variance[-1] - self.variance[-2]) / step, above


SLOPES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
TILTED = SizeTable(
    (1.979, 2.014, 2.121, 2.299, 2.518, 3.045, 3.626, 4.248, 4.876, 6.175, 7.481, 8.767, 11.376),
    (0.714, 0.723, 0.778, 0.819, 0.834, 1.027, 1.356, 1.597, 2.043, 2.959, 4.069, 5.519, 9.013),
    (0.192, 0.205, 0.258, 0.343, 0.445, 0.643, 0.819, 0.944, 0.987, 1.0, 1.0, 1.0, 1.0),
)
"""Staves of the inner barrel, which particles from the vertex cross with a slope of about 0.3 in r-phi."""
FLAT = SizeTable(
    (1.914, 1.96, 2.068, 2.242, 2.465, 3.003, 3.603, 4.229, 4.874, 6.149, 7.454, 8.758, 11.382),
    (0.672, 0.702, 0.75, 0.809, 0.844, 1.065, 1.48, 1.833, 2.401, 3.683, 5.279, 7.241, 12.268),
    (0.168, 0.184, 0.228, 0.302, 0.397, 0.595, 0.785, 0.936, 0.986, 1.0, 1.0, 1.0, 1.0),
)
"""Staves of the outer barrel."""
