"""What monitors see besides collimation losses: luminosity debris, dust (UFOs), injections and the dump."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.geometry import IP_M, LHC_LENGTH_M, find
from accelerator.collimation.monitors import monitors
from accelerator.collimation.simulate.shower import kernel

Floats: TypeAlias = NDArray[np.float64]

DEBRIS_GY_PER_S = 8.4e-4
"""At the first quadrupole of IP1 and IP5 in stable beams (MQXA.1R1, 2018; facts/collimation.md, A1)."""
DEBRIS_PART = {1: 1.0, 5: 1.0, 8: 0.03, 2: 0.001}
DEBRIS_BEGIN_M, DEBRIS_DECAY_M, DEBRIS_END_M = 20.0, 45.0, 500.0
UFO_GY_PER_PROTON = 2e-12
INJECTION_GY_PER_S = 2e-3
DUMP_GY_PER_S = 5e-2


def debris(rng: np.random.Generator) -> Floats:
    """Return the signal of luminosity debris at full luminosity, in Gy/s, for all ionisation chambers."""
    s_m = _positions()
    found = np.zeros(len(s_m))
    for ip, part in DEBRIS_PART.items():
        away = np.abs((s_m - IP_M[ip] + LHC_LENGTH_M / 2) % LHC_LENGTH_M - LHC_LENGTH_M / 2)
        inside = (away > DEBRIS_BEGIN_M) & (away < DEBRIS_END_M)
        found += np.where(inside, part * np.exp(-(away - DEBRIS_BEGIN_M) / DEBRIS_DECAY_M), 0.0)
    return DEBRIS_GY_PER_S * found * np.exp(0.5 * rng.normal(size=len(s_m)))


def dust(beam: int, s_m: float, protons: float) -> Floats:
    """Return the signal of a dust particle that a beam meets at a place, in Gy/s over one second."""
    return UFO_GY_PER_PROTON * protons * kernel(_behind(s_m, beam))


def injection(beam: int) -> Floats:
    """Return the signal of the losses of an injection at the injection absorbers, in Gy/s over one second."""
    absorber = find("tdisa.a4l2.b1" if beam == 1 else "tdisa.a4r8.b2")
    return INJECTION_GY_PER_S * kernel(_behind(absorber.s_m, beam))


def dump(beam: int) -> Floats:
    """Return what is lost in IR6 as a beam is extracted, in Gy/s over one second."""
    absorber = find("tcdqa.a4r6.b1" if beam == 1 else "tcdqa.a4l6.b2")
    return DUMP_GY_PER_S * kernel(_behind(absorber.s_m, beam))


def _behind(place_m: float, beam: int) -> Floats:
    sign = 1.0 if beam == 1 else -1.0
    found: Floats = (sign * (_positions() - place_m) + LHC_LENGTH_M / 2) % LHC_LENGTH_M - LHC_LENGTH_M / 2
    return found


def _positions() -> Floats:
    return np.array([one.s_m for one in monitors(ionisation=True)])
