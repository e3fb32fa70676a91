"""What the beams do is taken off a followed number, so that not everything is connected with the fill."""

import numpy as np

from core.coincidence.history import STEP_S, Floats, History, Phases, Track, phases

SETTLING_S = 1800.0
"""The first half hour of steady beams is left out: everything scatters more then, and at the same time."""
LEAST_STEPS = 24


def conditioned(history: History, track: Track) -> Floats:
    """Return how unusual each value of a track is, as normal scores (T,); NaN where nothing is said.

    Ranks take the place of values (van der Waerden's normal scores), so that bursts and skewed backgrounds weigh as
    much as they are rare. Of a track ``with_beam`` only steady beams count, and what a plane through intensities,
    luminosity and the logarithm of the time since the beams became steady says of it over the whole past is taken off
    before.
    """
    values = track.values.astype(float)
    if not track.followed.with_beam:
        return normal_scores(values)
    spells = phases(history.modes, history.steps)
    if history.steady is not None:
        values = np.where(history.steady & (spells.since_s > SETTLING_S), values, np.nan)
    scores = normal_scores(values)
    known = np.isfinite(scores)
    if known.sum() < LEAST_STEPS:
        return np.full(len(scores), np.nan)
    design = _design(history, spells, scores)
    answer = np.linalg.lstsq(design[known], scores[known], rcond=1e-6)[0]
    return normal_scores(np.where(known, scores - design @ answer, np.nan))


def normal_scores(values: Floats) -> Floats:
    """Return for each finite value the quantile of a normal distribution at its rank (ties share their mean rank)."""
    known = np.isfinite(values)
    found = np.full(len(values), np.nan)
    count = int(known.sum())
    if count < 2:
        return found
    _, place, many = np.unique(values[known], return_inverse=True, return_counts=True)
    rank = (np.cumsum(many) - (many - 1) / 2)[place]
    found[known] = normal_quantile((rank - 0.375) / (count + 0.25))
    return found


def normal_quantile(share: Floats) -> Floats:
    """Return the quantile of the normal distribution (Acklam's rational approximation: 1.2e-9 relative)."""
    low = np.minimum(share, 1 - share)
    tail = np.sqrt(-2 * np.log(np.maximum(low, 1e-300)))
    outer = np.polyval(_C, tail) / np.polyval(_D, tail)
    q = share - 0.5
    inner = q * np.polyval(_A, q * q) / np.polyval(_B, q * q)
    found: Floats = np.where(low < _OUTER, np.where(share < 0.5, outer, -outer), inner)
    return found


_OUTER = 0.02425
_A = (
    -39.69683028665376,
    220.9460984245205,
    -275.9285104469687,
    138.3577518672690,
    -30.66479806614716,
    2.506628277459239,
)
_B = (-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1.0)
_C = (
    -0.007784894002430293,
    -0.3223964580411365,
    -2.400758277161838,
    -2.549732539343734,
    4.374664141464968,
    2.938163982698783,
)
_D = (0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1.0)


def _design(history: History, spells: Phases, scores: Floats) -> Floats:
    """What the beams do (T, columns), and a constant; where something is not known it counts as usual."""
    known = np.isfinite(scores)
    since = np.where(np.isfinite(spells.since_s), spells.since_s, np.nan)
    told = [normal_scores(np.where(known, one.values, np.nan)) for one in history.beams]
    told.append(np.log((since + STEP_S) / SETTLING_S))
    columns = [np.ones(len(scores))]
    for column in told:
        there = known & np.isfinite(column)
        if there.sum() >= LEAST_STEPS and (size := float(column[there].std())) > 0:
            columns.append(np.where(np.isfinite(column), (column - column[there].mean()) / size, 0.0))
    return np.stack(columns, axis=1)
