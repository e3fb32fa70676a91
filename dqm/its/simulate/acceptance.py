"""How many clusters a mean interaction leaves in every cell, and how large, by the place of the vertex along z.

Straight particles from a vertex at (x, y, z_v) through flat pieces of silicon about 1 to 3 cm long, integrated over the
piece: ``density(eta) d eta/d z``, times the angle that the chips of the piece cover in phi. Clusters of secondaries and
of particles that curl up in 0.5 T are a factor per layer, close to their parent (`COMPANIONS`, assumed).
"""

from dataclasses import dataclass

import numpy as np

from core.errors import SettingsError
from dqm.its.geometry import LAYERS, SENSITIVE_LENGTH_CM, Layer, positions
from dqm.its.simulate.beams import Collisions, density
from dqm.its.simulate.cells import Floats, per_layer
from dqm.its.simulate.clusters import FLAT, TILTED

COMPANIONS = (0.02, 0.04, 0.06, 0.18, 0.21, 0.25, 0.28)
"""Probability per layer that a particle leaves a second cluster in the same cell."""
TILT_COSINE = 0.956
"""Staves of the inner barrel overlap like the blades of a turbine, tilted by about 17 degrees (assumed)."""
WIDTH_CM = 512 * 26.88e-4
_PIECES = 5
"""Of a chip of the inner barrel, along z; outer chips are one piece."""


@dataclass(frozen=True, slots=True)
class Vertex:
    """Where interactions are, in cm: Gaussian along z about ``z_cm``."""

    x_cm: float = 0.0
    y_cm: float = 0.0
    z_cm: float = 0.0
    sigma_z_cm: float = 5.2

    def __post_init__(self) -> None:
        """Raise SettingsError for a vertex outside of the beam pipe or without spread."""
        if not (np.hypot(self.x_cm, self.y_cm) < 1.5 and abs(self.z_cm) < 15 and 0.1 <= self.sigma_z_cm <= 15):
            raise SettingsError(f"no such vertex: {self}")


@dataclass(frozen=True, slots=True, eq=False)
class Acceptance:
    """Of a mean interaction, per cell and bin of the vertex's z, shape (CELLS, n) each; all chips perfect.

    ``clusters``: how many; ``pixels``: the sum of their sizes; ``squares``: the sum of their squared sizes;
    ``above_two``: how many have more than 2 pixels. ``z_cm``: middles of the bins, shape (n,).
    """

    z_cm: Floats
    clusters: Floats
    pixels: Floats
    squares: Floats
    above_two: Floats


def accept(collisions: Collisions, vertex: Vertex, bins: int = 25, reach_cm: float = 20.0) -> Acceptance:
    """Integrate the acceptance for vertices between ``-reach_cm`` and ``reach_cm`` in ``bins`` bins."""
    edges = np.linspace(-reach_cm, reach_cm, bins + 1)
    z_cm = (edges[1:] + edges[:-1]) / 2
    parts = [_layer(layer, collisions, vertex, z_cm) for layer in LAYERS]
    clusters, pixels, squares, above = (np.concatenate(found) for found in zip(*parts, strict=True))
    more = 1 + per_layer(COMPANIONS)[:, None]
    return Acceptance(z_cm, clusters * more, pixels * more, squares * more, above * more)


def z_weights(vertex: Vertex, z_cm: Floats) -> Floats:
    """Return the share of interactions in each of the even bins with these middles, shape (n,)."""
    weights = np.exp(-((z_cm - vertex.z_cm) ** 2) / 2 / vertex.sigma_z_cm**2)
    return np.asarray(weights / weights.sum())


def covered_rad(layer: Layer, distance_cm: Floats) -> Floats:
    """Return the angle that one chip of the layer covers in phi, seen from this distance."""
    half = WIDTH_CM / 2 * (TILT_COSINE if layer.inner else 1.0)
    return np.asarray(2 * np.arctan(half / distance_cm))


def _layer(layer: Layer, collisions: Collisions, vertex: Vertex, z_cm: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The four tables of one layer, (its cells, n) each."""
    at = positions(layer.number)
    distance = (at.r_cm - vertex.x_cm * np.cos(at.phi_rad) - vertex.y_cm * np.sin(at.phi_rad)).ravel()
    pieces = _PIECES if layer.inner else 1
    step = SENSITIVE_LENGTH_CM / pieces
    found = np.zeros((4, distance.size, z_cm.size))
    for piece in range(pieces):
        along = at.z_cm.ravel() + (piece - (pieces - 1) / 2) * step
        slope = (along[:, None] - z_cm) / distance[:, None]
        rate = density(np.arcsinh(slope), collisions) / np.sqrt(1 + slope**2) / distance[:, None] * step
        mean, variance, above = (TILTED if layer.inner else FLAT).at(slope)
        found += rate * np.stack((np.ones_like(mean), mean, variance + mean**2, above))
    found *= (covered_rad(layer, distance) / 2 / np.pi)[:, None]
    first, second, third, fourth = (table.reshape(-1, layer.chips_per_cell, z_cm.size).sum(axis=1) for table in found)
    return first, second, third, fourth
