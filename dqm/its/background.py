"""A matched filter for beam background: many chips of the inner barrel that each see a little too much.

Background comes from one side and at one angle in phi through all three layers; it falls off along z from the side from
which it comes and with the radius. So the pulls of 432 chips are added up with the weights that such a source would
have, for both sides, 36 directions and five widths (Turin, IRE Trans. Inf. Theory 6, 311, 1960: for independent
errors this sum is the most sensitive one). Clusters, their size, hits and long clusters are summed apart and
added in quadrature where they are too high.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from dqm.its.causes import Cause
from dqm.its.geometry import LAYERS
from dqm.its.layout import INNER, Floats, Ints, layer_of, phi_rad, z_cm
from dqm.its.pulls import Pulls

SIDES = (Cause.BEAM_BACKGROUND_A, Cause.BEAM_BACKGROUND_C)
QUANTITIES = ("occupation", "size", "hits", "long")
WIDTHS_RAD = (0.45, 0.7, 1.0, 1.6, 20.0)
DIRECTIONS = 36
LENGTH_CM = 40.0
REACH = (1.0, 0.8, 0.65)
"""Clusters per chip in layers 1 and 2, relative to layer 0."""
CLIP = 6.0
"""One chip alone counts for no more."""
BACKGROUND_FLOOR = 4.0
"""Score from which background may be a region; calibration knows every one above."""
FAINT = 5e-5
"""`told_share` below which background is no region, however sure it is: some 0.01 % of a side in pp, for what is narrow
in phi is told a little low.

In pp beams usual halo adds 0.1 % (decision 19) and wanders by a fifth of that in an hour: a tenth of it is nothing that
a shifter could act on, though long clusters show a fiftieth.
"""
CORE = 0.5
"""The region is where a source leaves at least this share of what the chip that gets most has."""
_USUAL = 1
_ERROR = 0.15
_TRUST = 0.5
"""Weight of a difference in log likelihood: pulls are not quite independent."""


@dataclass(frozen=True, slots=True, eq=False)
class Scales:
    """What nominal cycles show: mean and spread of each sum, shape (quantities, widths) each, and by layer, (7,) each,
    of what the autoencoder does not rebuild around a cell. ``floor``: score from which background may be a region.
    ``gain``: score of background over what clusters alone would give it (measured on simulated background).
    """

    mean: Floats
    spread: Floats
    rest_mean: Floats
    rest_spread: Floats
    floor: float = BACKGROUND_FLOOR
    gain: float = 1.0

    @classmethod
    def unit(cls) -> "Scales":
        """Return what independent standard normal pulls have; with these no background is ever a region."""
        shape = (len(QUANTITIES), len(WIDTHS_RAD))
        return cls(np.zeros(shape), np.ones(shape), np.zeros(len(LAYERS)), np.ones(len(LAYERS)), np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """The source that fits best.

    Parameters
    ----------
    cause
        Background from A or from C.
    score
        Standard deviations, all quantities together.
    probability
        That it comes from this side and not from the other.
    phi_rad, width_rad
        Direction and width.
    share
        Clusters that it adds to its side of the inner barrel, relative to those expected; ``sigma``: its error.
    cells
        Chips in its core.
    template
        Clusters per chip that it leaves, relative, shape (INNER,).
    """

    cause: Cause
    score: float
    probability: float
    phi_rad: float
    width_rad: float
    share: float
    sigma: float
    cells: Ints
    template: Floats


def sums(pulls: Pulls) -> Floats:
    """Return the weighted sums of the pulls, (quantities, sides, directions, widths), of unit spread if independent."""
    table = templates()
    found = []
    for name, own in zip(QUANTITIES, _weights(pulls), strict=True):
        seen = _clipped(np.asarray(getattr(pulls, name)[:INNER], np.float64))
        norm = np.sqrt(np.maximum(table**2 @ own**2, 1e-30))
        found.append((table @ (own * seen)) / norm)
    return np.stack(found)


def fit(pulls: Pulls, scales: Scales) -> Background:
    """Return the source that fits best, however weak."""
    seen = sums(pulls)
    plain = np.sqrt((np.maximum(seen, 0) ** 2).sum(axis=0))  # tells the place; how unusual it is depends on the width
    scaled = (seen - scales.mean[:, None, None, :]) / scales.spread[:, None, None, :]
    total = np.sqrt((np.maximum(scaled, 0) ** 2).sum(axis=0))
    fits = [_of_side(pulls, side, plain[side]) for side in range(len(SIDES))]
    side = int(np.argmin([one.misfit for one in fits]))
    best, other = fits[side], fits[1 - side]
    share, sigma = _share(pulls, best.template, side, best.amplitude)
    return Background(
        cause=SIDES[side],
        score=float(total.max()),
        probability=float(expit(_TRUST * (other.misfit - best.misfit))),
        phi_rad=float((best.direction + 0.5) / DIRECTIONS * 2 * np.pi),
        width_rad=WIDTHS_RAD[best.width],
        share=share,
        sigma=sigma,
        cells=np.flatnonzero(best.template >= CORE * best.template.max()),
        template=best.template,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """The best source from one side: its template, clusters added per unit of it, and how badly the pulls fit then."""

    direction: int
    width: int
    template: Floats
    amplitude: float
    misfit: float


def _of_side(pulls: Pulls, side: int, total: Floats) -> _Side:
    direction, width = (int(i) for i in np.unravel_index(int(total.argmax()), total.shape))
    template = templates()[side, direction, width]
    weights = [template * own for own in _weights(pulls)]
    seen = np.stack([np.asarray(getattr(pulls, name)[:INNER], np.float64) for name in QUANTITIES])
    amplitudes = tuple(amplitude(values, w) for values, w in zip(seen, weights, strict=True))
    explained = np.stack([a * w for a, w in zip(amplitudes, weights, strict=True)])
    left = (seen - explained) ** 2 / (1 + (_ERROR * explained) ** 2)
    return _Side(direction, width, template, amplitudes[0], float(np.minimum(left, CLIP**2).sum()) / 2)


@cache
def templates() -> NDArray[np.float64]:
    """Return clusters per chip that sources leave, shape (sides, directions, widths, INNER); largest about 1."""
    phi, z, reach = phi_rad()[:INNER], z_cm()[:INNER], np.array(REACH)[layer_of()[:INNER]]
    middles = (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS * 2 * np.pi
    apart = (phi - middles[:, None] + np.pi) % (2 * np.pi) - np.pi
    across = np.exp(-(apart[:, None, :] ** 2) / 2 / np.array(WIDTHS_RAD)[:, None] ** 2)
    along = np.stack([np.exp((side * z - np.abs(z).max()) / LENGTH_CM) for side in (1, -1)])
    table: NDArray[np.float64] = along[:, None, None, :] * across * reach
    table.setflags(write=False)
    return table


def on_side(side: int) -> NDArray[np.bool_]:
    """Return the chips of the inner barrel on side A (0) or C (1), shape (INNER,); the middle chips are on none."""
    return np.asarray((1 - 2 * side) * z_cm()[:INNER] > 1.0)


def _clipped(seen: Floats) -> Floats:
    """Pulls cut where one chip in ten is: a broken chip is no background, but strong background stays what it is."""
    return np.clip(seen, -CLIP, max(CLIP, 1.5 * float(np.quantile(seen, 0.9))))


def responses(pulls: Pulls) -> tuple[Floats, Floats]:
    """Return what a cluster per frame and chip more does to the pulls, shape (CELLS,) each.

    The first is that of the occupation; the second that of size and hits, up to a constant.
    """
    expected = np.asarray(pulls.expected, np.float64)
    known = pulls.valid & (expected > 0)
    per_cluster = np.where(known, 1 / np.where(known, expected, 1.0), 0.0)
    return per_cluster / np.maximum(np.asarray(pulls.occupation_sigma, np.float64), 1e-4), per_cluster


def _weights(pulls: Pulls) -> tuple[Floats, ...]:
    """What one cluster per frame more does to the pull of each quantity, up to a constant; (INNER,) each."""
    occupation, other = (each[:INNER] for each in responses(pulls))
    return occupation, other, other, pulls.valid[:INNER].astype(np.float64)


def amplitude(values: Floats, weights: Floats) -> float:
    """The amplitude of a source in one quantity: the weighted median over its chips, whatever a broken one shows."""
    used = weights > 0.3 * weights.max(initial=0.0)
    if not used.any():
        return 0.0
    ratios, weight = values[used] / weights[used], weights[used]
    order = np.argsort(ratios)
    middle = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)
    return max(0.0, float(ratios[order][min(int(middle), order.size - 1)]))


def told_share(pulls: Pulls, background: Background, scales: Scales) -> float:
    """Return what a source adds to its side as all quantities together tell it; infinite where clusters tell nothing.

    It is more precise than `Background.share`, which rests on clusters alone.
    """
    error = clusters_error(pulls)
    return np.inf if error is None else background.score * error / scales.gain


def is_there(pulls: Pulls, background: Background, scales: Scales) -> bool:
    """Return whether background is a region: beyond chance, and strong enough to matter."""
    return background.score >= scales.floor and told_share(pulls, background, scales) >= FAINT


def clusters_error(pulls: Pulls) -> float | None:
    """Return the error of the share that a usual source adds to its side, from clusters alone; None without data."""
    _, error = _share(pulls, templates()[0, 0, _USUAL], 0, 0.0)
    return error or None


def _share(pulls: Pulls, template: Floats, side: int, added: float) -> tuple[float, float]:
    here = on_side(side) & pulls.valid[:INNER]
    usual = float(np.asarray(pulls.expected[:INNER], np.float64)[here].sum())
    if usual <= 0:
        return 0.0, 0.0
    per_share = float(template[here].sum()) / usual
    norm = float(np.sqrt(((_weights(pulls)[0] * template) ** 2).sum()))
    return added * per_share, per_share / norm if norm > 0 else 0.0
