"""The Cramer-Rao floor: no unbiased measurement of a channel from one picture can have smaller errors.

F = J^T V^-1 J + diag(1 / sigma^2) with the derivatives J of the expected picture, the variance V of its pixels, and
what was known before (Bayesian form: H. L. Van Trees, Detection, Estimation, and Modulation Theory I, sec. 2.4.3); the
floor is the inverse of F, with all that is not the channel marginalised. Terms of the derivative of V are left out:
they are smaller by the square of the contrast of speckle. Saturated pixels tell nothing.
"""

from dataclasses import dataclass

import numpy as np

from accelerator.schlieren.channel import PARAMETERS, Channel
from accelerator.schlieren.fit_model import jacobian, model_adu, variance_adu
from accelerator.schlieren.fit_parameters import Floats, Knowledge, parametrise


@dataclass(frozen=True, slots=True, eq=False)
class Floor:
    """Smallest errors of the parameters of a channel: covariance in the order of `PARAMETERS`."""

    covariance: Floats

    @property
    def sigma(self) -> dict[str, float]:
        """One sigma of each parameter."""
        return dict(zip(PARAMETERS, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))


def floor(channel: Channel, known: Knowledge) -> Floor:
    """Return the floor for a channel that is seen with such an apparatus and such knowledge of it.

    Parameters
    ----------
    known
        The true state of apparatus and vapour, and how well each is known before the picture is looked at.
    """
    form = parametrise(known)
    vector = form.vector(channel)
    expected = model_adu(form, vector, np.float64)
    pixels = expected < 2**known.apparatus.bits - 1
    slopes = jacobian(form, vector, pixels, np.float64)
    return Floor(covariance_of(slopes, variance_adu(expected[pixels], known.apparatus), form.prior()[1]))


def covariance_of(derivatives: Floats, variance: Floats, prior_sigma: Floats) -> Floats:
    """Return the covariance of the channel's parameters, all others marginalised.

    The matrix is scaled to a diagonal of ones before it is inverted; what nothing tells of gets a huge error.
    """
    weighted = derivatives / np.sqrt(variance)[:, None]
    information = weighted.T @ weighted + np.diag(1 / prior_sigma**2)
    scale = np.sqrt(np.maximum(np.diag(information), 1e-24))
    scaled = information / np.outer(scale, scale)
    np.fill_diagonal(scaled, 1 + 1e-12)
    inverse = np.linalg.inv(scaled)
    count = len(PARAMETERS)
    return np.asarray((inverse / np.outer(scale, scale))[:count, :count])
