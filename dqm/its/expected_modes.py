"""What all cells of a column share in one cycle: chance in where interactions were, and what a layer does as a whole.

A cycle sees a finite number N of interactions, each of another multiplicity; so its activity at every z of the vertex
differs from the mean by chance, and columns at like z move together, all round in phi: covariance ``D / N sum_j p_j a_j
a_j'`` with a_j a column's relative response to vertices at z_j. The chance is expanded in `MODES` Hermite polynomials
of z, which are independent of each other. On top a scale (the luminosity is only a median), and a step of each layer as
a whole. The posterior mean of all, given the medians of the columns, is taken out; medians and the small prior keep a
fault, or background in a part of phi, from being taken for chance.

Products are `einsum`'s, not BLAS's: matrices are small, and threads that BLAS may start cost more than they gain.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.polynomial.hermite_e import hermevander
from numpy.typing import NDArray
from scipy.special import factorial

from dqm.its.expected_kernel import Z_CM
from dqm.its.expected_tables import Tables
from dqm.its.geometry import LAYERS
from dqm.its.layout import COLUMNS, Bools, column_layer, column_of, layer_slice

Floats = NDArray[np.float64]
MEDIAN_VARIANCE = np.pi / 2
MODES = 14
UNKNOWN = 1e4
"""Variance of the median of a column with too few cells."""
STRANGE = 4.0
"""Columns whose median is further out than so many sigma of all that is usual do not tell what is common.

Not so for the size of clusters: what moves a whole layer's sizes are thresholds, and no fault.
"""
_NEVER = 1e-16


@dataclass(frozen=True, slots=True, eq=False)
class Common:
    """Of every column, shape (COLUMNS,) each: what passes, what stays (the step of the layer), variance of the sum.

    ``told``: the column took part.
    """

    passing: Floats
    staying: Floats
    variance: Floats
    told: Bools


def fit_common(
    medians: Floats, noise: Floats, shared: Floats, prior: Floats, layer_variance: Floats, strange: float = STRANGE
) -> Common:
    """Return what the columns share; a column that is far out is left out (a link or a layer that loses data).

    Parameters
    ----------
    medians, noise
        Median over the staves of log(observed / expected), and its variance, shape (COLUMNS,) each.
    shared, prior
        What passes: how the columns respond to each of K things, shape (COLUMNS, K), and their variances, shape (K,).
    layer_variance
        Prior variance of each layer's step, shape (7,).
    strange
        Sigma beyond which a column is left out.
    """
    design = np.concatenate((shared, _layers()), axis=1)
    usual = np.maximum(np.concatenate((prior, layer_variance)), _NEVER)
    told = medians**2 < strange**2 * (np.einsum("ck,ck,k->c", design, design, usual) + noise)
    weighted = design * (told / noise)[:, None]
    precision = np.einsum("ck,cl->kl", weighted, design)
    precision[np.diag_indices_from(precision)] += 1 / usual
    covariance = np.linalg.inv(precision)
    found = np.einsum("kl,l->k", covariance, np.einsum("cl,c->l", weighted, medians))
    number = shared.shape[1]
    variance = np.einsum("ck,ck->c", np.einsum("ck,kl->cl", design, covariance), design)
    return Common(
        np.einsum("ck,k->c", shared, found[:number]), np.einsum("ck,k->c", _layers(), found[number:]), variance, told
    )


def responses(quantity: int, tables: Tables, weights: Floats) -> Floats:
    """Return how each quantity responds to activity at every z, relative to its mean, shape (COLUMNS, Z)."""
    clusters, pixels = (table / np.maximum(table @ weights, 1e-30)[:, None] for table in (tables.kernel, tables.pixels))
    return np.asarray((clusters - 1, pixels - clusters, pixels - 1)[quantity])


def modes(quantity: int, tables: Tables, z_cm: float, sigma_cm: float, weights: Floats) -> Floats:
    """Return how the columns respond to each mode of the activity along z, shape (COLUMNS, MODES).

    The modes are orthonormal for vertices with this mean and spread, whose shares by z are ``weights``: each varies as
    ``dispersion / interactions``, whatever N is.
    """
    shapes = hermevander((Z_CM - z_cm) / max(sigma_cm, 0.4), MODES - 1) / np.sqrt(factorial(np.arange(MODES)))
    return np.asarray(np.einsum("cz,zk->ck", responses(quantity, tables, weights), shapes * weights[:, None]))


def layer_modes(covariance: Floats) -> Floats:
    """Return independent things of variance 1 that give the layers this covariance, (7, 7): shape (COLUMNS, 7)."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0)))[column_layer()])


def column_medians(values: Floats, variance: Floats, usable: Bools) -> tuple[Floats, Floats]:
    """Return the median over the staves and its variance, shape (COLUMNS,) each; what has no cell is all unknown."""
    medians, noise = np.zeros(COLUMNS), np.full(COLUMNS, UNKNOWN)
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
        noise[place] = np.where(enough, MEDIAN_VARIANCE * sorted_noise[upper, at] / np.maximum(number, 1), UNKNOWN)
        first += of.cells
    return medians, noise


def to_cells(columns: Floats) -> Floats:
    """Return one value per column as one per cell, shape (CELLS,)."""
    return np.asarray(columns[column_of()])


@cache
def _layers() -> Floats:
    """1 where a column is in a layer, shape (COLUMNS, 7)."""
    return np.asarray(column_layer()[:, None] == np.arange(len(LAYERS)), np.float64)
