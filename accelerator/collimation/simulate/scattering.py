# ruff: noqa: NPY002 - compiled code has no Generator of numpy, only the seeded global one
"""One proton in one jaw, compiled: multiple Coulomb scattering, ionisation, and what nuclei do to it.

The model is Everest of xcoll 0.12.5 (K2 of SixTrack): see `materials`. Multiple scattering goes by Highland's formula
without its logarithm of charge, in steps that shorten towards the jaw's face (`multiple_coulomb_scattering.h`); between
nuclear interactions the path is exponential (`jaw.h`); the angles come from Mandelstam t with exponential slopes, and
for single diffraction the mass from 1/M^2 (`nuclear_interaction.h`).
"""

from math import cos, exp, log, pi, sin, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

EDGE = 0.4330127019
"""Half of sqrt(3)/2: a step may scatter by about as much as the depth below the face."""
SHORTEST_STEP = 1e-3
"""Of a radiation length."""


@njit(cache=True, fastmath=True)
def _free_step(depth: float, slope: float, longest: float) -> float:
    """Return the step (radiation lengths) after which scattering may have reached the face: s^3 = (a + b s)^2."""
    a = EDGE * depth
    b = EDGE * slope
    if longest**3 <= (a + b * longest) ** 2 and (a + b * longest) > 0.0:
        return longest
    low = 0.0
    high = longest
    for _ in range(14):
        s = 0.5 * (low + high)
        reach = a + b * s
        if reach > 0.0 and s**3 < reach * reach:
            low = s
        else:
            high = s
        if high - low < 1e-4:
            break
    return max(0.5 * (low + high), SHORTEST_STEP)


@njit(cache=True, fastmath=True)
def _scatter(
    length_m: float,
    depth_m: float,
    slope: float,
    across_m: float,
    across_slope: float,
    energy_gev: float,
    radiation_m: float,
) -> tuple[float, float, float, float, float]:
    """Scatter over a length unless the face is reached; returns path, depth, slope and the same across."""
    theta = 13.6e-3 / energy_gev
    scale = theta * radiation_m
    x = depth_m / scale
    xp = slope / theta
    left = length_m / radiation_m
    gone = 0.0
    while True:
        s = _free_step(x, xp, left)
        s = min(s, left)
        kick = sqrt(s) * (1.0 + 0.038 * log(s)) if s > 1e-9 else 0.0
        z1 = np.random.normal()
        z2 = np.random.normal()
        before = x
        x = x + s * (xp + 0.5 * kick * (z2 + z1 * 0.577350269))
        xp = xp + kick * z2
        if x < 0.0:
            # back to the face along the mean slope of the step
            part = before / (before - x) if before > x else 0.0
            gone += s * part
            x = -1e-12
            break
        gone += s
        left -= s
        if left <= 1e-4:
            break
    kick = sqrt(gone) * (1.0 + 0.038 * log(gone)) if gone > 1e-6 else 0.0
    z1 = np.random.normal()
    z2 = np.random.normal()
    v = across_m + gone * radiation_m * (across_slope + theta * 0.5 * kick * (z2 + z1 * 0.577350269))
    vp = across_slope + theta * kick * z2
    return gone * radiation_m, x * scale, xp * theta, v, vp


@njit(cache=True, fastmath=True)
def _rutherford(row: NDArray[np.float64]) -> float:
    """Draw t from exp(-B t)/t^2 between the cuts."""
    low = 0.0009982
    high = row[10]
    while True:
        t = low / (1.0 - np.random.random() * (1.0 - low / high))
        if np.random.random() < exp(-row[9] * (t - low)):
            return float(t)


@njit(cache=True, fastmath=True)
def _nuclear(row: NDArray[np.float64], energy_gev: float) -> tuple[float, float]:
    """Draw an interaction: returns the energy after it (0: absorbed) and the scattering angle in rad."""
    choice = np.random.random()
    if choice < row[1]:
        return 0.0, 0.0
    if choice < row[2]:
        return energy_gev, sqrt(np.random.exponential() / row[5]) / energy_gev
    if choice < row[3]:
        return energy_gev, sqrt(np.random.exponential() / row[6]) / energy_gev
    if choice >= row[4]:
        return energy_gev, sqrt(_rutherford(row)) / energy_gev
    mass2 = exp(np.random.random() * log(0.15 * row[7]))
    if mass2 < 2.0:
        slope = 2.0 * row[6]
    elif mass2 <= 5.0:
        slope = (106.0 - 17.0 * mass2) * row[6] / 36.0
    else:
        slope = 7.0 * row[6] / 12.0
    after = energy_gev * (1.0 - mass2 / row[7])
    return after, sqrt(np.random.exponential() / slope) / sqrt(energy_gev * after)


@njit(cache=True, fastmath=True)
def _ionise(row: NDArray[np.float64], energy_gev: float, length_m: float) -> float:
    """Return the energy after ionisation over a length (two Gaussians for the tail of Landau's distribution)."""
    if length_m <= 1e-9:
        return energy_gev
    xi = length_m * row[13]
    hard = np.random.random() < row[14]
    loss = length_m * row[12] if hard else length_m * row[11] + xi * log(xi)
    if np.random.random() >= 0.8:
        loss += 3.0 * xi + np.random.normal() * xi * 3.39729
    else:
        loss += xi + np.random.normal() * xi * 1.69864
    return float(energy_gev - max(loss, 0.0))


@njit(cache=True, fastmath=True)
def through_jaw(
    row: NDArray[np.float64],
    length_m: float,
    depth_m: float,
    slope: float,
    across_m: float,
    across_slope: float,
    energy_gev: float,
) -> tuple[float, float, float, float, float]:
    """Follow a proton that is in the jaw until it is absorbed, leaves through the face, or comes out at the end.

    Parameters
    ----------
    row
        `materials.numbers` of the jaw.
    length_m
        What is left of the jaw.
    depth_m, slope
        Below the face, and its change per metre (rad).
    across_m, across_slope
        Along the face.
    energy_gev
        Of the proton.

    Returns
    -------
    depth_m, slope, across_m, across_slope, energy_gev
        At the end of the jaw (a proton outside drifts there); energy 0: absorbed.
    """
    left = length_m
    inside = 0.0
    while True:
        step = row[0] * np.random.exponential()
        last = step >= left
        step = min(step, left)
        path, depth_m, slope, across_m, across_slope = _scatter(
            step, depth_m, slope, across_m, across_slope, energy_gev, row[8]
        )
        left -= path
        inside += path
        if last or depth_m <= 0.0:
            break
        after, angle = _nuclear(row, energy_gev)
        if after <= 0.0:
            return depth_m, slope, across_m, across_slope, 0.0
        energy_gev = after
        phase = 2.0 * pi * np.random.random()
        slope += angle * cos(phase)
        across_slope += angle * sin(phase)
    energy_gev = _ionise(row, energy_gev, inside)
    if energy_gev < 1.0:
        return depth_m, slope, across_m, across_slope, 0.0
    return depth_m + left * slope, slope, across_m + left * across_slope, across_slope, energy_gev
