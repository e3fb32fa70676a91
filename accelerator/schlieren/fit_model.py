"""The picture that a vector of parameters gives, its derivatives and its noise, in ADU above nothing."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.fit_derivatives import derivatives
from accelerator.schlieren.fit_parameters import Floats, Parametrisation
from accelerator.schlieren.simulate.apparatus import Apparatus
from accelerator.schlieren.simulate.camera import unevenness
from accelerator.schlieren.simulate.forward import expected_electrons

Pixels: TypeAlias = NDArray[np.bool_]


def model_adu(form: Parametrisation, vector: Floats, real: type = np.float32) -> Floats:
    """Return the expected picture of a vector (rows, columns)."""
    scene = form.scene(vector)
    light = expected_electrons(scene, real).astype(np.float64) * scene.apparatus.gain_adu
    if form.ripples:
        light *= unevenness(vector[-form.ripples :], scene.apparatus.shape)
    return light + scene.apparatus.offset_adu


def jacobian(form: Parametrisation, vector: Floats, pixels: Pixels, real: type = np.float32) -> Floats:
    """Return the derivatives of chosen pixels to all parameters: (pixels, parameters)."""
    return np.asarray(derivatives(form, vector, real)[1][:, pixels].T, np.float64)


def variance_adu(expected_adu: Floats, apparatus: Apparatus, speckle: float | None = None) -> Floats:
    """Return the variance of pixels: photons, reading, rounding, speckle (`accelerator.schlieren.simulate.camera`).

    Averaged columns have so many times less of it.
    """
    gain, contrast = apparatus.gain_adu, apparatus.speckle if speckle is None else speckle
    light = np.maximum(expected_adu - apparatus.offset_adu, 0.0)
    single = light * gain + (gain * apparatus.read_noise_e) ** 2 + 1 / 12 + (contrast * light) ** 2
    return np.asarray(single / apparatus.bin_columns)
