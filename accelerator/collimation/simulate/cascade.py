# ruff: noqa: NPY002 - compiled code has no Generator of numpy, only the seeded global one
"""Monte Carlo of the multi-stage cascade: protons of the halo, turn after turn, until jaws or apertures stop them.

Compiled with numba; only the training side imports it. The physics of a jaw is in `scattering`, the optics in `optics`.
"""

from dataclasses import dataclass
from math import sin, sqrt
from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from accelerator.collimation.simulate.halo import Halo
from accelerator.collimation.simulate.ring import Ring
from accelerator.collimation.simulate.scattering import through_jaw

Floats: TypeAlias = NDArray[np.float64]

TURNS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """Where protons ended: counts at each station, and how many are left after the last turn."""

    stations: NDArray[np.int64]
    alive: int


def losses(ring: Ring, halo: Halo, seed: int, turns: int = TURNS) -> Losses:
    """Follow the protons of a halo.

    Parameters
    ----------
    ring
        The machine.
    halo
        Where each proton begins: at the upstream face of a collimator.
    seed
        Of the scattering.
    turns
        After which protons are given up.

    Returns
    -------
    Losses
        Counts for each station of the optics.
    """
    jaws, line = ring.jaws, ring.optics
    counts = np.zeros(len(line.names) + 1, dtype=np.int64)
    _follow(
        seed,
        turns,
        halo.collimator,
        halo.state,
        halo.delta,
        halo.sweep,
        np.column_stack([jaws.length_m, jaws.cosine, jaws.sine, jaws.left_m, jaws.right_m, jaws.tilt_rad]),
        ring.row,
        ring.after,
        jaws.station,
        line.is_collimator,
        ring.aperture_m,
        (line.delta, line.shift, line.mx, line.my),
        ring.coarse,
        ring.hop,
        np.array(ring.amplitude),
        (ring.first, ring.last),
        (ring.energy_gev, ring.slip_m, ring.rf[0], ring.rf[1]),
        counts,
    )
    return Losses(counts[:-1], int(counts[-1]))


@njit(cache=True, fastmath=True)
def _map(p: Floats, delta: float, grid: Floats, shift: Floats, mx: Floats, my: Floats) -> None:
    """Take (x, px, y, py) to the next station; linear in delta between the entries of the table."""
    k = len(grid)
    j = 0
    while j < k - 2 and delta > grid[j + 1]:
        j += 1
    w = (delta - grid[j]) / (grid[j + 1] - grid[j])
    w = min(max(w, 0.0), 1.0)
    v = 1.0 - w
    x, px, y, py = p[0], p[1], p[2], p[3]
    a, b = mx[j], mx[j + 1]
    c, d = shift[j], shift[j + 1]
    p[0] = (v * a[0] + w * b[0]) * x + (v * a[1] + w * b[1]) * px + v * c[0] + w * d[0]
    p[1] = (v * a[2] + w * b[2]) * x + (v * a[3] + w * b[3]) * px + v * c[1] + w * d[1]
    a, b = my[j], my[j + 1]
    p[2] = (v * a[0] + w * b[0]) * y + (v * a[1] + w * b[1]) * py + v * c[2] + w * d[2]
    p[3] = (v * a[2] + w * b[2]) * y + (v * a[3] + w * b[3]) * py + v * c[3] + w * d[3]


@njit(cache=True, fastmath=True)
def _jaw(p: Floats, delta: float, jaw: Floats, row: Floats, energy0: float) -> float:
    """Take a proton from the face of a collimator to its end; returns its delta, or -1 if it is absorbed."""
    length = jaw[0]
    one = 1.0 + delta
    c, s = jaw[1], jaw[2]
    xp, yp = p[1] / one, p[3] / one
    u, up = c * p[0] + s * p[2], c * xp + s * yp
    tilt = jaw[5]
    left = u - (jaw[3] - 0.5 * tilt * length)
    right = -u - (jaw[4] + 0.5 * tilt * length)
    left_end = left + (up - tilt) * length
    right_end = right + (tilt - up) * length
    if left <= 0.0 and right <= 0.0 and left_end <= 0.0 and right_end <= 0.0:
        p[0] += xp * length
        p[2] += yp * length
        return delta
    side = 1.0 if max(left, left_end) > max(right, right_end) else -1.0
    depth = left if side > 0.0 else right
    slope = side * (up - tilt)
    way = 0.0
    if depth <= 0.0:
        way = -depth / slope
        depth = 0.0
    v, vp = -s * p[0] + c * p[2], -s * xp + c * yp
    depth, slope, v, vp, energy = through_jaw(row, length - way, depth + 1e-12, slope, v + vp * way, vp, energy0 * one)
    if energy <= 0.0:
        return -1.0
    up = side * slope + tilt
    face = (jaw[3] + 0.5 * tilt * length) if side > 0.0 else (-jaw[4] + 0.5 * tilt * length)
    u = face + side * depth
    one = energy / energy0
    p[0], p[2] = c * u - s * v, s * u + c * v
    p[1], p[3] = (c * up - s * vp) * one, (s * up + c * vp) * one
    return one - 1.0


@njit(cache=True, fastmath=True)
def _amplitudes(p: Floats, delta: float, t: Floats) -> tuple[float, float]:
    """Return the square roots of twice the actions at the middle of a jaw."""
    x, xp = p[0] - t[4] * delta, p[1] - t[5] * delta
    y, yp = p[2] - t[6] * delta, p[3] - t[7] * delta
    ax = x * x / t[0] + (t[1] * x + t[0] * xp) ** 2 / t[0]
    ay = y * y / t[2] + (t[3] * y + t[2] * yp) ** 2 / t[2]
    return sqrt(ax), sqrt(ay)


@njit(cache=True, fastmath=True)
def _clear(ax: float, ay: float, delta: float, jaws: Floats, after: Floats, first: int, last: int) -> bool:
    """Return whether no collimator but the primaries can be touched."""
    for j in range(len(jaws)):
        if first <= j <= last:
            continue
        c, s = abs(jaws[j, 1]), abs(jaws[j, 2])
        reach = c * (ax * sqrt(after[j, 0]) + abs(after[j, 4] * delta)) + s * (
            ay * sqrt(after[j, 2]) + abs(after[j, 6] * delta)
        )
        if reach * 1.03 + abs(jaws[j, 5]) * jaws[j, 0] > min(jaws[j, 3], jaws[j, 4]):
            return False
    return True


@njit(cache=True, fastmath=True)
def _to_next(
    p: Floats,
    delta: float,
    at: int,
    m: int,
    station: NDArray[np.intp],
    check: NDArray[np.bool_],
    aperture: Floats,
    fine: tuple[Floats, Floats, Floats, Floats],
) -> int:
    """Go through the stations to the next collimator; returns the station at which the aperture was hit, or -1."""
    n = len(check)
    k = station[at]
    end = station[(at + 1) % m]
    while True:
        _map(p, delta, fine[0], fine[1][k], fine[2][k], fine[3][k])
        k += 1
        if k == n:
            k = 0
        if k == end:
            return -1
        x, y = abs(p[0] + aperture[k, 4]), abs(p[2] + aperture[k, 5])
        if x > aperture[k, 0] or y > aperture[k, 1] or not (x < 1.0 and y < 1.0):
            return int(k)
        if (x / aperture[k, 2]) ** 2 + (y / aperture[k, 3]) ** 2 > 1.0:
            return int(k)


@njit(cache=True, fastmath=True)
def _advance(
    p: Floats,
    delta: float,
    at: int,
    jaws: Floats,
    after: Floats,
    station: NDArray[np.intp],
    check: NDArray[np.bool_],
    aperture: Floats,
    fine: tuple[Floats, Floats, Floats, Floats],
    coarse: tuple[Floats, Floats, Floats, Floats],
    hop: tuple[Floats, Floats, Floats],
    limit: Floats,
    turn_at: tuple[int, int],
) -> tuple[int, int]:
    """Take a proton from the middle of a collimator to that of the next; returns which, and where it was lost or -1."""
    m = len(jaws)
    ax, ay = _amplitudes(p, delta, after[at])
    if abs(delta) < coarse[0][-1] and (ax / limit[0]) ** 2 + (ay / limit[1]) ** 2 < 1.0:
        if at == turn_at[1] and _clear(ax, ay, delta, jaws, after, turn_at[0], turn_at[1]):
            _map(p, delta, coarse[0], hop[0], hop[1], hop[2])
            return turn_at[0], -1
        _map(p, delta, coarse[0], coarse[1][at], coarse[2][at], coarse[3][at])
        return (at + 1) % m, -1
    lost = _to_next(p, delta, at, m, station, check, aperture, fine)
    return (at + 1) % m, lost


@njit(cache=True, fastmath=True)
def _drift(p: Floats, delta: float, length: float) -> None:
    p[0] += length * p[1] / (1.0 + delta)
    p[2] += length * p[3] / (1.0 + delta)


@njit(cache=True, fastmath=True)
def _follow(
    seed: int,
    turns: int,
    start: NDArray[np.intp],
    state: Floats,
    deltas: Floats,
    sweep: float,
    jaws: Floats,
    rows: Floats,
    after: Floats,
    station: NDArray[np.intp],
    check: NDArray[np.bool_],
    aperture: Floats,
    fine: tuple[Floats, Floats, Floats, Floats],
    coarse: tuple[Floats, Floats, Floats, Floats],
    hop: tuple[Floats, Floats, Floats],
    limit: Floats,
    turn_at: tuple[int, int],
    machine: tuple[float, float, float, float],
    counts: NDArray[np.int64],
) -> None:
    np.random.seed(seed)
    energy0, slip, kick, wave = machine
    for i in range(len(start)):
        p = state[i].copy()
        delta = deltas[i]
        zeta = 0.0
        at = start[i]
        turn = 0
        lost = -1
        while turn < turns:
            delta = _jaw(p, delta, jaws[at], rows[at], energy0)
            if delta <= -0.99:
                lost = station[at]
                break
            _drift(p, delta, -0.5 * jaws[at, 0])
            at, lost = _advance(p, delta, at, jaws, after, station, check, aperture, fine, coarse, hop, limit, turn_at)
            if lost >= 0:
                break
            if at == turn_at[0]:
                turn += 1
                zeta -= slip * delta
                delta += sweep if sweep != 0.0 else kick * sin(wave * zeta)
            _drift(p, delta, -0.5 * jaws[at, 0])
        counts[lost] += 1
