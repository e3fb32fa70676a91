"""The classical way: the forward model fitted to a picture by least squares, with the covariance of the fit.

Pixels are weighted by the variance that the model of the fit before gives them (first: a smoothed picture), so that
noise that happens to be low gets no weight. What was known before enters as further residuals.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.optimize import least_squares

from accelerator.schlieren.channel import PARAMETERS, Channel
from accelerator.schlieren.fisher import covariance_of
from accelerator.schlieren.fit_model import Pixels, jacobian, model_adu, variance_adu
from accelerator.schlieren.fit_parameters import BLUR2, Floats, Knowledge, Parametrisation, parametrise
from accelerator.schlieren.fit_start import start
from core.observation import Array

_BOUNDS = {
    "position_um": (-3500.0, 3500.0),
    "core_radius_um": (50.0, 3000.0),
    "peak_ionisation": (0.0, 3.0),
    "transition_width_um": (10.0, 1500.0),
    "tilt_mrad": (-200.0, 200.0),
    "probe_radius_mm": (0.3, 10.0),
    "probe_oval": (-0.5, 0.5),
    "electrons": (0.1, 1e6),
    "knife_width_um": (0.5, 200.0),
    "stop_um": (1.0, 1000.0),
    BLUR2: (0.0, 1e5),
}
_PASSES = (8, 40)
_SPECKLE = (0.003, 0.06)


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted channel.

    Parameters
    ----------
    channel, covariance
        Parameters in the order of `PARAMETERS`.
    chi2_per_pixel
        Mean squared residual, 1 if the model holds; the covariance is not scaled by it.
    pixels
        How many pixels were fitted.
    model_adu, speckle
        The fitted picture, and the contrast of speckle that its residuals show.
    converged
        Whether the fit came to rest.
    """

    channel: Channel
    covariance: Floats
    chi2_per_pixel: float
    pixels: int
    model_adu: Floats
    speckle: float
    converged: bool

    @property
    def sigma(self) -> dict[str, float]:
        """One sigma of each parameter."""
        return dict(zip(PARAMETERS, np.sqrt(np.diag(self.covariance)).tolist(), strict=True))


def fit(picture: Array, known: Knowledge) -> Fit:
    """Fit the forward model to a picture (rows, columns) in ADU of the size that ``known`` has.

    Raises
    ------
    ValueError
        If the picture has another size.
    """
    rows, columns = known.apparatus.shape
    if picture.shape != (rows, columns):
        raise ValueError(f"a picture of {picture.shape} is not {rows} x {columns}")
    counts = np.asarray(picture, np.float64)
    form = parametrise(known)
    smooth: Floats = np.asarray(cv2.GaussianBlur(counts, (0, 0), 2.0), np.float64)
    pixels = _lit(counts, smooth, known)
    best = min(
        (_descend(form, counts, pixels, smooth, form.vector(channel), 3) for channel in _starts(counts, known)),
        key=lambda one: one[1],
    )[0]
    speckle, expected = known.apparatus.speckle, smooth
    for steps in _PASSES:
        best, _, converged = _descend(form, counts, pixels, expected, best, steps, speckle)
        expected = model_adu(form, best)
        speckle = _speckle(counts, expected, pixels, known)
    return _result(form, counts, pixels, best, expected, speckle, converged)


def _starts(counts: Floats, known: Knowledge) -> tuple[Channel, ...]:
    """The best start, and others only if they are another solution."""
    return start(counts, known.vapour, known.apparatus)[:2]


def _lit(counts: Floats, smooth: Floats, known: Knowledge) -> Pixels:
    """Pixels with light, some around them, and none that is saturated or next to such."""
    bench = known.apparatus
    threshold = bench.offset_adu + bench.gain_adu * bench.read_noise_e
    lit = cv2.dilate((smooth > threshold).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    full = cv2.dilate((counts >= 2**bench.bits - 1).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.asarray((lit | ~lit.any()) & ~full)


def _descend(
    form: Parametrisation,
    counts: Floats,
    pixels: Pixels,
    expected: Floats,
    vector: Floats,
    steps: int,
    speckle: float | None = None,
) -> tuple[Floats, float, bool]:
    """Fit under fixed weights; return vector, cost and whether it came to rest."""
    sigma = np.sqrt(variance_adu(expected[pixels], form.known.apparatus, speckle))
    seen, (prior, error) = counts[pixels], form.prior()
    told = np.isfinite(error)
    scale = np.where(told, error, [10.0, 10.0, 0.01, 10.0, 1.0] + [1.0] * (form.size - 5))

    def residuals(values: Floats) -> Floats:
        model = model_adu(form, values)[pixels]
        return np.concatenate(((model - seen) / sigma, ((values - prior) / error)[told]))

    def derivatives(values: Floats) -> Floats:
        return np.concatenate((jacobian(form, values, pixels) / sigma[:, None], np.diag(1 / error)[told]))

    low, high = _bounds(form)
    inside = np.clip(vector, low + 1e-9, high - 1e-9)
    found = least_squares(
        residuals, inside, derivatives, (low, high), x_scale=scale, max_nfev=steps, ftol=1e-6, xtol=1e-9, gtol=None
    )
    return found.x, float(found.cost), bool(found.status > 0)


def _bounds(form: Parametrisation) -> tuple[Floats, Floats]:
    usual = (-np.inf, np.inf)
    pairs = [_BOUNDS.get(name, usual) for name in form.names] + [usual] * form.ripples
    return np.array([low for low, _ in pairs]), np.array([high for _, high in pairs])


def _speckle(counts: Floats, expected: Floats, pixels: Pixels, known: Knowledge) -> float:
    """The contrast that explains the residuals of bright pixels."""
    bench = known.apparatus
    light = np.maximum(expected[pixels] - bench.offset_adu, 0.0)
    bright = light > max(0.3 * float(light.max(initial=0.0)), 50.0)
    if bright.sum() < 50:
        return bench.speckle
    excess = (counts - expected)[pixels][bright] ** 2 - variance_adu(expected[pixels][bright], bench, 0.0)
    contrast = np.sqrt(max(float((excess / light[bright] ** 2).mean()), 0.0))
    return float(np.clip(contrast, *_SPECKLE))


def _result(
    form: Parametrisation,
    counts: Floats,
    pixels: Pixels,
    vector: Floats,
    expected: Floats,
    speckle: float,
    converged: bool,
) -> Fit:
    variance = variance_adu(expected[pixels], form.known.apparatus, speckle)
    covariance = covariance_of(jacobian(form, vector, pixels), variance, form.prior()[1])
    chi2 = float(((counts - expected)[pixels] ** 2 / variance).mean())
    channel = form.scene(vector).channel
    return Fit(channel, covariance, chi2, int(pixels.sum()), expected, speckle, converged)
