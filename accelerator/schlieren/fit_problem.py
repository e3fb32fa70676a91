"""What a quick fit minimises under fixed weights: squared residuals, and distances from what was known."""

from dataclasses import dataclass

import numpy as np

from accelerator.schlieren.fit_model import model_adu, variance_adu
from accelerator.schlieren.fit_parameters import BLUR2, Floats, Parametrisation

_BOUNDS = {
    "position_um": (-3500.0, 3500.0),
    "core_radius_um": (50.0, 3000.0),
    "peak_ionisation": (0.0, 2.0),
    "transition_width_um": (10.0, 1500.0),
    "tilt_mrad": (-150.0, 150.0),
    "probe_x_mm": (-8.0, 8.0),
    "probe_y_mm": (-8.0, 8.0),
    "probe_radius_mm": (0.3, 10.0),
    "probe_oval": (-0.5, 0.5),
    "electrons": (0.1, 1e5),
    "defocus_mm": (-300.0, 300.0),
    "knife_um": (-300.0, 300.0),
    "knife_width_um": (0.5, 300.0),
    "stop_um": (1.0, 1000.0),
    "stop_y_um": (-300.0, 300.0),
    BLUR2: (0.0, 1e5),
}


@dataclass(frozen=True, slots=True, eq=False)
class FitProblem:
    """A fit under fixed weights.

    Parameters
    ----------
    form, seen, sigma
        What is varied, the compressed picture in ADU (256, 16), and the noise of its cells.
    prior, error
        What is expected of each number, and its sigma.
    lowest, highest
        What each number may be.
    """

    form: Parametrisation
    seen: Floats
    sigma: Floats
    prior: Floats
    error: Floats
    lowest: Floats
    highest: Floats

    @classmethod
    def around(
        cls, form: Parametrisation, seen: Floats, expected: Floats, speckle: float, trust: float = 1.0
    ) -> "FitProblem":
        """Return the problem with the noise of an expected picture; ``trust`` scales the freedom of the apparatus."""
        prior, error = form.prior()
        sigma = np.sqrt(variance_adu(expected, form.known.apparatus, speckle))
        free = (-np.inf, np.inf)
        lowest, highest = np.array([_BOUNDS.get(name, free) for name in form.names] + [free] * form.ripples).T
        return cls(form, seen, sigma, prior, error * trust, lowest, highest)

    def pulls(self, vector: Floats) -> Floats:
        """Return the residuals of the picture of a vector, in sigma."""
        return self.pulls_of(model_adu(self.form, vector))

    def pulls_of(self, expected: Floats) -> Floats:
        """Return the residuals of an expected picture, in sigma."""
        return np.asarray((self.seen - expected) / self.sigma, np.float64)

    def cost(self, vector: Floats, pulls: Floats) -> float:
        """Return twice the negative logarithm of the posterior, but for a constant."""
        return float((pulls**2).sum() + (((vector - self.prior) / self.error) ** 2).sum())
