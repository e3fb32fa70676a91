"""How many particles of interactions along the beam cross each column of cells: geometry, but for density in eta.

A flat sensor at distance r from the beam, seen from a vertex ``s r`` away along z, gets ``density(eta) / sqrt(1 +
s^2) / r`` particles per cm of its length and per radian, with ``eta = asinh(s)`` (a particle at polar angle theta
crosses ``d z = r cosh(eta) d eta``). Densities are ``1 + a x + b x^2`` with ``x = min(|eta|, LAST_ETA)^2``, so that the
integrals are sums of three; a and b are fitted to nominal runs (`dqm.its.nominal_kernel`).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from dqm.its.geometry import LAYERS, SENSITIVE_LENGTH_CM, positions
from dqm.its.layout import COLUMNS

Z_CM = np.linspace(-24.0, 24.0, 49)
"""Middles of the bins of a vertex's z, shape (Z,)."""
POWERS = 3
LAST_ETA = 3.0
_PIECES = 5


def vertex_weights(z_cm: float, sigma_cm: float) -> NDArray[np.float64]:
    """Return the share of interactions in each bin of `Z_CM`, shape (Z,), of a Gaussian."""
    weights = np.exp(-0.5 * ((Z_CM - z_cm) / max(sigma_cm, 0.4)) ** 2)
    return np.asarray(weights / max(float(weights.sum()), 1e-300))


@cache
def kernels(extra_cm: float = 0.0) -> NDArray[np.float64]:
    """Return the integrals over every column for vertices in every bin, by power of x, shape (POWERS, COLUMNS, Z).

    ``extra_cm`` is added to the distance of all sensors. Read-only.
    """
    found = np.concatenate([_layer(number, extra_cm) for number in range(len(LAYERS))], axis=1)
    assert found.shape == (POWERS, COLUMNS, Z_CM.size)
    found.setflags(write=False)
    return found


def _layer(number: int, extra_cm: float) -> NDArray[np.float64]:
    of, at = LAYERS[number], positions(number)
    pieces = _PIECES if of.inner else 1
    step = SENSITIVE_LENGTH_CM / pieces
    distance = at.r_cm[0] + extra_cm
    found = np.zeros((POWERS, distance.size, Z_CM.size))
    for piece in range(pieces):
        along = at.z_cm[0] + (piece - (pieces - 1) / 2) * step
        slope = (along[:, None] - Z_CM) / distance[:, None]
        x = np.minimum(np.abs(np.arcsinh(slope)), LAST_ETA) ** 2
        per_piece = step / pieces / np.sqrt(1 + slope**2) / distance[:, None] ** 2
        found += per_piece * np.stack([x**power for power in range(POWERS)])
    return np.asarray(found.reshape(POWERS, of.cells, of.chips_per_cell, Z_CM.size).mean(axis=2))


@cache
def slope_kernels() -> NDArray[np.float64]:
    """Return the slopes of the tracks at every column, |s|, weighted as ``kernels()[0]``, shape (3, COLUMNS, Z).

    The three are the integrals of 1, |s| smoothed near zero, and its square: sizes of clusters follow from them.
    """
    found = np.concatenate([_sizes(number) for number in range(len(LAYERS))], axis=1)
    found.setflags(write=False)
    return found


def _sizes(number: int) -> NDArray[np.float64]:
    of, at = LAYERS[number], positions(number)
    pieces = _PIECES if of.inner else 1
    step = SENSITIVE_LENGTH_CM / pieces
    found = np.zeros((3, at.r_cm.shape[1], Z_CM.size))
    for piece in range(pieces):
        along = at.z_cm[0] + (piece - (pieces - 1) / 2) * step
        slope = np.abs(along[:, None] - Z_CM) / at.r_cm[0][:, None]
        smooth = np.sqrt(0.5 + slope**2)
        weight = step / pieces / np.sqrt(1 + slope**2) / at.r_cm[0][:, None] ** 2
        found += weight * np.stack([np.ones_like(slope), smooth, slope**2 / (1 + slope)])
    return np.asarray(found.reshape(3, of.cells, of.chips_per_cell, Z_CM.size).mean(axis=2))
