"""The conditions of one cycle and the maps they should give: luminosity from the outer layers, vertex, live time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dqm.its.expected_kernel import vertex_weights
from dqm.its.expected_tables import NOISE_PIXELS, Tables
from dqm.its.layout import CELLS, INNER, chips_per_cell, column_of, layer_of, phi_rad
from dqm.its.reading import Reading, Vertices

Floats = NDArray[np.float64]
USUAL_VERTEX = Vertices(0.0, 0.0, 5.5, 0.0, 0.0)
UNKNOWN_VERTEX = 0.03
"""Variance of every mode of the activity along z where no plot tells the vertex: 1 cm or so."""
LEAST_CELLS = 300
"""Outer cells that the luminosity must rest on."""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """The conditions of one cycle.

    Parameters
    ----------
    luminosity
        In units of the reference: found vertices per readout frame; 0 where nothing tells it.
    by_outer
        Whether the outer layers tell it, not the track task.
    live_s
        Time for which data flowed, by tracks or frames.
    weights
        Share of interactions by z of the vertex, shape (Z,).
    clusters, pixels
        What the reference expects per frame and chip, before any standing, shape (CELLS,).
    noise_share
        Share of noise in these clusters, shape (CELLS,).
    counts
        Clusters expected in the cycle, shape (CELLS,).
    interactions
        Found vertices expected in the cycle.
    vertex_variance
        Of every mode of the activity along z, because the vertex is not known as well as it usually is.
    """

    luminosity: float
    by_outer: bool
    live_s: float
    vertex: Vertices
    weights: Floats
    clusters: Floats
    pixels: Floats
    noise_share: Floats
    counts: Floats
    interactions: float
    vertex_variance: float


def moment(reading: Reading, tables: Tables, offset: Floats) -> Moment:
    """Infer the conditions of a cycle.

    Parameters
    ----------
    offset
        Logarithm of every cell's occupation over the reference, shape (CELLS,).
    """
    vertex = reading.vertices or USUAL_VERTEX
    weights = vertex_weights(vertex.z_cm, vertex.sigma_cm)
    columns = column_of()
    nearer = vertex.x_cm * np.cos(phi_rad()) + vertex.y_cm * np.sin(phi_rad())
    turned = 1 + np.clip(tables.radial[columns] * nearer, -0.5, 0.5)
    clusters, pixels = ((table @ weights)[columns] * turned for table in (tables.kernel, tables.pixels))
    noise = tables.noise[columns]
    luminosity, by_outer = _luminosity(reading, tables, clusters, noise, offset)
    seen = luminosity * clusters + noise
    live_s = _live(reading, tables, luminosity)
    interactions = max(luminosity * float(tables.frames_hz) * live_s, 1.0)
    found = vertex.count if reading.vertices else 0.0
    return Moment(
        luminosity=luminosity,
        by_outer=by_outer,
        live_s=live_s,
        vertex=vertex,
        weights=weights,
        clusters=seen,
        pixels=luminosity * pixels + NOISE_PIXELS * noise,
        noise_share=np.divide(noise, seen, out=np.zeros(CELLS), where=seen > 0),
        counts=seen * chips_per_cell() * float(tables.frames_hz) * live_s,
        interactions=interactions,
        vertex_variance=max(1 / found - 1 / interactions, 0.0) if found else UNKNOWN_VERTEX,
    )


def _luminosity(
    reading: Reading, tables: Tables, clusters: Floats, noise: Floats, offset: Floats
) -> tuple[float, bool]:
    """Median over the outer cells; without them by tracks, or by vertices."""
    usable = reading.has_occupation.copy()
    usable[:INNER] = False
    if usable.sum() >= LEAST_CELLS:
        told = (reading.occupation[usable] * np.exp(-offset[usable]) - noise[usable]) / clusters[usable]
        middle = float(_weighted_median(told, np.sqrt(clusters * chips_per_cell())[usable]))
        if middle > 0:
            return middle, True
    live_s = max(reading.cycle_s * reading.share_of("track"), 1.0)
    if reading.tracks:
        return reading.tracks / live_s / float(tables.tracks_hz), False
    if reading.vertices:
        return reading.vertices.count / live_s / float(tables.vertices_hz), False
    return 0.0, False


def _weighted_median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order[min(int(np.searchsorted(reached, reached[-1] / 2)), values.size - 1)]])


def _live(reading: Reading, tables: Tables, luminosity: float) -> float:
    """By tracks or vertices; frames tell the least, for crowded ones are missing from their plot."""
    least = (reading.frames_seen or 0.0) / float(tables.frames_hz)
    told = 0.0
    if luminosity > 0 and reading.tracks:
        told = reading.tracks / luminosity / float(tables.tracks_hz)
    elif luminosity > 0 and reading.vertices:
        told = reading.vertices.count / luminosity / float(tables.vertices_hz)
    told /= reading.share_of("track")
    return min(max(told, least), 1.2 * reading.cycle_s) if told or least else reading.cycle_s


def layer_medians(values: Floats, usable: NDArray[np.bool_]) -> Floats:
    """Return the median of each layer's usable cells, shape (7,), 0 where there are fewer than 5."""
    found = np.zeros(7)
    for layer in range(7):
        chosen = values[(layer_of() == layer) & usable]
        found[layer] = np.median(chosen) if chosen.size >= 5 else 0.0
    return found
