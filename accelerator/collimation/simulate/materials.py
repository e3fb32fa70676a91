"""Jaw materials and the cross sections of the proton scattering model, at any beam energy.

Source: the Everest model of xcoll 0.12.5 (`scattering_routines/everest/properties.h`, `ionisation_loss.h`,
`materials/sixtrack.py`), which is K2 of SixTrack (N. Catalan Lasheras, CERN-THESIS-2000-019) with the cross sections
of C. Tambasco (CERN-THESIS-2014-014): total pp from COMPETE (hep-ph/0206172), elastic pp from TOTEM.
"""

from dataclasses import dataclass
from enum import IntEnum
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

PROTON_MASS_GEV = 0.938272
ELECTRON_MASS_MEV = 0.51099890
BETHE_MEV_CM2_PER_G = 0.307075
PP_TOTAL_REFERENCE_BARN = 0.04
RUTHERFORD_T_LOW_GEV2 = 0.0009982
RUTHERFORD_FORM_FACTOR = 856.1
"""Slope of the nuclear form factor in 1/GeV^2 per fm^2 of nuclear radius (`everest.h`)."""


class Column(IntEnum):
    """Columns of the numbers that the compiled scattering reads."""

    INTERACTION_LENGTH_M = 0
    INELASTIC = 1
    """Cumulative probabilities of what happens: inelastic, nucleus elastic, nucleon elastic, diffractive."""
    NUCLEUS_ELASTIC = 2
    NUCLEON_ELASTIC = 3
    DIFFRACTIVE = 4
    NUCLEUS_SLOPE = 5
    NUCLEON_SLOPE = 6
    S_GEV2 = 7
    RADIATION_LENGTH_M = 8
    RUTHERFORD_SLOPE = 9
    RUTHERFORD_T_HIGH = 10
    LOSS_PROBABLE_GEV_PER_M = 11
    LOSS_MEAN_GEV_PER_M = 12
    LOSS_XI_GEV_PER_M = 13
    TAIL_PER_M = 14


@dataclass(frozen=True, slots=True)
class Material:
    """An amorphous jaw material; cross sections in barn at the reference energy of 450 GeV."""

    name: str
    density_g_per_cm3: float
    z_over_a: float
    radiation_length_m: float
    nuclear_radius_fm: float
    elastic_slope_per_gev2: float
    total_barn: float
    inelastic_barn: float
    coulomb_barn: float
    t_high_gev2: float
    excitation_ev: float
    nucleons: float
    """Effective number of nucleons at the rim of the nucleus, which scatter alone."""
    atoms_per_m3: float


MATERIALS = {
    one.name: one
    for one in (
        Material("CFC", 1.67, 0.49954, 0.25568, 0.25, 70.0, 0.337, 0.232, 7.6e-5, 0.02, 78.0, 3.70446, 8.37314e28),
        Material("MoGR", 2.57, 0.49062, 0.11219, 0.25, 76.7, 0.362, 0.247, 9.4e-5, 0.02, 97.0375, 3.78297, 1.12426e29),
        Material("CU", 8.96, 0.45636, 0.014356, 0.366, 217.8, 1.253, 0.769, 1.53e-3, 0.01, 322.0, 6.45497, 8.49123e28),
        Material(
            "Iner", 18.0, 0.40594, 0.0038474, 0.578, 392.1, 2.548, 1.473, 5.74e-3, 0.02, 692.47, 8.80042, 6.50381e28
        ),
    )
}
"""By the names of the collimator table: carbon fibre, molybdenum graphite, copper, Inermet 180."""


def numbers(material: Material, energy_gev: float) -> NDArray[np.float64]:
    """Return the row that the compiled scattering reads: cross sections and losses at this energy.

    Parameters
    ----------
    material : Material
        The jaw.
    energy_gev : float
        Energy of the beam.

    Returns
    -------
    float64 array, shape (len(Column),)
        In the units of the names of `Column`.
    """
    row = np.zeros(len(Column))
    s = 2 * PROTON_MASS_GEV * energy_gev
    log_s = log(s)
    pp_total = 0.041084 - 0.0023302 * log_s + 0.00031514 * log_s**2
    pp_elastic = (11.7 - 1.59 * log_s + 0.134 * log_s**2) / 1e3
    pp_diffractive = (4.3 + 0.3 * log_s) / 1e3
    total = material.total_barn + material.nucleons * (pp_total - PP_TOTAL_REFERENCE_BARN)
    scale = total / material.total_barn
    inelastic = material.inelastic_barn * scale
    quasi = material.nucleons * pp_elastic
    diffractive = material.nucleons * pp_diffractive
    parts = np.array([inelastic, total - inelastic - quasi - diffractive, quasi, diffractive])
    everything = total + material.coulomb_barn
    row[Column.INTERACTION_LENGTH_M] = 1.0 / (material.atoms_per_m3 * everything * 1e-28)
    row[Column.INELASTIC : Column.DIFFRACTIVE + 1] = np.cumsum(parts) / everything
    row[Column.NUCLEUS_SLOPE] = material.elastic_slope_per_gev2 * scale
    row[Column.NUCLEON_SLOPE] = 7.156 + 1.439 * log(sqrt(s))
    row[Column.S_GEV2] = s
    row[Column.RADIATION_LENGTH_M] = material.radiation_length_m
    row[Column.RUTHERFORD_SLOPE] = RUTHERFORD_FORM_FACTOR * material.nuclear_radius_fm**2
    row[Column.RUTHERFORD_T_HIGH] = material.t_high_gev2
    _losses(row, material, energy_gev)
    return row


def _losses(row: NDArray[np.float64], material: Material, energy_gev: float) -> None:
    """Fill in the ionisation (Bethe with density effect, most probable loss, and the chance of a hard collision)."""
    gamma = energy_gev / PROTON_MASS_GEV
    ratio = ELECTRON_MASS_MEV / (PROTON_MASS_GEV * 1e3)
    excitation_mev = material.excitation_ev * 1e-6
    largest_mev = 2 * ELECTRON_MASS_MEV * gamma**2 / (1 + 2 * gamma * ratio + ratio**2)
    plasma_mev = sqrt(material.density_g_per_cm3 * material.z_over_a) * 28.816e-6
    xi = BETHE_MEV_CM2_PER_G / 2 * material.z_over_a * material.density_g_per_cm3 * 0.1
    ionisation = log(2 * ELECTRON_MASS_MEV * gamma**2 / excitation_mev)
    density = 2 * log(plasma_mev / excitation_mev) + 2 * log(gamma) - 1
    mean = xi * (ionisation + log(largest_mev / excitation_mev) - 2 - density)
    row[Column.LOSS_XI_GEV_PER_M] = xi
    row[Column.LOSS_PROBABLE_GEV_PER_M] = xi * (ionisation - log(excitation_mev * 1e-3) + 0.194 - 1 - density)
    row[Column.LOSS_MEAN_GEV_PER_M] = mean + xi * 2 * (largest_mev / (energy_gev * 1e3)) ** 2 / 8
    row[Column.TAIL_PER_M] = xi * 1e3 / (mean * 1e3 + 8 * xi * 1e3)
