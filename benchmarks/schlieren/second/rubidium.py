"""Refraction of natural rubidium as a sum over isotopes and hyperfine ground states, from dipole matrix elements.

D. A. Steck, Rubidium 85 (and 87) D Line Data: frequencies, reduced dipole elements, ground-state splittings. The
excited states' splitting (0.1 to 0.4 GHz) is left out, which moves the index at 10 GHz by less than 0.1 %.
"""

from dataclasses import dataclass

import numpy as np

LIGHT_M_S = 299_792_458.0
_HBAR = 1.054571817e-34
_EPSILON_0 = 8.8541878128e-12


@dataclass(frozen=True, slots=True)
class _Line:
    frequency_thz: float
    dipole_cm: float
    excited: int
    width_mhz: float


@dataclass(frozen=True, slots=True)
class _Isotope:
    share: float
    shift_ghz: float
    grounds: tuple[tuple[float, float], ...]
    """Share of the atoms and energy in GHz of each ground state."""


_LINES = (_Line(384.230406, 3.58424e-29, 4, 6.0666), _Line(377.107386, 2.53766e-29, 2, 5.7500))
_ISOTOPES = (
    _Isotope(0.7217, 0.0, ((7 / 12, 1.26489), (5 / 12, -1.77084))),
    _Isotope(0.2783, 0.0781, ((5 / 8, 2.56301), (3 / 8, -4.27168))),
)
_REFERENCE_THZ = _LINES[0].frequency_thz
"""Detunings are counted from the D2 line of 85Rb."""


def index_less_one(density_cm3: float, detuning_ghz: float) -> complex:
    """Return n - 1, the imaginary part absorbing: chi / 2 with chi = N |d|^2 / (3 hbar eps0 (delta - i gamma / 2)).

    |d|^2 of a line is the reduced element squared; the factor 1/3 averages over polarisation.
    """
    light_hz = _REFERENCE_THZ * 1e12 + detuning_ghz * 1e9
    total = 0j
    for line in _LINES:
        for isotope in _ISOTOPES:
            for share, energy_ghz in isotope.grounds:
                resonance_hz = line.frequency_thz * 1e12 + (isotope.shift_ghz - energy_ghz) * 1e9
                below = 2 * np.pi * (resonance_hz - light_hz)
                half = np.pi * line.width_mhz * 1e6
                weight = isotope.share * share * line.dipole_cm**2 / 3
                total += weight / (below - 1j * half)
    return complex(density_cm3 * 1e6 * total / (2 * _HBAR * _EPSILON_0))


def wavelength_m(detuning_ghz: float) -> float:
    """Return the vacuum wavelength of the probe."""
    return LIGHT_M_S / (_REFERENCE_THZ * 1e12 + detuning_ghz * 1e9)


def radians_per_mm(density_cm3: float, detuning_ghz: float) -> complex:
    """Return phase (real part) and half the optical depth (imaginary part) of a millimetre of vapour."""
    return 2e-3 * np.pi / wavelength_m(detuning_ghz) * index_less_one(density_cm3, detuning_ghz)


def tuned_ghz(density_cm3: float, radians: float) -> float:
    """Return the red detuning at which a millimetre of vapour turns the phase by so much (bisection)."""
    far, near = -3000.0, -6.0
    for _ in range(60):
        middle = -float(np.sqrt(far * near))
        if radians_per_mm(density_cm3, middle).real > radians:
            near = middle
        else:
            far = middle
    return far
