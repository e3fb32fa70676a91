"""Fits to nominal runs: how much every column gets per interaction at every z, its noise, and the size of clusters.

Per layer ``median occupation = luminosity (scale sum_z p(z) kernel(z) + even) + noise``, one density in eta for all
layers (`dqm.its.expected_kernel`), an even part in the inner barrel (soft electrons), and noise that does not follow
the luminosity: it is told from the rest by runs of different luminosity. What is left in a column on average becomes a
factor of that column.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, nnls

from dqm.its.expected_kernel import POWERS, kernels, slope_kernels, vertex_weights
from dqm.its.expected_tables import NOISE_PIXELS
from dqm.its.layout import COLUMNS, column_layer, column_of
from dqm.its.reading import Reading

Floats = NDArray[np.float64]
_START = (0.02, 0.0)
_LEAST_LEVER = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class RunMean:
    """One run on average: luminosity, share of vertices by z (Z,), medians of occupation and pixels (COLUMNS,)."""

    luminosity: float
    weights: Floats
    occupation: Floats
    pixels: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """As in `dqm.its.expected_tables.Tables`."""

    kernel: Floats
    pixels: Floats
    noise: Floats
    radial: Floats


def run_mean(readings: Sequence[Reading], frames_hz: float) -> RunMean:
    """Return a run on average; every reading must have vertices and all maps."""
    vertices = [one.vertices for one in readings if one.vertices is not None]
    seconds = sum(one.cycle_s * one.share_of("track") for one in readings)
    usable = np.all([one.has_occupation for one in readings], axis=0)
    occupation = np.mean([one.occupation for one in readings], axis=0)
    pixels = np.mean([one.occupation * one.size for one in readings], axis=0)
    return RunMean(
        sum(one.count for one in vertices) / seconds / frames_hz,
        np.mean([vertex_weights(one.z_cm, one.sigma_cm) for one in vertices], axis=0),
        _medians(np.where(usable & (occupation > 0), occupation, np.nan)),
        _medians(np.where(usable & (occupation > 0), pixels, np.nan)),
    )


def _medians(values: Floats) -> Floats:
    columns = column_of()
    return np.array([np.nanmedian(values[columns == column]) for column in range(COLUMNS)])


def fit_kernel(runs: Sequence[RunMean], noise: Floats | None) -> Kernel:
    """Fit a beam type.

    Parameters
    ----------
    noise
        Noise clusters per frame and chip by column if another beam type told it better; None to fit it.
    """
    luminosity = np.array([run.luminosity for run in runs])
    seen = np.stack([run.occupation for run in runs])
    weights = np.stack([run.weights for run in runs])
    basis = np.einsum("pcz,tz->ptc", kernels(), weights)
    lever = float(np.ptp(np.log(luminosity)))
    given = np.zeros(COLUMNS) if noise is None and lever < _LEAST_LEVER else noise
    found = minimize(
        lambda density: _layers(density, basis, luminosity, seen, given)[0],
        _START,
        method="Nelder-Mead",
        options={"xatol": 1e-5, "fatol": 1e-13, "maxiter": 200},
    )
    scale, even, fitted = _layers(found.x, basis, luminosity, seen, given)[1]
    powers = np.array([1.0, *found.x])
    table = np.einsum("p,pcz->cz", powers, kernels()) * scale[:, None] + even[:, None]
    noise = fitted if given is None else given
    model = luminosity[:, None] * (weights @ table.T) + noise
    table *= np.exp(np.mean(np.log(np.maximum(seen - noise, 1e-12) / (model - noise)), axis=0))[:, None]
    pixels = _pixels(np.stack([run.pixels for run in runs]), luminosity, weights, noise)
    return Kernel(table, pixels, noise, _radial(weights.mean(axis=0)))


def _layers(
    density: Sequence[float], basis: Floats, luminosity: Floats, seen: Floats, noise: Floats | None
) -> tuple[float, tuple[Floats, Floats, Floats]]:
    """Sum of squares of relative residuals, and scale, even part and noise by column, given the density in eta."""
    shape = np.einsum("p,ptc->tc", np.array([1.0, *density])[:POWERS], basis)
    cost, parts = 0.0, np.zeros((3, COLUMNS))
    for layer in range(7):
        chosen = column_layer() == layer
        part, target = shape[:, chosen], seen[:, chosen]
        share = luminosity[:, None] / target
        known = np.zeros_like(target) if noise is None else np.broadcast_to(noise[chosen], target.shape)
        terms = [part * share, share if layer < 3 else 0 * share, (0 if noise is not None else 1) / target]
        design = np.stack([term.ravel() for term in terms], axis=1)
        size = np.maximum(np.abs(design).max(axis=0), 1e-300)
        solution, rest = nnls(design / size, (1 - known / target).ravel())
        cost += float(rest) ** 2
        parts[:, chosen] = np.where(np.abs(design).max(axis=0) > 0, solution / size, 0.0)[:, None]
    return cost, (parts[0], parts[1], parts[2])


def _pixels(seen: Floats, luminosity: Floats, weights: Floats, noise: Floats) -> Floats:
    """Pixels per unit of luminosity by column and z: clusters times a size that grows with their slope."""
    basis = slope_kernels()
    table = np.zeros(basis.shape[1:])
    wanted = np.maximum(seen - NOISE_PIXELS * noise, 1e-12) / luminosity[:, None]
    for layer in range(7):
        chosen = column_layer() == layer
        folded = np.einsum("bcz,tz->btc", basis[:, chosen], weights)
        design = np.concatenate((folded, np.full((1, *folded.shape[1:]), 1.0 if layer < 3 else 0.0)))
        design = (design / wanted[:, chosen]).reshape(4, -1).T
        size = np.maximum(np.abs(design).max(axis=0), 1e-300)
        solution = nnls(design / size, np.ones(design.shape[0]))[0] / size
        even = solution[3] if layer < 3 else 0.0
        table[chosen] = np.einsum("b,bcz->cz", solution[:3], basis[:, chosen]) + even
    return np.asarray(table * np.exp(np.mean(np.log(wanted / (weights @ table.T)), axis=0))[:, None])


def _radial(weights: Floats, step_cm: float = 0.05) -> Floats:
    """Share by which the occupation grows per cm that the beam comes nearer, by column."""
    near, far = (kernels(extra)[0] @ weights for extra in (0.0, step_cm))
    return np.asarray((near - far) / near / step_cm)
