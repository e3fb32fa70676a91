"""Refraction and absorption of rubidium vapour far from its D lines.

Damped oscillators (D2 and D1, from the two ground states of both isotopes) of the density of the vapour; valid where
the detuning is large against Doppler width (0.6 GHz) and the splitting of the excited states (0.5 GHz). The splitting
of the ground states (3.0 GHz in 85Rb, 6.8 GHz in 87Rb) changes the index by 5 % at 10 GHz, by 0.3 % at 40 GHz.

Ions have no line near by and free electrons add -n_e / (2 n_c) = -2e-7 at 7e14 per cm3: both are left out.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from accelerator.schlieren.channel import Vapour

LIGHT_M_S = 299_792_458.0
ELECTRON_RADIUS_M = 2.8179403e-15
NEAREST_GHZ = 5.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of 85Rb: vacuum wavelength, oscillator strength, natural width (full), saturation intensity.

    Numbers of D. A. Steck, Rubidium 85/87 D Line Data; saturation for linear far-detuned light.
    """

    wavelength_nm: float
    strength: float
    width_mhz: float
    saturation_mw_cm2: float

    @property
    def frequency_hz(self) -> float:
        """Frequency of the line."""
        return LIGHT_M_S / (self.wavelength_nm * 1e-9)


D2 = Line(780.241368, 0.6956, 6.067, 2.50)
D1 = Line(794.979015, 0.3423, 5.750, 4.49)
GROUND_STATES = (
    (0.7217 * 7 / 12, -1.26489),
    (0.7217 * 5 / 12, 1.77084),
    (0.2783 * 5 / 8, -2.56301 + 0.078),
    (0.2783 * 3 / 8, 4.27168 + 0.078),
)
"""Share of the atoms in each ground state (85Rb, 87Rb; all sublevels alike), and by how many GHz its lines are above
those of 85Rb: less the energy of the state, and the isotope shift (Steck)."""


def wavelength_m(detuning_ghz: float) -> float:
    """Return the vacuum wavelength of light that is detuned from D2."""
    return LIGHT_M_S / (D2.frequency_hz + detuning_ghz * 1e9)


@lru_cache(maxsize=64)
def refraction(vapour: Vapour) -> complex:
    """Return n - 1 of the un-ionised vapour; the imaginary part absorbs.

    n - 1 = sum over lines of N r_e c lambda f / (4 pi (nu_0 - nu - i Gamma / 4 pi)) with a width broadened by power:
    (Gamma / 4 pi)^2 (1 + I / I_sat) in the denominator (e.g. Siddons et al., J. Phys. B 41 (2008) 155004; R. Boyd,
    Nonlinear Optics, sec. 6.3).

    Raises
    ------
    ValueError
        If the light is nearer to a line than `NEAREST_GHZ`, where this form does not hold.
    """
    density_m3 = vapour.density_cm3 * 1e6
    frequency = D2.frequency_hz + vapour.detuning_ghz * 1e9
    total = 0j
    for line in (D2, D1):
        if not abs(line.frequency_hz - frequency) >= NEAREST_GHZ * 1e9:
            raise ValueError(f"{vapour.detuning_ghz:g} GHz from D2 is too near to a line: not refracted as simulated")
        half = line.width_mhz * 1e6 / 2
        broadened = half**2 * (1 + vapour.intensity_mw_cm2 / line.saturation_mw_cm2)
        scale = density_m3 * ELECTRON_RADIUS_M * LIGHT_M_S * line.wavelength_nm * 1e-9 * line.strength / (4 * np.pi)
        for share, above_ghz in GROUND_STATES:
            below = line.frequency_hz + above_ghz * 1e9 - frequency
            total += share * scale * (below + 1j * half) / (below**2 + broadened)
    return complex(total)


def phase_per_mm(vapour: Vapour) -> float:
    """Return the phase in rad that light gains over a millimetre of vapour against vacuum."""
    return float(2 * np.pi / wavelength_m(vapour.detuning_ghz) * refraction(vapour).real * 1e-3)


def absorption_per_mm(vapour: Vapour) -> float:
    """Return the optical depth (of intensity) of a millimetre of vapour."""
    return float(4 * np.pi / wavelength_m(vapour.detuning_ghz) * refraction(vapour).imag * 1e-3)


def detuning_for(phase_rad_per_mm: float, density_cm3: float) -> float:
    """Return the red detuning in GHz at which vapour turns the phase by so much (to first order: D2 alone, then D1).

    What an operator does before a run: the denser the vapour, the farther the light is tuned away.
    """
    detuning = -1e4
    for _ in range(20):
        found = phase_per_mm(Vapour(density_cm3, detuning))
        detuning = min(detuning * found / phase_rad_per_mm, -NEAREST_GHZ)
    return float(detuning)
