"""How a standing goes on: before a cycle, after time, a new run or other beams, and what a cycle teaches."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dqm.its.expected_moment import Moment, layer_medians
from dqm.its.expected_tables import NOISE_PIXELS, Tables
from dqm.its.layout import CELLS, INNER, Bools, layer_of
from dqm.its.reading import Reading
from dqm.its.standing import Standing

Floats = NDArray[np.float64]
OTHER_BEAMS = 0.01
"""Spread of the logarithm of a cell's ratio to the reference from one beam type to another (assumed).

What sets a cell apart may be noise, which matters less or more there: so all of it is in doubt, for one cycle.
"""
OTHER_LUMINOSITY = 0.3
"""Step of the luminosity's logarithm beyond which noise, which does not follow it, puts all cells in doubt for a cycle.

The luminosity itself is then in doubt, by as much noise as the outer layers have.
"""
STEADY_LUMINOSITY = 0.05
"""Step of the luminosity's logarithm from which its own error, by the noise of the outer layers, moves whole layers."""
COLD_LAYER = 0.03
"""Spread of a layer as a whole before anything is known of the detector (assumed)."""
CLIP = 3.5
FIRST_REACH = 1.5
LEARN_SPREAD = 1 / 40
"""Share of the memory of a cell's spread that a cycle replaces."""
SPREAD_RANGE = (0.6, 30.0)
FORGET_RESTARTS_S = 1800.0
_LAYER_NOISE = 0.005
_UNUSUAL, _USUAL = 3.0, 2.0
"""Spreads about the reference beyond which a cell is unusual, and within which it is usual again."""
_NEW_NOISE = 0.02
_SHARE_ERROR = 0.3
"""By how much of it a cell's share of noise, as its clusters' size tells it, is wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """A standing just before a cycle.

    ``layer_variance`` (3, 7) is what the layers may have moved as a whole; ``first`` (3, CELLS) are cells of which
    nothing is known with these beams: they stand where they are first seen (a chip may be off for long). ``in_doubt``:
    that is so of all cells, for beams or luminosity are others than before.
    """

    standing: Standing
    layer_variance: Floats
    first: Bools
    in_doubt: bool = False


def predict(standing: Standing, reading: Reading, tables: Tables, now: Moment, noise_share: Floats) -> Predicted:
    """Return the standing as it is before a cycle.

    Parameters
    ----------
    noise_share
        Share of noise in each cell's clusters, shape (CELLS,), as `noise_shares` gives it.
    """
    layers = layer_of()
    known = bool(np.isfinite(standing.variance).any())
    other_run, other_beams = standing.run != reading.run, standing.beam_type != reading.beam_type
    gap_s = abs(reading.ended_s - standing.ended_s)
    grown = np.ones(3) if other_run else -np.expm1(-gap_s / tables.memory_s)
    noise_grown = 1.0 if other_run else -np.expm1(-gap_s / tables.noise_memory_s)
    noise = noise_effect(noise_share, now) ** 2 * float(tables.noise_wander)
    limit = tables.wander[:, layers] + noise
    step = tables.wander[:, layers] * grown[:, None] + noise * noise_grown + (OTHER_BEAMS**2 if other_beams else 0.0)
    change = np.log(now.luminosity / standing.luminosity) if standing.luminosity > 0 and now.luminosity > 0 else 0.0
    apart = np.maximum(noise_share - now.noise_share, 0.0)
    offset = standing.offset - noise_effect(apart, now) * np.clip(change, -1, 1)
    step += (noise_effect(_NEW_NOISE + now.noise_share + _SHARE_ERROR * apart, now) * change) ** 2
    variance = np.minimum(standing.variance + step, np.maximum(standing.variance, limit + step))
    first = ~np.isfinite(standing.variance)
    cold = tables.cold[:, layers] + noise_effect(apart, now) ** 2
    variance = np.where(first, cold, np.minimum(variance, cold))
    other_light = abs(change) > OTHER_LUMINOSITY
    if other_beams:
        variance = variance + np.where(first, 0.0, offset**2)
    elif other_light:
        variance = variance + (float(np.mean(noise_share[INNER:])) * change) ** 2
    first = first | other_beams | other_light
    layer_variance = tables.layer_wander * grown[:, None] + (OTHER_BEAMS**2 if other_beams else 0.0)
    if abs(change) > STEADY_LUMINOSITY:  # the luminosity rests on the outer layers, whose noise does not follow it
        layer_variance[0] += (float(np.mean(noise_share[INNER:])) * change) ** 2
    if not known:
        layer_variance = layer_variance + COLD_LAYER**2
    restarts = standing.restart_s * (0.0 if other_run else np.exp(-gap_s / FORGET_RESTARTS_S))
    return Predicted(
        replace(standing, offset=offset, variance=variance, restart_s=restarts),
        layer_variance,
        first,
        bool(other_beams or other_light),
    )


def noise_shares(reading: Reading, tables: Tables, now: Moment) -> Floats:
    """Return the share of noise in each cell's clusters by their size, where that is beyond doubt; shape (CELLS,).

    Noise clusters are single pixels, those of particles are not; but thresholds move sizes as well.
    """
    usual = np.divide(now.pixels, now.clusters, out=np.full(CELLS, 2.5), where=now.clusters > 0)
    seen = np.where(reading.has_size & (reading.size > 0), reading.size, usual)
    by_size = (1 - seen / usual) * usual / np.maximum(usual - NOISE_PIXELS, 0.3)
    spread = tables.size_spread[layer_of()] * usual / np.maximum(usual - NOISE_PIXELS, 0.3)
    layer = np.maximum(layer_medians(by_size, reading.has_size) - _LAYER_NOISE, 0.0)[layer_of()]
    layer[:INNER] = 0.0
    beyond = np.sqrt(np.maximum(by_size**2 - (2 * spread) ** 2, 0.0)) * (by_size > 0)
    return np.asarray(np.clip(now.noise_share + np.maximum(layer, beyond), 0.0, 0.95))


def noise_effect(noise_share: Floats, now: Moment) -> Floats:
    """Return by how much each quantity follows the noise, d log / d log noise, shape (3, CELLS)."""
    size = np.divide(now.pixels, now.clusters, out=np.full(CELLS, 2.5), where=now.clusters > 0)
    in_pixels = noise_share * NOISE_PIXELS / size
    return np.stack((noise_share, in_pixels - noise_share, in_pixels))


def recovered(offset: Floats, residual: Floats, cold: Floats) -> Bools:
    """Return which cells stood far from the reference and are usual again, shape (CELLS,): that is nothing wrong.

    Such is the end of a fault that was there when the detector was first seen, and was taken for how it stands.

    Parameters
    ----------
    offset, residual
        log(standing / reference) and log(observed / standing), shape (CELLS,) each.
    cold
        Variance of cells about the reference by layer, shape (7,).
    """
    usual = np.sqrt(cold[layer_of()])
    return np.asarray((np.abs(offset) > _UNUSUAL * usual) & (np.abs(offset + residual) < _USUAL * usual))


def taught(
    known: Predicted,
    quantity: int,
    residual: Floats,
    staying: Floats,
    variance: Floats,
    pull: Floats,
    learns: Bools,
    back: Bools,
) -> tuple[Floats, Floats, Floats]:
    """Return offset, variance and spread of one quantity after a cycle, shape (CELLS,) each.

    Parameters
    ----------
    residual, staying
        log(observed / expected) less what the columns share, and the step of the layer, which stays.
    variance
        Of the cycle's counting.
    learns, back
        Which cells have something to learn from, and which stand as the reference has it again (`recovered`).
    """
    standing = known.standing
    offset, before, spread = (getattr(standing, name)[quantity] for name in ("offset", "variance", "spread"))
    at_once = known.first[quantity] | back
    reach = np.where(at_once, FIRST_REACH, CLIP * np.sqrt(spread * (before + variance)))
    gain = np.where(at_once, 1.0, before / (before + variance))
    moved = offset + staying + gain * np.clip(residual, -reach, reach)
    wider = spread * (1 + LEARN_SPREAD * (np.minimum(pull**2, 9.0) / 0.97 - 1))
    wider = np.clip(np.where(before < 4 * variance + 1e-5, wider, spread), *SPREAD_RANGE)
    return (
        np.where(learns, moved, offset),
        np.where(learns, before * variance / (before + variance), before),
        np.where(learns, wider, spread),
    )
