"""What all cells of a column share in one cycle: chance in where interactions were, and what a layer does as a whole.

A cycle sees a finite number N of interactions, each of another multiplicity; so its activity at every z of the vertex
differs from the mean by chance, and columns at like z move together, all round in phi: covariance ``D / N sum_j p_j a_j
a_j'`` with a_j a column's relative response to vertices at z_j. On top a scale (the luminosity is only a median), and a
step of each layer as a whole. The posterior mean of these, given the medians of the columns, is taken out; medians and
the small prior keep a fault, or background in a part of phi, from being taken for chance.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dqm.its.expected_tables import Tables
from dqm.its.geometry import LAYERS
from dqm.its.layout import COLUMNS, Bools, column_layer, column_of, layer_slice

Floats = NDArray[np.float64]
MEDIAN_VARIANCE = np.pi / 2
_UNKNOWN = 1e4


@dataclass(frozen=True, slots=True, eq=False)
class Common:
    """Of every column, shape (COLUMNS,) each: what passes, what stays (the step of the layer), variance of the sum."""

    passing: Floats
    staying: Floats
    variance: Floats


def fit_common(medians: Floats, noise: Floats, passing: Floats, layer_variance: Floats) -> Common:
    """Return what the columns share.

    Parameters
    ----------
    medians, noise
        Median over the staves of log(observed / expected), and its variance, shape (COLUMNS,) each.
    passing
        Prior covariance of what passes, shape (COLUMNS, COLUMNS).
    layer_variance
        Prior variance of each layer's step, shape (7,).
    """
    layers = column_layer()
    staying = np.where(_same_layer(), layer_variance[layers], 0.0)
    total = passing + staying
    gain = np.linalg.solve(total + np.diag(noise), np.column_stack((medians[:, None], total)))
    variance = np.maximum(np.diag(total) - np.einsum("ij,ij->j", total, gain[:, 1:]), 0.0)
    return Common(passing @ gain[:, 0], staying @ gain[:, 0], variance)


def responses(quantity: int, tables: Tables, weights: Floats) -> Floats:
    """Return how each quantity responds to activity at every z, relative to its mean, shape (COLUMNS, Z)."""
    clusters, pixels = (table / np.maximum(table @ weights, 1e-30)[:, None] for table in (tables.kernel, tables.pixels))
    return np.asarray((clusters - 1, pixels - clusters, pixels - 1)[quantity])


def covariance(response: Floats, weights: Floats) -> Floats:
    """Return ``sum_j p_j a_j a_j'``, shape (COLUMNS, COLUMNS), of relative responses, shape (COLUMNS, Z)."""
    return np.asarray((response * weights) @ response.T)


def column_medians(values: Floats, variance: Floats, usable: Bools) -> tuple[Floats, Floats]:
    """Return the median over the staves and its variance, shape (COLUMNS,) each; what has no cell is all unknown."""
    medians, noise = np.zeros(COLUMNS), np.full(COLUMNS, _UNKNOWN)
    first = 0
    for of in LAYERS:
        shape, part = (of.staves, of.cells), layer_slice(of.number)
        good = usable[part].reshape(shape)
        number = good.sum(axis=0)
        place = slice(first, first + of.cells)
        sorted_values = np.sort(np.where(good, values[part].reshape(shape), np.inf), axis=0)
        sorted_noise = np.sort(np.where(good, variance[part].reshape(shape), np.inf), axis=0)
        lower, upper = np.maximum(number - 1, 0) // 2, np.minimum(number // 2, of.staves - 1)
        at = np.arange(of.cells)
        enough = number >= min(5, of.staves // 2)
        middle = (sorted_values[lower, at] + sorted_values[upper, at]) / 2
        medians[place] = np.where(enough, middle, 0.0)
        noise[place] = np.where(enough, MEDIAN_VARIANCE * sorted_noise[upper, at] / np.maximum(number, 1), _UNKNOWN)
        first += of.cells
    return medians, noise


def to_cells(columns: Floats) -> Floats:
    """Return one value per column as one per cell, shape (CELLS,)."""
    return np.asarray(columns[column_of()])


@cache
def _same_layer() -> Bools:
    layers = column_layer()
    return np.asarray(layers[:, None] == layers[None, :])
