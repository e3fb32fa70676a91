"""The slow way: every particle of every interaction through the flat chips, to check the fast way against.

Same physics as `dqm.its.simulate.acceptance` and `dqm.its.simulate.counts` (straight particles from a spread vertex,
companions, cluster sizes), but nothing integrated and no moments: about 8 ms an interaction of pp.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from dqm.its.geometry import LAYERS, SENSITIVE_LENGTH_CM, Layer, positions
from dqm.its.simulate.acceptance import COMPANIONS, TILT_COSINE, WIDTH_CM, Vertex
from dqm.its.simulate.beams import LAST_ETA, Collisions, activity, density
from dqm.its.simulate.cells import CELLS, FIRST, Floats, Ints
from dqm.its.simulate.clusters import sizes

_GRID = 4001
_INNER_SLOPE, _OUTER_SLOPE = 0.3, 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Particles:
    """Particles: their interaction, vertex (x, y, z) in cm, pseudorapidity and azimuth; shape (n,) or (n, 3)."""

    interaction: Ints
    vertex_cm: Floats
    eta: Floats
    phi: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Clusters: interaction, cell and size in pixels, shape (m,) each; ``activity`` of every interaction."""

    interaction: Ints
    cell: Ints
    pixels: Ints
    activity: Floats

    def per_cell(self) -> Floats:
        """Return how many there are in every cell, shape (CELLS,)."""
        return np.bincount(self.cell, minlength=CELLS).astype(np.float64)


def collide(rng: Generator, collisions: Collisions, vertex: Vertex, interactions: int) -> Clusters:
    """Simulate interactions, particle by particle; all chips perfect."""
    strength = activity(rng, collisions, interactions)
    born = _particles(rng, collisions, vertex, strength)
    found = [_cross(rng, layer, born) for layer in LAYERS]
    interaction, cell, pixels = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Clusters(interaction, cell, pixels, strength)


def _particles(rng: Generator, collisions: Collisions, vertex: Vertex, strength: Floats) -> Particles:
    grid = np.linspace(-LAST_ETA, LAST_ETA, _GRID)
    middle = (grid[1:] + grid[:-1]) / 2
    total = np.concatenate(([0.0], np.cumsum(density(middle, collisions)) * (grid[1] - grid[0])))
    number = rng.poisson(strength * total[-1])
    interaction = np.repeat(np.arange(strength.size), number)
    z_cm = rng.normal(vertex.z_cm, vertex.sigma_z_cm, strength.size)
    at = np.stack((np.full(strength.size, vertex.x_cm), np.full(strength.size, vertex.y_cm), z_cm), 1)
    eta = np.interp(rng.random(interaction.size) * total[-1], total, grid)
    return Particles(interaction, at[interaction], eta, rng.uniform(0, 2 * np.pi, interaction.size))


def _cross(rng: Generator, layer: Layer, born: Particles) -> tuple[Ints, Ints, Ints]:
    """Interaction, cell and size of the clusters of one layer: rays against flat chips, row of chips by row."""
    at = positions(layer.number)
    rows = at.z_cm.reshape(layer.staves, -1, 9 if layer.inner else 7)
    phi = at.phi_rad.reshape(rows.shape)[:, :, 0]
    radius = at.r_cm.reshape(rows.shape)[:, :, 0]
    half = WIDTH_CM / 2 * (TILT_COSINE if layer.inner else 1.0)
    found: list[tuple[Ints, Ints, Floats]] = []
    for stave, group in np.ndindex(*phi.shape):
        particle, way = _through(born, float(phi[stave, group]), float(radius[stave, group]), half)
        z_cm = born.vertex_cm[particle, 2] + way * np.sinh(born.eta[particle])
        chip = np.abs(z_cm[:, None] - rows[stave, group]).argmin(axis=1)
        inside = np.abs(z_cm - rows[stave, group][chip]) < SENSITIVE_LENGTH_CM / 2
        local = group * rows.shape[2] + chip[inside]
        cell = FIRST[layer.number] + stave * layer.cells + local // layer.chips_per_cell
        slope = (z_cm - born.vertex_cm[particle, 2])[inside] / radius[stave, group]
        found.append((born.interaction[particle[inside]], cell, slope))
    interaction, cell, slope = (np.concatenate(parts) for parts in zip(*found, strict=True))
    pixels = np.maximum(sizes(rng, slope, np.full(slope.size, _INNER_SLOPE if layer.inner else _OUTER_SLOPE)), 1)
    copies = 1 + (rng.random(slope.size) < COMPANIONS[layer.number])
    return np.repeat(interaction, copies), np.repeat(cell, copies), np.repeat(pixels, copies)


def _through(born: Particles, phi: float, radius: float, half_cm: float) -> tuple[Ints, Floats]:
    """Which particles cross a strip along z whose middle is at (radius, phi), and their way in the plane."""
    forward = np.cos(born.phi - phi)
    near = np.flatnonzero(forward > 0.3)
    x, y = born.vertex_cm[near, 0], born.vertex_cm[near, 1]
    way = (radius - x * np.cos(phi) - y * np.sin(phi)) / forward[near]
    aside = -x * np.sin(phi) + y * np.cos(phi) + way * np.sin(born.phi[near] - phi)
    crossing = np.abs(aside) < half_cm
    return near[crossing], way[crossing]
