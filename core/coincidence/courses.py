"""Numbers of two systems that were unusual together for hours, tested against every other pair of times of the past.

How unusual each is (``conditioning``) is multiplied step by step and averaged over the window, at the best of some
lags. Chance is what the same gives for the one number at one time and the other at *another*: all pairs of windows of
the stored past that do not overlap. That keeps the autocorrelation and the distribution of both, and since two rare
things seldom meet, so many pairs tell probabilities that no number of shifts of one of them alone could. How likely the
one is given the other is told beside it (windows of the one against this window of the other, both ways): only what
is unlikely in both ways is called connected, so that one number that does something unheard of is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from core.coincidence.chance import SHIFT_S, SHOWN_PER_SHIFT, per_shift
from core.coincidence.conditioning import conditioned
from core.coincidence.history import STEP_S, Bools, Floats, History, Track, Whole

WINDOWS_S = (2 * 3600.0, 6 * 3600.0)
LAGS = (-4, -2, 0, 2, 4)
"""Steps by which the second may follow the first: up to 20 minutes either way."""
LEAST_FILLED = 2 / 3
"""Of the steps of a window."""
STRIDES = 2
"""Windows begin so often within the length of one."""
LEAST_WINDOWS = 8.0
"""Independent ones of each number, to tell anything."""
MOST_GIVEN = 0.05
"""How likely the one may be, given the other."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What a test of two courses says.

    ``strength``: mean product of both scores; ``sign``: +1 if they went the same way, -1 if against each other;
    ``lag``: steps by which the second follows; ``p_value``: chance of such a strength anywhere; ``given``: that of the
    second given the first, and the other way round; ``windows``: independent windows of the past, of each.
    """

    strength: float
    sign: int
    lag: int
    p_value: float
    given: tuple[float, float]
    windows: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Alike:
    """Two numbers over a window (unix time) that were tested; ``tested`` is None if the past is too short to tell.

    ``expected``: how often chance shows this in a shift; ``moved``: the mean of each in the first and in the last
    quarter of the window, in its unit.
    """

    first: Track
    second: Track
    begins_s: float
    ends_s: float
    tested: Tested | None
    expected: float | None
    moved: tuple[tuple[float, float], tuple[float, float]]

    @property
    def is_found(self) -> bool:
        """Whether chance shows it rarely enough, and neither number alone explains it."""
        if self.tested is None or self.expected is None:
            return False
        return self.expected <= SHOWN_PER_SHIFT and max(self.tested.given) <= MOST_GIVEN


def looks(pairs: int) -> float:
    """Return how many windows of so many pairs of numbers a shift looks at."""
    return pairs * sum(SHIFT_S / (window_s / STRIDES) for window_s in WINDOWS_S)


def alike(history: History, begins_s: float, ends_s: float) -> list[Alike]:
    """Return the pairs of numbers of different systems over the windows that end within a span; the rarest first.

    Windows begin at fixed times, so that a page that is looked at all the time looks at no more of them. What is left
    out has too few values in the window, or its beams were not steady.
    """
    pairs = [(one, other) for one, other in combinations(history.tracks, 2) if one.system != other.system]
    ready = {track.key: conditioned(history, track) for track in history.tracks}
    found = [
        one
        for first, second in pairs
        for window_s in WINDOWS_S
        for one in _over(history, (first, second), (ready[first.key], ready[second.key]), window_s, (begins_s, ends_s))
    ]
    tests = looks(len(pairs))
    rated = [replace(one, expected=per_shift(one.tested.p_value, tests)) if one.tested else one for one in found]
    return sorted(rated, key=lambda one: (one.expected is None, one.expected))


def _over(
    history: History,
    pair: tuple[Track, Track],
    scores: tuple[Floats, Floats],
    window_s: float,
    span: tuple[float, float],
) -> Iterator[Alike]:
    length = int(window_s / STEP_S)
    stride = length // STRIDES
    offset = int(-(history.begins_s // STEP_S) % stride)
    latest = int((span[1] - history.begins_s) // STEP_S)
    earliest = int((span[0] - history.begins_s) // STEP_S)
    begins = [
        begin
        for begin in range(offset, history.steps - length + 1, stride)
        if earliest < begin + length <= latest
        and all(np.isfinite(one[begin : begin + length]).mean() >= LEAST_FILLED for one in scores)
    ]
    if not begins:
        return
    past = Past.of(*scores, length, offset)
    for begin in begins:
        yield Alike(
            *pair,
            begins_s=history.begins_s + begin * STEP_S,
            ends_s=history.begins_s + (begin + length) * STEP_S,
            tested=None if past is None else past.test(begin),
            expected=None,
            moved=(ends(pair[0].values[begin : begin + length]), ends(pair[1].values[begin : begin + length])),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """All pairs of windows of two series of scores (T,), NaN where there is nothing.

    ``products`` (lags, windows of the first, windows of the second) are mean products of the scores, ``sizes`` the
    largest of the lags, -1 where too little is known; ``apart``: pairs that do not overlap in time.
    """

    ones: "_Windows"
    others: "_Windows"
    products: Floats
    sizes: Floats
    apart: Bools

    @classmethod
    def of(cls, first: Floats, second: Floats, length: int, offset: int) -> "Past | None":
        """Multiply all windows of ``length`` steps; None where fewer than ``LEAST_WINDOWS`` are independent."""
        ones, others = (_Windows.of(one, offset, length) for one in (first, second))
        if min(ones.independent, others.independent) < LEAST_WINDOWS:
            return None
        products = strengths(ones, others, second)
        sizes = np.where(np.isfinite(products), np.abs(products), -1.0).max(axis=0)
        apart = np.abs(ones.begins[:, None] - others.begins[None, :]) >= length + max(LAGS)
        return cls(ones, others, products, sizes, apart & (sizes >= 0))

    def test(self, begin: int) -> Tested | None:
        """Test the window that begins at a step; None where the lags leave too little of it."""
        mine, theirs = (int(np.flatnonzero(one.begins == begin)[0]) for one in (self.ones, self.others))
        here = self.products[:, mine, theirs]
        if not np.isfinite(here).any():
            return None
        lag = int(np.nanargmax(np.abs(here)))
        as_strong = self.sizes >= abs(float(here[lag]))
        floors = 1 / self.others.independent, 1 / self.ones.independent
        return Tested(
            strength=float(here[lag]),
            sign=1 if here[lag] > 0 else -1,
            lag=LAGS[lag],
            p_value=min(1.0, _share(as_strong, self.apart) + floors[0] * floors[1]),
            given=(
                min(1.0, _share(as_strong[mine], self.apart[mine]) + floors[0]),
                min(1.0, _share(as_strong[:, theirs], self.apart[:, theirs]) + floors[1]),
            ),
            windows=(self.ones.independent, self.others.independent),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Windows:
    """The windows of a series that are filled: where they begin, their scores (0 for none) and which are known."""

    begins: Whole
    scores: NDArray[np.float32]
    known: NDArray[np.float32]
    independent: float

    @classmethod
    def of(cls, series: Floats, offset: int, length: int) -> "_Windows":
        """Windows every half of their length, of which the first begins at ``offset``."""
        stride = max(1, length // STRIDES)
        begins = np.arange(offset % stride, len(series) - length + 1, stride)
        cut = np.lib.stride_tricks.sliding_window_view(series, length)[begins]
        there = np.isfinite(cut)
        filled = there.mean(axis=1) >= LEAST_FILLED
        means = np.where(filled, np.where(there, cut, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1), np.nan)
        kept = begins[filled]
        scores = np.where(there, cut, 0.0)[filled].astype(np.float32)
        return cls(kept.astype(np.int64), scores, there[filled].astype(np.float32), independent(means))


def strengths(ones: _Windows, others: _Windows, second: Floats) -> Floats:
    """Return the mean products (lags, windows of the first, windows of the second); NaN where too little is known.

    The windows of the second begin ``lag`` steps later than they do without.
    """
    length, most = ones.scores.shape[1], max(LAGS)
    edge = np.full(most, np.nan)
    cut = np.lib.stride_tricks.sliding_window_view(np.concatenate([edge, second, edge]), length)
    found = []
    for lag in LAGS:
        other = cut[others.begins + most + lag].astype(np.float32)
        there = np.isfinite(other)
        count = ones.known @ there.astype(np.float32).T
        total = ones.scores @ np.where(there, other, np.float32(0)).T
        found.append(np.where(count >= LEAST_FILLED**2 * length, total / np.maximum(count, 1), np.nan))
    return np.stack(found)


def independent(values: Floats) -> float:
    """Return how many independent values a correlated series is worth (Bartlett 1935): N / (1 + 2 Σ ρ²).

    Summed are the correlations up to the first that is within its own error (later ones are noise).
    """
    known = np.isfinite(values)
    count = int(known.sum())
    if count < 3 or values[known].std() == 0:
        return 0.0
    centred = np.where(known, values - values[known].mean(), 0.0)
    size = 1 << (2 * len(values) - 1).bit_length()
    products, pairs = (
        np.fft.irfft(np.abs(np.fft.rfft(one, size)) ** 2, size)[: len(values)] for one in (centred, known.astype(float))
    )
    rho = products / np.maximum(pairs, 1.0) / (products[0] / count)
    ends = np.flatnonzero(rho < 1 / np.sqrt(np.maximum(pairs, 1.0)))
    return float(count / (1 + 2 * np.sum(rho[1 : ends[0] if len(ends) else len(rho)] ** 2)))


def _share(chosen: Bools, usable: Bools) -> float:
    return float((chosen & usable).sum() / max(int(usable.sum()), 1))


def ends(values: Floats) -> tuple[float, float]:
    """Return the means of the first and of the last quarter of what a series holds; NaN if it holds nothing."""
    known = values[np.isfinite(values)]
    quarter = max(1, len(known) // 4)
    return (float(known[:quarter].mean()), float(known[-quarter:].mean())) if len(known) else (np.nan, np.nan)
