"""Finds the second at which the pattern of losses jumped and stayed: each second beside the minute before it.

Model-free: what wanders slowly (how halo is shared between planes) and what lasts two seconds (dust) leaves no trace.
Which setting it was is for the likelihood to say, which must then prefer a fault to what was before.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.seconds import steady_shares

Floats: TypeAlias = NDArray[np.float64]

WINDOW_S = 5
BEFORE_S = 30
GAP_S = 6
"""The minute before ends so many seconds before the window, so that the jump itself is not in it."""
PERSISTS = 3
HIGH = 9.0
"""Standard deviations that the three channels that moved most must have moved, in the mean square."""
STRONGEST = 3
LEAST_SPREAD = 0.01
FAINT = 5.0
"""Channels below so many times their noise do not count."""


def find_jump(values: Floats, noise: Floats, there: NDArray[np.bool_], last: Floats | None) -> int | None:
    """Return the second of the last jump that lasted to the end, None if there is none.

    Parameters
    ----------
    values, noise, there
        Signals (T, C), their standard deviation in one second (C,), and which channels count (C,).
    last
        Signals (C,) of the minute before the first second, None where that is not known.
    """
    bright = there & (values.mean(axis=0) > FAINT * noise)
    if bright.sum() < 2 or len(values) < WINDOW_S + PERSISTS:
        return None
    own = np.maximum(values[:, bright], 0.0)
    lead = 0
    if last is not None and (last[bright] > 0).all():
        lead = BEFORE_S + GAP_S
        own = np.concatenate([np.tile(last[bright], (lead, 1)), own])
    if len(own) < BEFORE_S + GAP_S + WINDOW_S + PERSISTS:
        return None
    steady = steady_shares(own, WINDOW_S)
    shares = np.log(np.maximum(steady / steady.sum(axis=1, keepdims=True), 1e-12))
    sums = np.cumsum(np.concatenate([np.zeros((1, shares.shape[1])), shares]), axis=0)
    before = (sums[BEFORE_S:] - sums[:-BEFORE_S]) / BEFORE_S
    step = shares[BEFORE_S + GAP_S :] - before[: len(shares) - BEFORE_S - GAP_S]
    spread = np.maximum(1.4826 * np.median(np.abs(step - np.median(step, axis=0)), axis=0), LEAST_SPREAD)
    moved = np.sort((step / spread) ** 2, axis=1)[:, -STRONGEST:].mean(axis=1) > HIGH**2
    runs = np.convolve(moved, np.ones(PERSISTS), mode="valid") >= PERSISTS
    if not runs.any():
        return None
    ends = np.flatnonzero(runs)
    first = ends[np.flatnonzero(np.diff(ends, prepend=-10) > 1)[-1]]
    return int(max(first + BEFORE_S + GAP_S + WINDOW_S // 2 - lead, 0))
