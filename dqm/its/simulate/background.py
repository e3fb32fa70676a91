"""Beam background: showers of particles nearly parallel to the beam, from one side, at one side of the pipe.

One event is a shower whose clusters in the inner barrel are log-normal in number. Particles hit a sensor at an angle to
z that follows a Rayleigh law (flux through a plane goes with the angle): a particle at angle a leaves a streak of 30 um
/ tan(a), 1.8 pixels wide, cut into clusters of at most 128 columns (the box of a cluster's pattern). So the share of
long clusters (>= 128 columns) and the size of all follow from one angle; 60 mrad gives 1.3 % of long ones.
Clusters of an event lie within `CONE_RAD` of its direction in phi, fall off with the radius (`REACH`) and, slowly, from
the side from which it came (`LENGTH_CM`). Events come with the beam, not with collisions: their rate follows the beam's
intensity.

Exact given the events: clusters of different cells are independent Poisson numbers once number, size and direction (to
a 36th of a turn) of all events are drawn. The scales of this module are assumptions; the definition of long clusters
and the limits of the plots are those of the QC.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator

from dqm.its.geometry import LAYERS, cell_positions
from dqm.its.simulate.cells import INNER, Floats, Ints, chips_per_cell

PHI_BINS = 36
LONG_COLUMNS = 128
REACH = (1.0, 0.8, 0.65, 0.004, 0.003, 0.0015, 0.001)
"""Clusters per chip and layer, relative to layer 0."""
CONE_RAD = 0.35
LENGTH_CM = 40.0
STREAK_ROWS = 1.8
_SILICON_UM, _COLUMN_UM = 30.0, 29.24
_CHIP_COLUMNS = 1024
_SIZE_CLASSES = 5


@dataclass(frozen=True, slots=True)
class Streaks:
    """Clusters of background: mean size and mean square of all, and of those not long; share and size of long ones."""

    mean: float
    square: float
    short_mean: float
    short_square: float
    long_share: float
    long_pixels: float = STREAK_ROWS * LONG_COLUMNS


@cache
def streaks(angle_rad: float) -> Streaks:
    """Return the clusters that particles at this scale of angles leave (integrated over the Rayleigh law)."""
    share = (np.arange(4096) + 0.5) / 4096
    angle = np.minimum(angle_rad * np.sqrt(-2 * np.log(share)), 1.5)
    columns = np.clip(_SILICON_UM / np.tan(angle) / _COLUMN_UM + 1, 1, _CHIP_COLUMNS)
    whole = np.floor(columns / LONG_COLUMNS)
    rest = (columns - whole * LONG_COLUMNS) * STREAK_ROWS
    long_pixels = STREAK_ROWS * LONG_COLUMNS
    pieces = whole.sum() + rest.size
    return Streaks(
        mean=float((whole * long_pixels + rest).sum() / pieces),
        square=float((whole * long_pixels**2 + rest**2).sum() / pieces),
        short_mean=float(rest.mean()),
        short_square=float((rest**2).mean()),
        long_share=float(whole.sum() / pieces),
    )


@dataclass(frozen=True, slots=True)
class Source:
    """A source of background: ``side`` +1 from A, -1 from C; the rest as in `faults.DETAILS`.

    ``per_second`` is the mean number of clusters that it leaves in the inner barrel in a second of data.
    """

    side: int
    per_second: float
    phi_rad: float
    spread_rad: float
    angle_rad: float
    clusters: float
    clusters_spread: float


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """The background events of one source that a QC task saw in a cycle: ``size`` in clusters of the inner barrel.

    ``phi_bin`` and ``size`` have shape (events,).
    """

    source: Source
    phi_bin: Ints
    size: Floats

    def expected(self) -> Floats:
        """Return the expected clusters in every cell, shape (CELLS,), chips perfect."""
        weights = np.bincount(self.phi_bin, self.size, PHI_BINS)
        return np.asarray(kernel(self.source.side) @ weights)

    def classes(self) -> tuple[Floats, Floats]:
        """Return how many events are in classes of direction and size, and the mean size in each; (36, 5) each."""
        if not self.size.size:
            return np.zeros((PHI_BINS, _SIZE_CLASSES)), np.ones((PHI_BINS, _SIZE_CLASSES))
        edges = np.quantile(self.size, np.linspace(0, 1, _SIZE_CLASSES + 1)[1:-1])
        place = self.phi_bin * _SIZE_CLASSES + np.searchsorted(edges, self.size)
        count = np.bincount(place, minlength=PHI_BINS * _SIZE_CLASSES)
        total = np.bincount(place, self.size, PHI_BINS * _SIZE_CLASSES)
        shape = (PHI_BINS, _SIZE_CLASSES)
        return count.reshape(shape).astype(np.float64), (total / np.maximum(count, 1)).reshape(shape)


def draw_events(rng: Generator, source: Source, seconds: float) -> Events:
    """Draw the events of a time: Poisson in number, log-normal in size, normal about a direction."""
    mean = source.clusters * np.exp(source.clusters_spread**2 / 2)
    count = int(rng.poisson(source.per_second * seconds / mean))
    size = rng.lognormal(np.log(source.clusters), source.clusters_spread, count)
    phi = rng.normal(source.phi_rad, source.spread_rad, count) % (2 * np.pi)
    return Events(source, np.minimum((phi / (2 * np.pi) * PHI_BINS).astype(np.int64), PHI_BINS - 1), size)


@cache
def kernel(side: int) -> Floats:
    """Return an event's clusters by cell and direction, shape (CELLS, 36), for one in the inner barrel on average."""
    directions = (np.arange(PHI_BINS) + 0.5) / PHI_BINS * 2 * np.pi
    found = []
    for layer in LAYERS:
        at = cell_positions(layer.number)
        apart = (at.phi_rad.ravel()[:, None] - directions + np.pi) % (2 * np.pi) - np.pi
        along = np.exp((side * at.z_cm.ravel() - np.abs(at.z_cm).max()) / LENGTH_CM)
        found.append(REACH[layer.number] * np.exp(-(apart**2) / 2 / CONE_RAD**2) * along[:, None])
    table: Floats = np.concatenate(found) * chips_per_cell()[:, None].astype(np.float64)
    table /= table[:INNER].sum(axis=0).mean()
    table.setflags(write=False)
    return table
