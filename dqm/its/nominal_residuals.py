"""Residuals of nominal runs about the reference, and how they change with time: what spreads are fitted to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dqm.its.expected_modes import column_medians
from dqm.its.expected_moment import moment
from dqm.its.expected_state import noise_effect, noise_shares
from dqm.its.expected_tables import Tables
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, PIXELS_PER_CHIP, Bools, column_of, layer_of, layer_slice
from dqm.its.reading import Reading

Floats = NDArray[np.float64]
LAGS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """One run, T cycles; quantities are occupation, size, hits.

    Parameters
    ----------
    cells
        log(observed / reference) less what the column is on average, shape (3, T, CELLS), float32.
    columns
        That average, shape (3, T, COLUMNS).
    counts
        Clusters expected, shape (T, CELLS), float32.
    ended_s
        Shape (T,).
    interactions
        Found vertices in the cycle by the outer layers, shape (T,).
    weights
        Share of vertices by z, shape (Z,), of the run.
    usable
        Cells with data in all cycles, shape (CELLS,).
    noise_share
        Share of noise in the clusters, on average, shape (CELLS,).
    noise_effect
        How the quantities follow the noise, shape (3, CELLS).
    """

    cells: NDArray[np.float32]
    columns: Floats
    counts: NDArray[np.float32]
    ended_s: Floats
    interactions: Floats
    weights: Floats
    usable: Bools
    noise_share: Floats
    noise_effect: Floats


def residuals(readings: Sequence[Reading], tables: Tables) -> Residuals:
    """Return the residuals of a run about the reference alone."""
    moments = [moment(one, tables, np.zeros(CELLS)) for one in readings]
    usable = np.all([_whole(one) for one in readings], axis=0)
    logs = np.zeros((3, len(readings), CELLS))
    for at, (one, now) in enumerate(zip(readings, moments, strict=True)):
        size = now.pixels / now.clusters
        ratios = (one.occupation / now.clusters, one.size / size, one.hits / now.pixels * PIXELS_PER_CHIP)
        logs[:, at] = np.log(np.where(usable, ratios, 1.0))
    standing = np.median(logs, axis=1)
    usual = np.stack([column_medians(values, np.ones(CELLS), usable)[0] for values in standing])
    moved = _column_means(logs - standing[:, None], usable)
    cells = logs - _to_cells(moved) - _to_cells(usual)[:, None]
    steady = _steady(readings)
    shares = np.mean([noise_shares(one, tables, now) for one, now in zip(steady, moments, strict=True)], axis=0)
    return Residuals(
        cells=cells.astype(np.float32),
        columns=moved + usual[:, None],
        counts=np.stack([now.counts for now in moments]).astype(np.float32),
        ended_s=np.array([one.ended_s for one in readings]),
        interactions=np.array([now.interactions for now in moments]),
        weights=np.mean([now.weights for now in moments], axis=0),
        usable=usable,
        noise_share=shares,
        noise_effect=noise_effect(shares, moments[len(moments) // 2]),
    )


def _whole(one: Reading) -> Bools:
    """Cells that have all three quantities."""
    seen = (one.occupation > 0) & (one.size > 0) & (one.hits > 0)
    return np.asarray(one.has_occupation & one.has_size & one.has_hits & seen)


def _column_means(moved: Floats, usable: Bools) -> Floats:
    """Mean over the usable cells of every column, (..., COLUMNS) of (..., CELLS); outliers are cut at 5 sigma.

    No median: where cells stand apart by more than they move, few of them decide how a median moves.
    """
    limit = np.maximum(5 * 1.4826 * np.median(np.abs(moved[..., usable]), axis=-1), 1e-9)[..., None]
    cut = np.where(usable, np.clip(moved, -limit, limit), 0.0)
    found = []
    for of in LAYERS:
        shape, part = (of.staves, of.cells), layer_slice(of.number)
        number = np.maximum(usable[part].reshape(shape).sum(axis=0), 1)
        found.append(cut[..., part].reshape(*moved.shape[:-1], *shape).sum(axis=-2) / number)
    return np.concatenate(found, axis=-1)


def _to_cells(columns: Floats) -> Floats:
    """Return values per column, (..., COLUMNS), as values per cell, (..., CELLS)."""
    return np.asarray(columns[..., column_of()])


def _steady(readings: Sequence[Reading]) -> list[Reading]:
    """The readings with the mean size of the run: noise does not come and go."""
    size = np.mean([one.size for one in readings], axis=0)
    return [replace(one, size=size) for one in readings]


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Cycles of a run some time apart: ``cells`` (3, pairs, CELLS), ``columns`` (3, pairs, COLUMNS), and the inverse
    numbers of clusters (pairs, CELLS) and interactions (pairs,), each summed over both."""

    seconds: float
    cells: NDArray[np.float32]
    columns: Floats
    per_cluster: NDArray[np.float32]
    per_interaction: Floats


def changes(found: Residuals) -> Iterator[Change]:
    """Yield the changes of a run at all lags that it is long enough for."""
    for lag in LAGS:
        if lag * 2 > found.ended_s.size:
            return
        yield Change(
            seconds=float(np.mean(found.ended_s[lag:] - found.ended_s[:-lag])),
            cells=found.cells[:, lag:] - found.cells[:, :-lag],
            columns=found.columns[:, lag:] - found.columns[:, :-lag],
            per_cluster=np.asarray(1 / found.counts[lag:] + 1 / found.counts[:-lag], np.float32),
            per_interaction=1 / found.interactions[lag:] + 1 / found.interactions[:-lag],
        )


def robust_variance(values: NDArray[np.floating]) -> float:
    """Return the variance of a Gaussian core about zero."""
    return float((1.4826 * np.median(np.abs(values))) ** 2)


def clipped_variance(values: NDArray[np.floating]) -> float:
    """Return the mean square about zero, with outliers cut at 4 sigma of the core: that of a mixture is the mean."""
    limit = 4 * np.sqrt(robust_variance(values))
    return float(np.mean(np.square(np.clip(values, -limit, limit))))


def in_layer(layer: int, usable: Bools) -> Bools:
    """Return which usable cells are in a layer, shape (CELLS,)."""
    return np.asarray((layer_of() == layer) & usable)
