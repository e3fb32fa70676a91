"""Where the jaws stand: nominal settings of a machine state, settings errors, orbit bumps and tolerances, in metres."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, radians, sin
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import states
from accelerator.collimation.diagnosis import Quantity
from accelerator.collimation.geometry import find
from accelerator.collimation.simulate.faults import Setting
from accelerator.collimation.simulate.materials import MATERIALS
from accelerator.collimation.simulate.optics import optics
from accelerator.collimation.states import State
from core.errors import InputError

Floats: TypeAlias = NDArray[np.float64]

GAP_TOLERANCE_SIGMA = 0.05
CENTRE_TOLERANCE_MM = 0.010
PARKED_M = 1.0
BUMP_PHASE = 0.25
"""A local orbit error is a pi bump: it ends a quarter of an oscillation to either side (units of 2 pi)."""


@dataclass(frozen=True, slots=True, eq=False)
class Jaws:
    """The collimators that are in, in the order of their beam; m of them.

    Jaws are seen in their own frame: u across the gap, from the closed orbit; ``left`` and ``right`` are the distances
    of the two jaws from the orbit at their middle, ``tilt_rad`` turns both.
    """

    station: NDArray[np.intp]
    """Index into `optics.Optics`."""
    names: tuple[str, ...]
    length_m: Floats
    cosine: Floats
    sine: Floats
    material: NDArray[np.intp]
    """Index into `MATERIALS`."""
    left_m: Floats
    right_m: Floats
    tilt_rad: Floats
    sigma_m: Floats


def jaws(
    beam: int,
    state: State,
    settings: Sequence[Setting] = (),
    tolerances: np.random.Generator | None = None,
    energy_gev: float | None = None,
) -> Jaws:
    """Return the jaws of a beam.

    Parameters
    ----------
    beam, state
        Whose settings.
    settings
        Errors; several on one element add up.
    tolerances
        Draws a gap error of 0.05 sigma and a centre error of 10 um for each collimator (standard deviations); None:
        exact settings.
    energy_gev
        Of the beam, if it is not that of the state.

    Raises
    ------
    core.errors.InputError
        A settings error names a collimator that is parked in this state, or of the other beam.
    """
    line = optics(beam)
    emittance_m = states.emittance_m(energy_gev or states.energy_gev(state))
    errors = _by_collimator(beam, settings)
    gaps = _gaps_sigma(beam, state, errors)
    station = np.array([at for at, name in enumerate(line.names) if name in gaps])
    names = tuple(line.names[at] for at in station)
    what = [find(name) for name in names]
    angle = np.array([radians(one.angle_deg) for one in what])
    half_length = np.array([one.length_m / 2 for one in what])
    twiss = line.twiss
    sigma_m = _sigma_m(twiss, station, angle, half_length, emittance_m)
    gap_m = np.array([gaps[name] for name in names]) * sigma_m
    shift_m = 1e-3 * np.array([errors.get((name, Quantity.OFFSET), 0.0) for name in names])
    shift_m -= _bumps_m(beam, names, angle, station, settings)
    tilt = 1e-6 * np.array([errors.get((name, Quantity.TILT), 0.0) for name in names])
    tilt -= twiss["px"][station] * np.cos(angle) + twiss["py"][station] * np.sin(angle)
    if tolerances is not None:
        gap_m += GAP_TOLERANCE_SIGMA * sigma_m * tolerances.normal(size=len(names))
        shift_m += 1e-3 * CENTRE_TOLERANCE_MM * tolerances.normal(size=len(names))
    left = np.where([one.side == "right" for one in what], PARKED_M, gap_m + shift_m)
    right = np.where([one.side == "left" for one in what], PARKED_M, gap_m - shift_m)
    kinds = list(MATERIALS)
    return Jaws(
        station,
        names,
        2 * half_length,
        np.array([cos(a) for a in angle]),
        np.array([sin(a) for a in angle]),
        np.array([kinds.index(one.material) for one in what]),
        left,
        right,
        tilt,
        sigma_m,
    )


def _gaps_sigma(beam: int, state: State, errors: Mapping[tuple[str, Quantity], float]) -> dict[str, float]:
    """Return the half gaps of the collimators in use, in the order along the beam."""
    line, nominal = optics(beam), states.settings(state)
    gaps = {
        name: gap
        for at, name in enumerate(line.names)
        if line.is_collimator[at] and (gap := _gap(nominal[name], errors.get((name, Quantity.GAP)))) is not None
    }
    missing = {name for name, _ in errors} - set(gaps)
    if missing:
        raise InputError(", ".join(sorted(missing)), f"is not in use in beam {beam}, {state}")
    return gaps


def _sigma_m(
    twiss: Mapping[str, Floats], station: NDArray[np.intp], angle: Floats, half_length: Floats, emittance_m: float
) -> Floats:
    """Return the beam size that opens each gap: that at the upstream face, as xcoll has it."""
    beta = [_upstream(twiss[f"bet{p}"][station], twiss[f"alf{p}"][station], half_length) for p in "xy"]
    found: Floats = np.sqrt(emittance_m * (beta[0] * np.cos(angle) ** 2 + beta[1] * np.sin(angle) ** 2))
    return found


def _gap(nominal: float | None, change: float | None) -> float | None:
    return None if nominal is None else nominal + (change or 0.0)


def _upstream(beta: Floats, alpha: Floats, back_m: Floats) -> Floats:
    gamma = (1 + alpha**2) / beta
    found: Floats = beta + 2 * alpha * back_m + gamma * back_m**2
    return found


def _by_collimator(beam: int, settings: Sequence[Setting]) -> dict[tuple[str, Quantity], float]:
    found: dict[tuple[str, Quantity], float] = {}
    for one in settings:
        element = find(one.element)
        if element.beam != beam:
            raise InputError(one.element, f"is not of beam {beam}")
        key = (element.name, Quantity(one.quantity))
        found[key] = found.get(key, 0.0) + one.change
    return found


def _bumps_m(
    beam: int, names: tuple[str, ...], angle: Floats, station: NDArray[np.intp], settings: Sequence[Setting]
) -> Floats:
    """Return how far the orbit is off at each collimator in its plane, in metres.

    An orbit error is given at a collimator and in its plane; it goes on as ``sqrt(beta/beta0) cos(dmu)`` to either side
    for a quarter of an oscillation.
    """
    off = np.zeros(len(names))
    twiss = optics(beam).twiss
    for one in settings:
        if one.quantity != Quantity.ORBIT:
            continue
        at = names.index(find(one.element).name)
        for plane, part, parts in (("x", cos(angle[at]), np.cos(angle)), ("y", sin(angle[at]), np.sin(angle))):
            phase = twiss[f"mu{plane}"][station] - twiss[f"mu{plane}"][station[at]]
            beta = twiss[f"bet{plane}"][station]
            near = np.abs(phase) < BUMP_PHASE
            shape = np.where(near, np.sqrt(beta / beta[at]) * np.cos(2 * pi * phase), 0.0)
            off += 1e-3 * one.change * part * parts * shape
    return off
