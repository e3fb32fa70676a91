"""The detector that takes a run: efficiency, noise, thresholds and dead chips, fixed by a seed of its own.

Noise is that of ALPIDE chips in 90 scans (``python -m dqm.its.simulate.fitting noise FOLDER``): 24 noisy pixels a chip
(median; logarithm spread by 1.43), 5 hits a pixel (2.72) in about 1e5 triggers (the largest count is 91,521). Pixels
above `MASKED_ABOVE` hits per frame are masked, as before every run; what is left adds to thermal noise of `THERMAL`
hits per pixel and frame (assumed). In the outer barrel pixels are masked so much earlier (assumed) that thermal noise
is all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from dqm.its.geometry import CHIPS
from dqm.its.simulate.cells import CELLS, INNER, PIXELS_PER_CHIP, Floats, chip_values_to_cells, chips_per_cell, name

MASKED_ABOVE = 1e-4
THERMAL = 5e-10
_NOISY_PIXELS, _NOISY_PIXELS_SPREAD = 24.0, 1.43
_PIXEL_RATE, _PIXEL_RATE_SPREAD = 5e-5, 2.72
_INEFFICIENCY, _INEFFICIENCY_SPREAD = 0.004, 0.5
_THERMAL_SPREAD = 0.8
_THRESHOLD_SPREAD = 0.02
_DEAD_INNER, _DEAD_OUTER, _DEAD_LANE = 0.002, 0.004, 0.001


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """Per cell, shape (CELLS,) each.

    ``seen``: mean probability that a chip of the cell registers a particle, dead chips included; ``noise``: noise
    clusters per readout frame in the cell; ``size_factor``: what the chips' thresholds do to the size of clusters;
    ``masked``: names of cells that are off altogether.
    """

    seen: Floats
    noise: Floats
    size_factor: Floats
    masked: tuple[str, ...]


def draw_detector(seed: int, *, noise_factor: float = 1.0, inefficiency_factor: float = 1.0) -> Detector:
    """Return the detector of a seed; the factors change the same detector, not which chips are good."""
    rng = np.random.default_rng([seed, 0x175])
    alive = _alive(rng)
    inefficiency = rng.lognormal(np.log(_INEFFICIENCY), _INEFFICIENCY_SPREAD, CHIPS) * inefficiency_factor
    efficiency = np.clip(1 - inefficiency, 0.0, 1.0)
    noise = (_thermal(rng) + _noisy_pixels(rng)) * noise_factor
    seen = chip_values_to_cells(alive * efficiency)
    return Detector(
        seen=seen,
        noise=chip_values_to_cells(alive * noise) * chips_per_cell(),
        size_factor=chip_values_to_cells(rng.normal(1.0, _THRESHOLD_SPREAD, CHIPS)),
        masked=tuple(name(int(place)) for place in np.flatnonzero(seen == 0)),
    )


def _alive(rng: Generator) -> Floats:
    """1 for a chip that works, 0 for one that is off: single chips, and whole lanes of the outer barrel."""
    chips = rng.random(CHIPS) > np.where(np.arange(CHIPS) < INNER, _DEAD_INNER, _DEAD_OUTER)
    lanes = np.repeat(rng.random(CELLS - INNER) > _DEAD_LANE, 7)
    chips[INNER:] &= lanes
    return chips.astype(np.float64)


def _thermal(rng: Generator) -> Floats:
    return np.asarray(THERMAL * PIXELS_PER_CHIP * rng.lognormal(0.0, _THERMAL_SPREAD, CHIPS))


def _noisy_pixels(rng: Generator) -> Floats:
    """Noise clusters per frame from the noisy pixels of each chip of the inner barrel, (CHIPS,)."""
    total = np.zeros(CHIPS)
    count = rng.poisson(np.minimum(rng.lognormal(np.log(_NOISY_PIXELS), _NOISY_PIXELS_SPREAD, INNER), 2000))
    rates = rng.lognormal(np.log(_PIXEL_RATE), _PIXEL_RATE_SPREAD, int(count.sum()))
    rates[rates > MASKED_ABOVE] = 0.0
    total[:INNER] = np.bincount(np.repeat(np.arange(INNER), count), rates, INNER)
    return total
