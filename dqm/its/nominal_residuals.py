"""Residuals of nominal runs about the reference, and how they change with time: what spreads are fitted to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dqm.its.expected_modes import column_medians, to_cells
from dqm.its.expected_moment import moment
from dqm.its.expected_state import noise_effect, noise_shares
from dqm.its.expected_tables import Tables
from dqm.its.layout import CELLS, PIXELS_PER_CHIP, Bools, layer_of
from dqm.its.reading import Reading

Floats = NDArray[np.float64]
LAGS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """One run, T cycles; quantities are occupation, size, hits.

    Parameters
    ----------
    cells
        log(observed / reference) less the median of the column, shape (3, T, CELLS), float32.
    columns
        That median, shape (3, T, COLUMNS).
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
    usable = np.all([one.has_occupation & one.has_size & one.has_hits & (one.hits > 0) for one in readings], axis=0)
    logs = np.empty((3, len(readings), CELLS), np.float32)
    columns = []
    for at, (one, now) in enumerate(zip(readings, moments, strict=True)):
        size = now.pixels / now.clusters
        ratios = (one.occupation / now.clusters, one.size / size, one.hits / now.pixels * PIXELS_PER_CHIP)
        found = np.log(np.where(usable, ratios, 1.0))
        medians = np.stack([column_medians(values, np.ones(CELLS), usable)[0] for values in found])
        columns.append(medians)
        logs[:, at] = found - np.stack([to_cells(row) for row in medians])
    steady = _steady(readings)
    shares = np.mean([noise_shares(one, tables, now) for one, now in zip(steady, moments, strict=True)], axis=0)
    return Residuals(
        cells=logs,
        columns=np.stack(columns, axis=1),
        counts=np.stack([now.counts for now in moments]).astype(np.float32),
        ended_s=np.array([one.ended_s for one in readings]),
        interactions=np.array([now.luminosity * now.live_s * float(tables.frames_hz) for now in moments]),
        weights=np.mean([now.weights for now in moments], axis=0),
        usable=usable,
        noise_share=shares,
        noise_effect=noise_effect(shares, moments[len(moments) // 2]),
    )


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


def in_layer(layer: int, usable: Bools) -> Bools:
    """Return which usable cells are in a layer, shape (CELLS,)."""
    return np.asarray((layer_of() == layer) & usable)
