"""The halo: protons that touch the limiting collimator for the first time.

Betatron halo grows slowly, so a proton first touches the jaw that limits its plane, at the peak of its oscillation and
within a micrometre of the edge (the pencil of xpart: amplitudes spread over ``impact_um``), with the other plane from
the core. It begins at that end of the jaw where the envelope is widest. Off-momentum halo (``DP+``, ``DP-``) touches
the primary of IR3 by dispersion. Which jaw limits is found from the gaps as they stand, so a retracted primary hands
over to the next collimator.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.simulate.optics import dispersive_orbit
from accelerator.collimation.simulate.ring import Ring

Floats: TypeAlias = NDArray[np.float64]

IMPACT_UM = 1.0
PLANES = ("H", "V", "S", "DP+", "DP-")
SIDE_UM = 10.0
"""Both jaws are touched while the beam is centred between them within about this much: halo is blown up in steps."""
SWEEP = 1.4e-7
"""Per turn: a trim of 200 Hz/s of 400 MHz."""
GROWING = {"H": (1.0, 0.0), "V": (0.0, 1.0), "S": (1.0, 1.0)}
"""Which planes' amplitudes grow."""


@dataclass(frozen=True, slots=True, eq=False)
class Halo:
    """Protons at the upstream face of collimators: index of it, (x, px, y, py) from the orbit in m, and delta."""

    collimator: NDArray[np.intp]
    state: Floats
    delta: Floats
    sweep: float
    """Change of delta per turn by the trim of the RF frequency; 0: the RF holds the protons in their bucket."""


@dataclass(frozen=True, slots=True, eq=False)
class _Edge:
    """An end of a jaw: optics there, the direction (x, y) into the jaw, and the distance from the orbit in metres."""

    beta: Floats
    alpha: Floats
    dispersion: Floats
    across: Floats
    gap_m: float
    behind_face_m: float


def halo(ring: Ring, plane: str, number: int, rng: np.random.Generator, impact_um: float = IMPACT_UM) -> Halo:
    """Draw protons of a halo.

    Parameters
    ----------
    ring
        The machine.
    plane
        One of `PLANES`.
    number
        Of protons.
    rng
        Draws them.
    impact_um
        Largest depth in the jaw at the first touch.
    """
    at, chances = limiting(ring, plane)
    left = int(rng.binomial(number, chances))
    parts = [
        _one_side(ring, plane, at, side, many, rng, impact_um)
        for side, many in ((1, left), (-1, number - left))
        if many
    ]
    joined = [np.concatenate([one[which] for one in parts]) for which in (0, 1)]
    return Halo(np.full(number, at, dtype=np.intp), joined[0], joined[1], {"DP+": SWEEP, "DP-": -SWEEP}.get(plane, 0.0))


def _one_side(
    ring: Ring, plane: str, at: int, side: int, number: int, rng: np.random.Generator, impact_um: float
) -> tuple[Floats, Floats]:
    """Return coordinates at the upstream face and delta of protons that touch this jaw."""
    core = rng.normal(size=(4, number)) * np.sqrt(ring.emittance_m)
    ends = [_edge(ring, at, side, place) for place in (-1, 1)]
    if plane in GROWING:
        growing = np.array(GROWING[plane]) * np.sign(_direction(ends[0]))
        reach = [np.sum(growing * one.across * np.sqrt(one.beta)) for one in ends]
        edge = ends[int(reach[1] / ends[1].gap_m > reach[0] / ends[0].gap_m)]
        coordinates, delta = _betatron(edge, core, growing, impact_um * 1e-6, rng), np.zeros(number)
    else:
        edge = ends[0]
        sign = 1.0 if plane == "DP+" else -1.0
        coordinates, delta = _dispersive(ring, at, edge, core, sign, impact_um * 1e-6 * rng.random(number))
    coordinates[:, 0] -= edge.behind_face_m * coordinates[:, 1] / (1 + delta)
    coordinates[:, 2] -= edge.behind_face_m * coordinates[:, 3] / (1 + delta)
    return coordinates, delta


def limiting(ring: Ring, plane: str) -> tuple[int, float]:
    """Return the collimator that the halo touches first, and the share of protons that touch its left jaw."""
    jaws = ring.jaws
    axes = np.column_stack([jaws.cosine, jaws.sine])
    with np.errstate(divide="ignore"):
        if plane in GROWING:
            beta = np.column_stack([ring.after[:, 0], ring.after[:, 2]])
            reach = np.sum(np.array(GROWING[plane]) * np.abs(axes) * np.sqrt(beta), axis=1)
            left, right = jaws.left_m / reach, jaws.right_m / reach
        else:
            moved = np.sum(axes * ring.after[:, [4, 6]], axis=1) * (1.0 if plane == "DP+" else -1.0)
            left = np.where(moved > 0, jaws.left_m, np.inf) / np.abs(moved)
            right = np.where(moved < 0, jaws.right_m, np.inf) / np.abs(moved)
    nearest = np.minimum(left, right)
    at = int(np.argmin(nearest))
    if not np.isfinite(left[at] + right[at]):
        return at, float(left[at] < right[at])
    difference_um = 1e6 * (jaws.right_m[at] - jaws.left_m[at])
    return at, float(1 / (1 + np.exp(-np.clip(difference_um / SIDE_UM, -50, 50))))


def _direction(edge: _Edge) -> Floats:
    """Return the direction into the jaw; planes across which it does not reach count as positive."""
    found: Floats = np.where(np.abs(edge.across) > 1e-9, edge.across, 1.0)
    return found


def _edge(ring: Ring, at: int, side: int, place: int) -> _Edge:
    jaws, t = ring.jaws, ring.after[at]
    way = place * jaws.length_m[at] / 2
    beta0, alpha0 = t[[0, 2]], t[[1, 3]]
    gamma = (1 + alpha0**2) / beta0
    gap = (jaws.left_m if side > 0 else jaws.right_m)[at] + side * jaws.tilt_rad[at] * way
    return _Edge(
        beta0 - 2 * alpha0 * way + gamma * way**2,
        alpha0 - gamma * way,
        np.array([t[4] + way * t[5], t[5], t[6] + way * t[7], t[7]]),
        side * np.array([jaws.cosine[at], jaws.sine[at]]),
        float(gap),
        float(jaws.length_m[at] if place > 0 else 0.0),
    )


def _betatron(edge: _Edge, core: Floats, growing: Floats, impact_m: float, rng: np.random.Generator) -> Floats:
    """Return coordinates at the edge with the growing planes at the peak that just enters the jaw."""
    still = growing == 0
    other = sum(core[2 * i] * np.sqrt(edge.beta[i]) * edge.across[i] for i in (0, 1) if still[i])
    reach = float(np.sum(growing * edge.across * np.sqrt(edge.beta)))
    peak = (edge.gap_m - other) / reach
    thickness = impact_m / reach
    depth, angle = _pencil(core.shape[1], rng, float(np.mean(peak)), thickness)
    coordinates = np.empty((core.shape[1], 4))
    for i in (0, 1):
        z = core[2 * i] if still[i] else growing[i] * (peak + depth)
        pz = core[2 * i + 1] if still[i] else growing[i] * angle
        coordinates[:, 2 * i] = np.sqrt(edge.beta[i]) * z
        coordinates[:, 2 * i + 1] = (pz - edge.alpha[i] * z) / np.sqrt(edge.beta[i])
    return coordinates


def _pencil(number: int, rng: np.random.Generator, cut: float, thickness: float) -> tuple[Floats, Floats]:
    """Draw normalised position beyond a cut and momentum, uniform in amplitude up to ``cut + thickness``."""
    widest = np.arccos(cut / (cut + thickness))
    found: list[Floats] = []
    have = 0
    while have < number:
        radius = cut + thickness * rng.random(2 * number)
        phase = widest * rng.uniform(-1, 1, 2 * number)
        x = radius * np.cos(phase)
        inside = x > cut
        found.append(np.array([x[inside] - cut, radius[inside] * np.sin(phase[inside])]))
        have += int(inside.sum())
    depth, momentum = np.concatenate(found, axis=1)[:, :number]
    return depth, momentum


def _dispersive(ring: Ring, at: int, edge: _Edge, core: Floats, sign: float, depth_m: Floats) -> tuple[Floats, Floats]:
    """Return coordinates and delta of protons whose momentum error and betatron peak together just touch the jaw."""
    tabulated, orbits = dispersive_orbit(ring.optics, int(ring.jaws.station[at]))
    half_m = ring.jaws.length_m[at] / 2
    orbits[:, [0, 2]] -= half_m * orbits[:, [1, 3]]
    reach_m = orbits[:, [0, 2]] @ edge.across
    amplitude = np.hypot(core[0], core[1])
    peak = amplitude * np.sqrt(edge.beta[0]) * abs(edge.across[0])
    side = sign * tabulated >= 0
    order = np.argsort(reach_m[side])
    delta = np.interp(edge.gap_m - peak + depth_m, reach_m[side][order], tabulated[side][order])
    z = np.sign(edge.across[0]) * amplitude
    betatron = np.column_stack(
        [
            np.sqrt(edge.beta[0]) * z,
            -edge.alpha[0] * z / np.sqrt(edge.beta[0]),
            np.sqrt(edge.beta[1]) * core[2],
            (core[3] - edge.alpha[1] * core[2]) / np.sqrt(edge.beta[1]),
        ]
    )
    orbit = np.column_stack([np.interp(delta, tabulated, orbits[:, i]) for i in range(4)])
    return betatron + orbit, delta
