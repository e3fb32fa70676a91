"""Pictures of a cycle for the networks: what each cell shows, squeezed to about unit size."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.observation import Array
from dqm.its.causes import Cause
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, Floats, chips_per_cell, flatten
from dqm.its.pulls import Pulls

NOMINAL = 0
CAUSES = tuple(Cause)
CLASSES = 1 + len(CAUSES)
"""Class 0 is nominal, class 1 + i the cause ``CAUSES[i]``."""
CHANNELS = (
    "occupation",
    "logarithm of the ratio",
    "share lost",
    "clusters added",
    "size",
    "ratio of sizes",
    "size of added clusters",
    "single pixels",
    "hits",
    "long",
    "fault",
    "sigma",
    "valid",
)
_SOFT = 2.0
_LEAST = 1e-4
_SINGLE = 1.05
_SIZE_ERROR = 0.004


def features(pulls: Pulls, observed_size: Floats) -> NDArray[np.float32]:
    """Return the channels of every cell, shape (len(CHANNELS), CELLS), 0 where a cell is not valid.

    Parameters
    ----------
    observed_size
        Average cluster size in pixels as published, shape (CELLS,), 0 where unknown: see `sizes`.
    """
    ratio = np.clip(pulls.ratio, _LEAST, 1 / _LEAST).astype(np.float64)
    added = (pulls.observed - pulls.expected) * chips_per_cell()
    channels = (
        soft(pulls.occupation),
        np.clip(np.log(ratio), -3, 3),
        np.clip(1 - ratio, 0, 1),
        np.clip(np.log10(np.maximum(added, _LEAST)) + 2, 0, 4),
        soft(pulls.size),
        np.clip(2 * np.log(size_ratio(pulls, observed_size)), -3, 3),
        *added_clusters(pulls, observed_size),
        soft(pulls.hits),
        soft(pulls.long),
        np.sqrt(np.clip(pulls.fault, 0, 1)),
        np.log10(np.clip(pulls.occupation_sigma, 1e-4, 1.0)) + 2.5,
        np.ones(CELLS),
    )
    stacked = np.stack([np.nan_to_num(np.asarray(channel, np.float32)) for channel in channels])
    return np.where(pulls.valid, stacked, np.float32(0))


def soft(pull: Floats) -> Floats:
    """Return a pull squeezed: linear up to about 2, then logarithmic (2 gives 0.9, 20 gives 3, 200 gives 5.3)."""
    return np.asarray(np.arcsinh(np.asarray(pull, np.float64) / _SOFT))


def sizes(payload: Mapping[str, Array]) -> Floats:
    """Return the average cluster size of every cell in pixels, shape (CELLS,), 0 where it is not published."""
    maps = [
        np.asarray(payload.get(f"cluster_size_L{of.number}", np.zeros((of.cells, of.staves))), np.float64)
        for of in LAYERS
    ]
    return flatten(maps)


def size_ratio(pulls: Pulls, observed_size: Floats) -> Floats:
    """Return observed over expected cluster size, 1 where either is unknown."""
    known = (observed_size > 0) & (pulls.expected_size > 0)
    return np.where(known, observed_size / np.where(known, pulls.expected_size, 1.0), 1.0)


def added_clusters(pulls: Pulls, observed_size: Floats) -> tuple[Floats, Floats]:
    """Return what clusters beyond the expected ones are like, shape (CELLS,) each, 0 where there are hardly any.

    The first is the logarithm of their mean size, from the sums: (observed clusters x size - expected clusters x size)
    / clusters added. A hot pixel's have one pixel (0), noise 1.1, particles 3 to 10, a stuck double column's 256. The
    second tells one pixel (-1) from the 1.1 of noise (+1), if sizes are known well enough.
    """
    observed, expected = np.asarray(pulls.observed, np.float64), np.asarray(pulls.expected, np.float64)
    added = observed - expected
    enough = (pulls.occupation > 5) & (added > 0) & (observed_size > 0) & (pulls.expected_size > 0)
    pixels = observed * observed_size - expected * pulls.expected_size
    mean = pixels / np.where(enough, added, 1.0)
    error = _SIZE_ERROR * np.where(enough, expected * pulls.expected_size / np.where(enough, added, 1.0), 0.0)
    single = np.clip((mean - _SINGLE) / (_SINGLE - 1 + error), -3, 3)
    return np.where(enough, np.clip(np.log(np.maximum(mean, 0.5)), -0.7, 6), 0.0), np.where(enough, single, 0.0)
