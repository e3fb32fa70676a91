"""The arrays that the compiled cascade runs on: jaws, apertures, and maps fine (station to station) and coarse."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import states
from accelerator.collimation.families import Family
from accelerator.collimation.geometry import LHC_LENGTH_M, find
from accelerator.collimation.simulate.materials import MATERIALS, numbers
from accelerator.collimation.simulate.optics import Optics, optics
from accelerator.collimation.simulate.setup import Jaws
from accelerator.collimation.states import State

Floats: TypeAlias = NDArray[np.float64]

COARSE_DELTA = 0.0015
"""Protons off by less, and not near the aperture, go from collimator to collimator in one map."""
APERTURE_PART = 0.9
"""Of the smallest aperture, in amplitude, up to which checkpoints are skipped."""
UNSQUEEZED_BETA_M = 300.0
"""Largest beta function taken for the apertures when the beams are not squeezed."""
MOMENTUM_COMPACTION = 3.225e-4
RF_HARMONIC = 35640
RF_MV = {State.INJECTION: 6.0}
RF_MV_TOP = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Ring:
    """What `cascade` needs of one machine; m collimators, n stations.

    ``first``: collimator at which a turn begins (first primary of IR7); ``last``: the last primary behind it, from
    which a proton that can touch nothing else hops to ``first``.
    """

    jaws: Jaws
    optics: Optics
    energy_gev: float
    emittance_m: float
    row: Floats
    """Scattering numbers of each jaw, shape (m, columns)."""
    after: Floats
    """Twiss behind the middle of each jaw: betx, alfx, bety, alfy, dx, dpx, dy, dpy; shape (m, 8)."""
    aperture_m: Floats
    """Half rectangle, half ellipse, closed orbit (x, y), shape (n, 6)."""
    coarse: tuple[Floats, Floats, Floats, Floats]
    """Delta, and maps from each collimator to the next: shift, mx, my."""
    hop: tuple[Floats, Floats, Floats]
    amplitude: tuple[float, float]
    """Square roots of the actions below which checkpoints are skipped, in sqrt(m)."""
    first: int
    last: int
    slip_m: float
    rf: tuple[float, float]
    """Kick of delta per turn at most, and wave number in 1/m."""


def ring(beam: int, state: State, jaws: Jaws, energy_gev: float | None = None) -> Ring:
    """Return the arrays for a beam, a state and the jaws as they stand."""
    line = optics(beam)
    energy = energy_gev or states.energy_gev(state)
    kinds = [numbers(one, energy) for one in MATERIALS.values()]
    aperture = _aperture(line, state)
    primaries = [at for at, name in enumerate(jaws.names) if find(name).family is Family.TCP7]
    coarse = _coarse(line, jaws.station)
    first, last = primaries[0], primaries[-1]
    voltage = RF_MV.get(state, RF_MV_TOP) * 1e-3 / energy
    twiss = [line.twiss[name][jaws.station] for name in ("betx", "alfx", "bety", "alfy", "dx", "dpx", "dy", "dpy")]
    return Ring(
        jaws,
        line,
        energy,
        states.emittance_m(energy),
        np.array([kinds[at] for at in jaws.material]),
        np.column_stack(twiss),
        aperture,
        coarse,
        _hop(coarse, last, first),
        _amplitude(line, aperture),
        first,
        last,
        MOMENTUM_COMPACTION * LHC_LENGTH_M,
        (voltage, 2 * np.pi * RF_HARMONIC / LHC_LENGTH_M),
    )


def _aperture(line: Optics, state: State) -> Floats:
    """Half apertures in metres; before the squeeze those with a large beta function count for a smaller one."""
    sizes = line.aperture_m.copy()
    orbit = np.column_stack([line.twiss["x_m"], line.twiss["y_m"]])
    if state in {State.INJECTION, State.FLAT_TOP}:
        for plane, name in enumerate(("betx", "bety")):
            wider = np.sqrt(np.maximum(line.twiss[name] / UNSQUEEZED_BETA_M, 1.0))
            sizes[:, plane] *= wider
            sizes[:, plane + 2] *= wider
    found: Floats = np.column_stack([sizes, orbit])
    return found


def _amplitude(line: Optics, aperture: Floats) -> tuple[float, float]:
    check = ~line.is_collimator
    smallest = []
    for plane, name in enumerate(("betx", "bety")):
        size = np.minimum(aperture[:, plane], aperture[:, plane + 2]) - np.abs(aperture[:, plane + 4])
        size = size - COARSE_DELTA * np.abs(line.twiss["dx" if plane == 0 else "dy"])
        smallest.append(float(np.min((size / np.sqrt(line.twiss[name]))[check])))
    return APERTURE_PART * smallest[0], APERTURE_PART * smallest[1]


def _coarse(line: Optics, station: NDArray[np.intp]) -> tuple[Floats, Floats, Floats, Floats]:
    """Multiply the maps of all stations between collimators that are in, at each small momentum error."""
    chosen = np.flatnonzero(np.abs(line.delta) <= COARSE_DELTA + 1e-9)
    m, n = len(station), len(line.names)
    shift, mx, my = np.zeros((m, len(chosen), 4)), np.zeros((m, len(chosen), 4)), np.zeros((m, len(chosen), 4))
    for at in range(m):
        steps = (station[(at + 1) % m] - station[at]) % n or n
        for column, delta in enumerate(chosen):
            maps = (np.eye(2), np.eye(2))
            off = np.zeros(4)
            for step in range(steps):
                k = (station[at] + step) % n
                one = (line.mx[k, delta].reshape(2, 2), line.my[k, delta].reshape(2, 2))
                off = np.concatenate([one[0] @ off[:2], one[1] @ off[2:]]) + line.shift[k, delta]
                maps = (one[0] @ maps[0], one[1] @ maps[1])
            shift[at, column], mx[at, column], my[at, column] = off, maps[0].ravel(), maps[1].ravel()
    return line.delta[chosen], shift, mx, my


def _hop(coarse: tuple[Floats, Floats, Floats, Floats], begin: int, end: int) -> tuple[Floats, Floats, Floats]:
    """Multiply the coarse maps from one collimator around the ring to another."""
    delta, shift, mx, my = coarse
    m = len(shift)
    off, x, y = np.zeros((len(delta), 4)), np.zeros((len(delta), 4)), np.zeros((len(delta), 4))
    for column in range(len(delta)):
        maps = (np.eye(2), np.eye(2))
        total = np.zeros(4)
        for step in range((end - begin) % m or m):
            k = (begin + step) % m
            one = (mx[k, column].reshape(2, 2), my[k, column].reshape(2, 2))
            total = np.concatenate([one[0] @ total[:2], one[1] @ total[2:]]) + shift[k, column]
            maps = (one[0] @ maps[0], one[1] @ maps[1])
        off[column], x[column], y[column] = total, maps[0].ravel(), maps[1].ravel()
    return off, x, y
