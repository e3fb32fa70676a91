"""Profiles of other families than the one that is fitted, their chords by plain summation, and their nearest relative.

A channel of another family has no r0 and t0. What a fit of the form of arXiv:2205.12731 should find is told by
`nearest`: the parameters whose chord has the slope most like the true one, for slopes of phase are what a Schlieren
picture shows. Half-width and axis mean the same in every family.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import erfc

Floats = NDArray[np.float64]

REACH_UM = 3200.0
_STEP_UM = 4.0


def blurred_edge(r_um: Floats, half_radius_um: float, wall_um: float) -> Floats:
    """Return a top-hat whose edge is smeared by a normal law: 0.9 to 0.1 over ``wall_um``."""
    sigma = wall_um / 2.5631
    return np.asarray(0.5 * erfc((r_um - half_radius_um) / (np.sqrt(2) * sigma)))


def super_gaussian(r_um: Floats, half_radius_um: float, wall_um: float) -> Floats:
    """Return exp(-ln 2 (r / half)^n), n such that it falls from 0.9 to 0.1 over ``wall_um``."""
    low, high = np.log(1 / 0.9) / np.log(2), np.log(10) / np.log(2)
    powers = np.linspace(1.5, 60.0, 2000)
    walls = half_radius_um * (high ** (1 / powers) - low ** (1 / powers))
    power = float(np.interp(-wall_um, -walls, powers))
    return np.asarray(np.exp(-np.log(2) * (np.maximum(r_um, 1e-9) / half_radius_um) ** power))


def flat_then_gaussian(r_um: Floats, half_radius_um: float, wall_um: float) -> Floats:
    """Return the form that is fitted, written anew, to tell what the optics alone do."""
    width = wall_um / (np.sqrt(np.log(10)) - np.sqrt(np.log(1 / 0.9)))
    core = half_radius_um - width * np.sqrt(np.log(2))
    return np.asarray(np.exp(-np.square(np.clip(r_um - core, 0, None) / width)))


FAMILIES: Mapping[str, Callable[[Floats, float, float], Floats]] = MappingProxyType(
    {"fitted form": flat_then_gaussian, "blurred edge": blurred_edge, "super-Gaussian": super_gaussian}
)


@dataclass(frozen=True, slots=True)
class Nearest:
    """Parameters of the fitted form: core radius, transition width, and its peak over the true one."""

    core_radius_um: float
    transition_width_um: float
    peak_share: float


def chord(family: str, half_radius_um: float, wall_um: float) -> tuple[Floats, Floats]:
    """Return distances from the axis and the integral along the line of sight there, in um (Simpson's rule)."""
    return _chord(lambda r: FAMILIES[family](r, half_radius_um, wall_um))


def _chord(profile: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    y = np.arange(0.0, REACH_UM + _STEP_UM, _STEP_UM)
    weights = np.full(y.size, 2.0)
    weights[1::2], weights[0], weights[-1] = 4.0, 1.0, 1.0
    values = profile(np.sqrt(y[:, None] ** 2 + y[None, :] ** 2))
    return y, np.asarray(values @ weights * (2 * _STEP_UM / 3))


def nearest(family: str, half_radius_um: float, wall_um: float) -> Nearest:
    """Return the fitted form whose chord's slope is nearest to that of a profile."""
    y, true = chord(family, half_radius_um, wall_um)
    slope = np.gradient(true, y)

    def misfit(values: Floats) -> Floats:
        core, width, share = values
        _, found = _chord(lambda r: np.exp(-np.square(np.clip(r - core, 0, None) / width)))
        return np.asarray(share * np.gradient(found, y) - slope)

    start = np.array([half_radius_um - 0.7 * wall_um, 0.84 * wall_um, 1.0])
    bounds = ([0.0, 10.0, 0.3], [3000.0, 1500.0, 3.0])
    scale = [100.0, 50.0, 0.1]
    found = least_squares(misfit, np.clip(start, *bounds), bounds=bounds, x_scale=scale, diff_step=1e-3)
    return Nearest(*map(float, found.x))
