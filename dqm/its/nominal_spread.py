"""Fits to the residuals of nominal runs: counting statistics, wander and its memory, noise, chance of the vertices.

Changes between cycles tell them apart: counting goes with the number of clusters and not with the time between, wander
grows with it as ``1 - exp(-t / memory)``. All fits are robust: a few faults in the nominal runs do no harm.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from dqm.its.expected_modes import responses
from dqm.its.expected_tables import Tables
from dqm.its.geometry import LAYERS
from dqm.its.layout import COLUMNS, column_layer, column_of
from dqm.its.nominal_residuals import Change, Residuals, changes, clipped_variance, in_layer, robust_variance

Floats = NDArray[np.float64]
MEMORIES_S = (900.0, 1800.0, 3600.0, 7200.0, 14400.0)
LEAST_WANDER = 1e-8
QUIET_SHARE = 0.1
USUAL_NOISE_WANDER = 0.03
LEAST_LAYER_WANDER = 1e-9
LAYERS_ALIKE = 0.5
"""No layer is taken to wander less than this share of what the layers do on average: few hours tell little."""
MEDIAN_OF_SQUARE = 0.455
"""Of a Gaussian number of variance 1."""
WILD = 25.0
"""Cells that vary by so much more than is usual in their layer are no nominal ones."""
_NOISE_WANDERS = (0.003, 0.3)
_LEAST_LEVER = 0.01
_LEAST_LEFT = 0.1
_COLD_SIGMAS = 4.0
_LEAST_COLD = 0.015


def fit_cells(runs: Sequence[Residuals]) -> tuple[Floats, Floats, Floats]:
    """Return counting and wander, shape (3, 7) each, and the memory in s, shape (3,)."""
    found = [(run, change) for run in runs for change in changes(run)]
    counting, wander, memory = np.zeros((3, 7)), np.zeros((3, 7)), np.zeros(3)
    for quantity in range(3):
        fits = []
        rows = [_rows(quantity, layer.number, found) for layer in LAYERS]
        for memory_s in MEMORIES_S:
            solved = [_solve(row, memory_s) for row in rows]
            fits.append((sum(rest for _, rest in solved), memory_s, np.array([at for at, _ in solved])))
        _, memory[quantity], best = min(fits, key=lambda fit: fit[0])
        counting[quantity], wander[quantity] = best.T
    return counting, np.maximum(wander, LEAST_WANDER), memory


def _rows(quantity: int, layer: int, found: Sequence[tuple[Residuals, Change]]) -> Floats:
    """Variance of the changes, mean inverse clusters, seconds; one row per run and lag, shape (n, 3)."""
    rows = []
    for run, change in found:
        chosen = in_layer(layer, run.usable & (run.noise_share < QUIET_SHARE))
        moved = change.cells[quantity][:, chosen]
        per_cell = np.mean(np.square(moved), axis=0)
        moved = moved[:, per_cell <= WILD * np.median(per_cell)]
        variance = clipped_variance(moved) / (1 - 1 / LAYERS[layer].staves)
        rows.append((variance, float(np.median(change.per_cluster[:, chosen])), change.seconds))
    return np.array(rows)


def _solve(rows: Floats, memory_s: float) -> tuple[Floats, float]:
    variance, per_cluster, seconds = rows.T
    design = np.stack((per_cluster, -np.expm1(-seconds / memory_s)), axis=1) / variance[:, None]
    size = design.max(axis=0)
    solution, rest = nnls(design / size, np.ones(variance.size))
    return np.asarray(solution / size), float(rest) ** 2


def split_noise(runs: Sequence[Residuals], wander: Floats, noise_wander: float | None) -> tuple[Floats, float]:
    """Return the wander without that of the noise, shape (3, 7), and the wander of the noise's logarithm.

    Layers differ in their share of noise, so that one wander of the noise and one of the efficiency explain all.

    Parameters
    ----------
    wander
        As `fit_cells` gives it, shape (3, 7).
    noise_wander
        What another beam type, with more noise, told; None to fit it.
    """
    share, effect = _effects(runs)
    if noise_wander is None:
        lever = float(np.ptp(share))
        design = np.stack((np.ones(7), share**2), axis=1) / wander[0][:, None]
        solution = nnls(design, np.ones(7))[0]
        noise_wander = float(solution[1]) if lever > _LEAST_LEVER else USUAL_NOISE_WANDER
    noise_wander = float(np.clip(noise_wander, *_NOISE_WANDERS))
    left = wander - effect**2 * noise_wander
    return np.maximum(left, np.maximum(wander * _LEAST_LEFT, LEAST_WANDER)), noise_wander


def _effects(runs: Sequence[Residuals]) -> tuple[Floats, Floats]:
    """Share of noise in each layer's quiet cells, shape (7,), and how each quantity follows it, shape (3, 7)."""
    shares, effects = np.zeros(7), np.zeros((3, 7))
    for layer in range(7):
        quiet = [in_layer(layer, run.usable & (run.noise_share < QUIET_SHARE)) for run in runs]
        shares[layer] = np.sqrt(np.mean([np.mean(r.noise_share[q] ** 2) for r, q in zip(runs, quiet, strict=True)]))
        found = [np.mean(r.noise_effect[:, q] ** 2, axis=1) for r, q in zip(runs, quiet, strict=True)]
        effects[:, layer] = np.sqrt(np.mean(found, axis=0))
    return shares, effects


def fit_common_spread(runs: Sequence[Residuals], tables: Tables) -> tuple[Floats, Floats]:
    """Return the dispersion of interactions, shape (3,), and the wander of the layers as a whole, shape (3, 7)."""
    dispersion = np.array([_dispersion(quantity, runs, tables) for quantity in range(3)])
    wander = np.array([_layer_wander(quantity, runs, float(tables.memory_s[quantity])) for quantity in range(3)])
    return dispersion, np.maximum(wander, LEAST_LAYER_WANDER)


def _dispersion(quantity: int, runs: Sequence[Residuals], tables: Tables) -> float:
    """By the covariance of the inner barrel's columns, each less the mean of its layer, beside that of counting."""
    centred, inner = _centring(), column_layer() < 3
    take = inner[:, None] & inner[None, :]
    staves = np.array([of.staves for of in LAYERS])[column_layer()]
    seen, chance, counted = [], [], []
    for run in runs:
        change = next(iter(changes(run)), None)
        if change is None:
            continue
        usual = centred @ covariance(responses(quantity, tables, run.weights), run.weights) @ centred.T
        per_column = np.bincount(column_of()[run.usable], change.per_cluster.mean(axis=0)[run.usable], COLUMNS)
        mean = per_column / np.maximum(np.bincount(column_of()[run.usable], minlength=COLUMNS), 1)
        noise = tables.counting[quantity][column_layer()] * mean / staves
        moved = _trimmed(change.columns[quantity] @ centred.T)
        seen.append((moved.T @ moved / len(moved))[take])
        chance.append((usual * change.per_interaction.mean())[take])
        counted.append((centred @ np.diag(noise) @ centred.T)[take])
    if not seen:
        return 2.0
    design = np.stack((np.concatenate(chance), np.concatenate(counted)), axis=1)
    size = np.maximum(np.abs(design).max(axis=0), 1e-300)
    return max(float(nnls(design / size, np.concatenate(seen))[0][0] / size[0]), 0.1)


def fit_layer_chance(runs: Sequence[Residuals], tables: Tables) -> Floats:
    """Return what the layers do as a whole by chance, as in `Tables`, shape (3, 7, 7): what the vertices leave."""
    found = np.zeros((3, 7, 7))
    for quantity in range(3):
        mean, seen, weight = _layer_means(quantity), np.zeros((7, 7)), 0.0
        for run in runs:
            change = next(iter(changes(run)), None)
            if change is None:
                continue
            moved = _trimmed(change.columns[quantity] @ mean.T)
            along = mean @ covariance(responses(quantity, tables, run.weights), run.weights) @ mean.T
            cells = [in_layer(layer, run.usable) for layer in range(7)]
            counted = [change.per_cluster[:, one].mean() / max(one.sum(), 1) for one in cells]
            usual = along * tables.dispersion[quantity] * change.per_interaction.mean()
            seen += moved.T @ moved - len(moved) * (usual + np.diag(tables.counting[quantity] * counted))
            weight += len(moved) * change.per_interaction.mean()
        values, vectors = np.linalg.eigh(seen / max(weight, 1e-30))
        found[quantity] = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return found


def _layer_means(quantity: int) -> Floats:
    """Takes the mean of every layer, for occupation and hits against the outer layers, shape (7, COLUMNS)."""
    mean = np.stack([(column_layer() == layer) / np.sum(column_layer() == layer) for layer in range(7)])
    outer = column_layer() > 2
    return mean if quantity == 1 else np.asarray(mean - outer / outer.sum())


def _layer_wander(quantity: int, runs: Sequence[Residuals], memory_s: float) -> Floats:
    """By the mean of each layer; chance does not grow with time."""
    mean = _layer_means(quantity)
    seen, terms = [], []
    for run in runs:
        for change in changes(run):
            if change.seconds <= memory_s:
                seen.append(np.median((change.columns[quantity] @ mean.T) ** 2, axis=0) / MEDIAN_OF_SQUARE)
                terms.append((change.per_interaction.mean(), -np.expm1(-change.seconds / memory_s)))
    if not seen:
        return np.zeros(7)
    variances, design = np.maximum(np.array(seen), 1e-14), np.array(terms)
    scale = design.max(axis=0)
    solved = [nnls(design / scale / row[:, None], np.ones(len(row)))[0][1] / scale[1] for row in variances.T]
    return np.asarray(np.maximum(solved, np.mean(solved) * LAYERS_ALIKE))


def fit_cold(runs: Sequence[Residuals]) -> tuple[Floats, Floats]:
    """Return the variance of an unknown cell, shape (3, 7), and the spread of cells' sizes, shape (7,)."""
    cold, sizes = np.zeros((3, 7)), np.zeros(7)
    for layer in range(7):
        stands = [run.cells[:, :, in_layer(layer, run.usable)].mean(axis=1) for run in runs]
        together = np.concatenate(stands, axis=1)
        together = together[:, together[0] > -0.5]
        largest = np.abs(together).max(axis=1, initial=0.0)
        cold[:, layer] = np.maximum(largest / _COLD_SIGMAS, _LEAST_COLD) ** 2
        sizes[layer] = np.sqrt(robust_variance(together[1])) if together.size else 0.02
    return cold, sizes


def covariance(response: Floats, weights: Floats) -> Floats:
    """Return ``sum_j p_j a_j a_j'``, shape (COLUMNS, COLUMNS), of relative responses, shape (COLUMNS, Z)."""
    return np.asarray((response * weights) @ response.T)


def _centring() -> Floats:
    """Takes the mean of its layer from every column, shape (COLUMNS, COLUMNS)."""
    same = column_layer()[:, None] == column_layer()[None, :]
    return np.asarray(np.eye(COLUMNS) - same / same.sum(axis=1, keepdims=True))


def _trimmed(moved: Floats) -> Floats:
    """Without the pairs of cycles that moved most: 2 in 100."""
    size = np.square(moved).sum(axis=1)
    return np.asarray(moved[size <= np.quantile(size, 0.98)])
