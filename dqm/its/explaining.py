"""What beam background does to single cells, so that it is not taken for a broken one."""

from dataclasses import dataclass

import numpy as np

from dqm.its.background import LENGTH_CM, SIDES, Background, amplitude, responses
from dqm.its.geometry import LAYERS
from dqm.its.layout import CELLS, Floats, layer_slice, phi_rad, z_cm
from dqm.its.pulls import Pulls

QUANTITIES = ("occupation", "size", "hits")
_OWN_ERROR, _LAYER_ERROR = 0.5, 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """Pulls that background accounts for and how wrong this may be, shape (quantities, CELLS) each."""

    pulls: Floats
    error: Floats

    @classmethod
    def nothing(cls) -> "Explained":
        """Return what is to be expected without background."""
        return cls(np.zeros((len(QUANTITIES), CELLS)), np.zeros((len(QUANTITIES), CELLS)))


def explain(pulls: Pulls, background: Background) -> Explained:
    """Return what a source does to the cells of all layers.

    Its strength is measured in each layer and quantity by itself (the weighted median over the cells that it
    reaches), so how it falls off with the radius need not be known. The expectation of a column is the median over
    its staves, which background moves too: hence an error that the whole layer shares.
    """
    found, error = np.zeros((len(QUANTITIES), CELLS)), np.zeros((len(QUANTITIES), CELLS))
    occupation, other = responses(pulls)
    shape = _shape(background)
    for number, (name, response) in enumerate(zip(QUANTITIES, (occupation, other, other), strict=True)):
        seen = np.asarray(getattr(pulls, name), np.float64)
        for of in LAYERS:
            own = layer_slice(of.number)
            weights = shape[own] * response[own]
            found[number, own] = amplitude(seen[own], weights) * weights
            error[number, own] = _LAYER_ERROR * found[number, own].max()
    return Explained(found, error + _OWN_ERROR * found)


def _shape(background: Background) -> Floats:
    """Clusters per cell in units of those of the cell of its layer that gets most, shape (CELLS,)."""
    side = 1 if background.cause is SIDES[0] else -1
    apart = (phi_rad() - background.phi_rad + np.pi) % (2 * np.pi) - np.pi
    across = np.exp(-(apart**2) / 2 / background.width_rad**2)
    return np.asarray(across * np.exp(side * z_cm() / LENGTH_CM))
