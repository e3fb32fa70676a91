"""Probabilities and how they are told: tails of Student's t, and how often chance shows something in a shift."""

import math

import numpy as np

SHIFT_S = 8 * 3600.0
SHOWN_PER_SHIFT = 1 / 20
"""What chance alone would show more often is not called connected: about one a week is wrong."""
MOST_SHIFTS = 1000
"""The past that is stored cannot tell rarer things from each other."""
KINDS = 2
"""Onsets and courses: each kind of evidence may be wrong half as often."""

_NODES = np.polynomial.legendre.leggauss(200)


def two_sided(t: float, degrees: float) -> float:
    """Return the probability that Student's t is at least so far from 0.

    With ``t = sqrt(degrees) tan(angle)`` the density is that of ``cos(angle) ** (degrees - 1)``, integrated by
    Gauss-Legendre quadrature (numpy alone: pages do not import scipy).

    Raises
    ------
    ValueError
        There is not one degree of freedom.
    """
    if degrees < 1:
        raise ValueError(f"{degrees} degrees of freedom")
    angle = math.atan(abs(t) / math.sqrt(degrees))
    node, weight = _NODES
    at = angle + (math.pi / 2 - angle) * ((node + 1) / 2) ** 2  # crowded where the density is
    slope = (math.pi / 2 - angle) * (node + 1) / 2
    tail = float(np.sum(weight * slope * np.cos(at) ** (degrees - 1)))
    whole = math.sqrt(math.pi) * math.exp(math.lgamma(degrees / 2) - math.lgamma((degrees + 1) / 2))
    return min(1.0, 2 * tail / whole)


def of_many(p_value: float, looks: float) -> float:
    """Return the chance that the best of so many independent looks is at least so rare (Šidák 1967)."""
    return float(-np.expm1(looks * np.log1p(-min(p_value, 1 - 1e-16))))


def per_shift(p_value: float, looks: float) -> float:
    """Return how often a shift shows by chance what is as rare as this, where so many things are looked at in it."""
    return KINDS * looks * p_value


def told(expected: float) -> str:
    """Return how often chance shows it, in words: ``once in 200 shifts``."""
    if expected > SHOWN_PER_SHIFT:
        return f"{expected:.2g} times a shift" if expected > 0.5 else f"once in {1 / expected:.0f} shifts"
    shifts = 1 / max(expected, 1e-300)
    return f"less than once in {MOST_SHIFTS} shifts" if shifts > MOST_SHIFTS else f"once in {_round(shifts)} shifts"


def _round(value: float) -> int:
    """Two digits are more than enough."""
    scale = 10 ** max(0, math.floor(math.log10(value)) - 1)
    return int(round(value / scale) * scale)
