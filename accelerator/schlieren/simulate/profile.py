"""The ionised profile of a channel and its integral along a line of sight."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FAR, _EXACT = 6.0, 20
"""How many t0 beyond r0 a chord is integrated, and with how many nodes: to 1e-10 of the diameter."""
_REACH, _NODES = 4.5, 14
"""The same for tables: to 1e-7, for their interpolation is off by more."""
_BEND, _SPACING, _TAIL_SPACING = 2.0, 0.02, 0.05
_COARSE = 160


def ionisation(r_um: Floats, core_radius_um: float, transition_width_um: float) -> Floats:
    """Return P(r) / P_max: 1 up to r0, exp(-(r - r0)^2 / t0^2) beyond (form of arXiv:2205.12731)."""
    beyond = np.maximum(r_um - core_radius_um, 0.0)
    return np.asarray(np.exp(-((beyond / transition_width_um) ** 2)))


def chord_um(
    y_um: Floats, core_radius_um: float, transition_width_um: float, *, reach: float = _FAR, nodes: int = _EXACT
) -> Floats:
    """Return 2 times the integral of P / P_max along z at distance ``|y|`` from the axis, in um.

    Up to r0 the integral is 2 sqrt(r0^2 - y^2). Beyond it is over r, with r = |y| + s^2 so that the integrand
    2 exp(...) r / sqrt(r + |y|) is smooth, by Gauss-Legendre quadrature with ``nodes`` out to r0 + ``reach`` t0.

    Raises
    ------
    ValueError
        If a width is not positive.
    """
    if not (core_radius_um >= 0 and transition_width_um > 0):
        raise ValueError(f"no channel has r0 = {core_radius_um} um and t0 = {transition_width_um} um")
    y = np.abs(np.asarray(y_um, np.float64))
    end = core_radius_um + reach * transition_width_um
    places, weights = _gauss(nodes)
    low = np.sqrt(np.maximum(core_radius_um - y, 0.0))
    high = np.sqrt(np.maximum(end - y, 0.0))
    s = low[..., None] + (high - low)[..., None] * places
    r = y[..., None] + s**2
    falling = np.exp(-(((r - core_radius_um) / transition_width_um) ** 2))
    outer = (4 * falling * r / np.sqrt(r + y[..., None] + 1e-300)) @ weights * (high - low)
    core = 2 * np.sqrt(np.maximum(core_radius_um**2 - y**2, 0.0))
    return np.asarray(np.where(y < end, core + outer, 0.0))


@lru_cache(maxsize=64)
def chord_table(core_radius_um: float, transition_width_um: float) -> tuple[Floats, Floats]:
    """Return distances and chords to interpolate between: dense where the chord bends, from r0 - 2 t0 to r0 + 2 t0.

    Linear interpolation errs by less than 1e-4 of the diameter. Read-only, and kept for the channel's next picture.
    """
    bend = core_radius_um + transition_width_um * _places(0.5 if core_radius_um < transition_width_um else 1.0)
    flat = np.linspace(0.0, max(core_radius_um - 2 * transition_width_um, 0.0), _COARSE, endpoint=False)
    y = np.concatenate((flat, bend[bend > flat[-1]]))
    chord = chord_um(y, core_radius_um, transition_width_um, reach=_REACH, nodes=_NODES)
    for array in (y, chord):
        array.flags.writeable = False
    return y, chord


def chord_slopes(core_radius_um: float, transition_width_um: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Return distances (some of `chord_table`), and the derivatives of the chord to distance, r0 and t0.

    The last two are chords of the derivatives of the wall: 2 u exp(-u^2) / t0 and 2 u^2 exp(-u^2) / t0 with
    u = (r - r0) / t0, integrated as in `chord_um`; the wall is continuous at r0, so nothing comes from its edge.
    """
    y, chord = chord_table(core_radius_um, transition_width_um)
    apart = np.diff(y, prepend=-1.0) > 0
    y, chord = y[apart], chord[apart]
    nodes, weights = _gauss(_NODES)
    low = np.sqrt(np.maximum(core_radius_um - y, 0.0))
    length = np.sqrt(np.maximum(core_radius_um + _REACH * transition_width_um - y, 0.0)) - low
    r = y[:, None] + (low[:, None] + length[:, None] * nodes) ** 2
    u = (r - core_radius_um) / transition_width_um
    kernel = 8 / transition_width_um * u * np.exp(-(u**2)) * r / np.sqrt(r + y[:, None] + 1e-300)
    radius, width = (np.asarray(part @ weights * length) for part in (kernel, kernel * u))
    return y, np.gradient(chord, y), radius, width


def top_hat_chord_um(y_um: Floats, core_radius_um: float) -> Floats:
    """Return the chord of a channel with a sharp wall: 2 sqrt(r0^2 - y^2)."""
    return np.asarray(2 * np.sqrt(np.maximum(core_radius_um**2 - np.asarray(y_um) ** 2, 0.0)))


@lru_cache(maxsize=2)
def _places(scale: float) -> Floats:
    """Where the chord bends, and beyond, in t0 from r0; denser by ``scale``, for channels that are all wall."""
    near, far = scale * _SPACING, scale * _TAIL_SPACING
    return np.concatenate((np.arange(-_BEND, _BEND, near), np.arange(_BEND, _REACH + far, far)))


@lru_cache(maxsize=2)
def _gauss(count: int) -> tuple[Floats, Floats]:
    """Nodes and weights on 0 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2
