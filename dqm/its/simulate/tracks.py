"""What the track task publishes: directions of tracks, clusters per track, vertices.

A track is found where at least 4 of the 7 layers registered the particle. The chance of a layer, in bins of eta and
phi, is that of the chips that particles of the bin reach (vertices spread along z), times `ATTACHED`, the chance that a
registered cluster is attached (assumed, so that a track has the 5.2 to 6.2 clusters that the QC expects). So a dead
stave is a hole of the directions as well.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator
from scipy.special import ndtr

from dqm.its.geometry import LAYERS, SENSITIVE_LENGTH_CM, Layer, positions
from dqm.its.objects import OBJECTS
from dqm.its.simulate.acceptance import Vertex, covered_rad
from dqm.its.simulate.beams import Collisions, density
from dqm.its.simulate.cells import Floats, block

ATTACHED = 0.84
LEAST_CLUSTERS = 4
_VERTEX_FOUND = 0.85
_VERTEX_XY_CM = 0.006
_ETA, _PHI = OBJECTS["angular"].axes
_Z_AXIS, _X_AXIS = OBJECTS["vertex_z"].axes[0], OBJECTS["vertex_xy"].axes[0]


@dataclass(frozen=True, slots=True, eq=False)
class Directions:
    """Per layer, the share of particles of each bin of eta that cross each piece along z of a stave, and of phi.

    ``along``: (7) of (40, pieces); ``around``: (7) of (60, staves x rows).
    """

    along: tuple[Floats, ...]
    around: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Expected tracks of a mean interaction by direction, (40, 60), and by number of clusters, (15,)."""

    angular: Floats
    clusters: Floats


def directions(vertex: Vertex) -> Directions:
    """Return which pieces of the layers the particles of each direction cross."""
    return Directions(
        tuple(_along(layer, vertex) for layer in LAYERS), tuple(_around(layer.number) for layer in LAYERS)
    )


def expected_tracks(collisions: Collisions, reached: Directions, seen: Floats) -> Tracks:
    """Return the tracks of a mean interaction.

    Parameters
    ----------
    seen
        Chance that a cell registers a particle, shape (CELLS,).
    """
    chances = np.zeros((8, _ETA.bins, _PHI.bins))
    chances[0] = 1.0
    for layer, along, around in zip(LAYERS, reached.along, reached.around, strict=True):
        hit = ATTACHED * np.clip(along @ _by_row(layer, seen) @ around.T, 0.0, 1.0)
        chances[1:] = chances[1:] * (1 - hit) + chances[:-1] * hit
        chances[0] *= 1 - hit
    eta = (_ETA.edges[1:] + _ETA.edges[:-1]) / 2
    particles = density(eta, collisions)[:, None] * np.diff(_ETA.edges)[:, None] / _PHI.bins
    tracks = particles * chances
    number = np.zeros(OBJECTS["track_clusters"].shape)
    number[LEAST_CLUSTERS:8] = tracks[LEAST_CLUSTERS:].sum(axis=(1, 2))
    return Tracks(tracks[LEAST_CLUSTERS:].sum(axis=0), number)


def track_plots(
    rng: Generator, tracks: Tracks, vertex: Vertex, interactions: float, activity: float
) -> dict[str, Floats]:
    """Draw the four plots of a cycle.

    Parameters
    ----------
    interactions
        Number of interactions that the task saw.
    activity
        Their summed activity, in mean interactions: all tracks rise and fall with it.
    """
    found = float(rng.poisson(interactions * _VERTEX_FOUND))
    per_vertex = max(found, 1.0)
    x, y = (np.diff(ndtr((_X_AXIS.edges - at) / _VERTEX_XY_CM)) for at in (vertex.x_cm, vertex.y_cm))
    z = np.diff(ndtr((_Z_AXIS.edges - vertex.z_cm) / vertex.sigma_z_cm))
    return {
        "angular": rng.poisson(tracks.angular * activity) / per_vertex,
        "track_clusters": rng.poisson(tracks.clusters * activity) / per_vertex,
        "vertex_z": rng.poisson(found * z).astype(np.float64),
        "vertex_xy": rng.poisson(found * np.outer(x, y)).astype(np.float64),
    }


def _rows(layer: Layer) -> int:
    """Rows of chips side by side in a stave."""
    return 1 if layer.inner else 4


def _by_row(layer: Layer, seen: Floats) -> Floats:
    """Chances of a layer's cells, (pieces along z, staves x rows): an outer stave is 2 half staves of 2 rows."""
    cells = seen[block(layer.number)].reshape(layer.staves, layer.cells)
    if layer.inner:
        return cells.T
    ordered = cells.reshape(layer.staves, 2, layer.modules, 2).transpose(2, 0, 1, 3)
    return ordered.reshape(layer.modules, layer.staves * 4)


def _along(layer: Layer, vertex: Vertex) -> Floats:
    """Share of particles of each bin of eta that cross each piece, (40, pieces)."""
    z = positions(layer.number).z_cm[0]
    pieces = 9 if layer.inner else layer.modules
    middle = z if layer.inner else z.reshape(2, layer.modules, -1).mean(axis=(0, 2))
    half = (1 if layer.inner else 7) * SENSITIVE_LENGTH_CM / 2
    eta = np.linspace(_ETA.low, _ETA.high, _ETA.bins * 4 + 1)
    at = vertex.z_cm + layer.radius_cm * np.sinh((eta[1:] + eta[:-1]) / 2)[:, None]
    share = ndtr((middle + half - at) / vertex.sigma_z_cm) - ndtr((middle - half - at) / vertex.sigma_z_cm)
    return np.asarray(share.reshape(_ETA.bins, 4, pieces).mean(axis=1))


@cache
def _around(number: int) -> Floats:
    """Share of each bin of phi that each row of chips covers, (60, staves x rows), at most 1 in all."""
    layer = LAYERS[number]
    at = positions(number)
    first = 0 if layer.inner else np.array([0, 7, 14 * layer.modules, 14 * layer.modules + 7])
    phi = at.phi_rad[:, first].reshape(layer.staves * _rows(layer))
    half = covered_rad(layer, np.full(phi.size, layer.radius_cm)) / 2
    fine = (np.arange(_PHI.bins * 20) + 0.5) / (_PHI.bins * 20) * 2 * np.pi
    inside = np.abs((fine[:, None] - phi + np.pi) % (2 * np.pi) - np.pi) < half
    share = inside / np.maximum(inside.sum(axis=1, keepdims=True), 1)
    return np.asarray(share.reshape(_PHI.bins, 20, phi.size).mean(axis=1))
