"""What the two beam types do: how many particles an interaction makes, where they go, how the readout cuts time.

Coarse on purpose, from published figures as far as the facts of this project name them (strobe rates, limits of the
checks); assumptions are marked. Densities are charged particles per unit of pseudorapidity::

    density(eta) = plateau * (1 + rise * min(|eta|, 2.5)**2)        zero beyond |eta| = 4.5

pp at 13.6 TeV: 7 per unit, negative binomial with k = 1.1 (assumed; the width of multiplicity distributions in such
windows). Pb-Pb: 2200 exp(-5.2 c) at centrality c, uniform in [0, 1] (assumed; 1930 at 2.5 %, 420 on average), that is a
density of multiplicities that goes as 1/n.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.random import Generator

from dqm.its.simulate.cells import Floats

ORBIT_S = 3564 / 40.079e6
ORBITS_PER_TF = 32
LAST_ETA = 4.5
_STEEPNESS = 5.2
_SPREAD_ETA = 2.5


class BeamType(StrEnum):
    """Colliding beams, in the words of the QC's metadata."""

    PP = "pp"
    PBPB = "PbPb"


@dataclass(frozen=True, slots=True)
class Collisions:
    """One beam type.

    Parameters
    ----------
    plateau, rise
        Pseudorapidity density, see above.
    shape
        k of the negative binomial, or None for the law of Pb-Pb.
    rate_hz
        Interaction rate at the start of a usual fill.
    vertex_sigma_cm
        Spread of the interactions along z.
    frames_per_orbit
        Readout frames (strobes): 18 of 198 bunch crossings, 202 kHz, or 6 of 594, 67 kHz.
    electrons_per_interaction
        Clusters of soft electrons per chip of layer 0, 1, 2 and interaction (electromagnetic pairs of Pb-Pb, assumed).
    levelled
        Share of fills that are kept at one luminosity to their end.
    halo
        Beam background that is always there, as a share of the clusters of one side of the inner barrel (assumed: far
        fewer ions than protons circulate).
    """

    plateau: float
    rise: float
    shape: float | None
    rate_hz: float
    vertex_sigma_cm: float
    frames_per_orbit: int
    electrons_per_interaction: tuple[float, float, float]
    levelled: float
    halo: float

    @property
    def dispersion(self) -> float:
        """Mean square over squared mean of the density: what makes the clusters of one interaction go together."""
        if self.shape is not None:
            return 1 + 1 / self.shape
        low, high = np.exp(-_STEEPNESS), 1.0
        return float(_STEEPNESS * (high**2 - low**2) / 2 / (high - low) ** 2)

    @property
    def frame_s(self) -> float:
        """Length of one readout frame."""
        return ORBIT_S / self.frames_per_orbit

    @property
    def frames_per_tf(self) -> int:
        """Readout frames in one time frame."""
        return self.frames_per_orbit * ORBITS_PER_TF


COLLISIONS = {
    BeamType.PP: Collisions(7.0, 0.02, 1.1, 5e5, 5.2, 18, (0.0, 0.0, 0.0), 0.8, 1e-3),
    BeamType.PBPB: Collisions(421.0, 0.01, None, 4.5e4, 5.6, 6, (12.0, 5.0, 2.5), 0.2, 1e-4),
}


def activity(rng: Generator, collisions: Collisions, count: int) -> Floats:
    """Return the multiplicity of interactions in units of its mean, shape (count,)."""
    if collisions.shape is not None:
        return np.asarray(rng.gamma(collisions.shape, 1 / collisions.shape, count))
    centrality = rng.random(count)
    return np.asarray(np.exp(-_STEEPNESS * centrality) * _STEEPNESS / (1 - np.exp(-_STEEPNESS)))


def density(eta: Floats, collisions: Collisions) -> Floats:
    """Return charged particles per unit of pseudorapidity of a mean interaction."""
    bent = np.minimum(np.abs(eta), _SPREAD_ETA) ** 2
    return np.where(np.abs(eta) < LAST_ETA, collisions.plateau * (1 + collisions.rise * bent), 0.0)
