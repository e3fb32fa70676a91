"""Illumination that is not smooth, and the camera: what makes two pictures of one channel differ."""

from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from accelerator.schlieren.simulate.apparatus import Apparatus

Floats = NDArray[np.floating]
Frame = NDArray[np.int16]

_ORDERS = range(4)
RIPPLES = len(_ORDERS) ** 2 - 1
"""Unevenness has up to three half waves across the picture, in both directions."""


@lru_cache(maxsize=8)
def ripple_modes(shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return the shapes of unevenness, cosines of mean square 1: (15, rows, columns)."""
    modes = [np.outer(rows, columns) for rows in _waves(shape[0]) for columns in _waves(shape[1])]
    shapes = np.asarray(modes[1:], np.float32)
    shapes.flags.writeable = False
    return shapes


def unevenness(strengths: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return what uneven illumination multiplies a picture with: 1 + the sum of the shapes, (rows, columns)."""
    rows, columns = map(_waves, shape)
    return np.asarray(rows.T @ np.concatenate(([1.0], strengths)).reshape(len(rows), len(columns)) @ columns)


@lru_cache(maxsize=8)
def _waves(side: int) -> NDArray[np.float64]:
    """Cosines of mean square 1 along one side: (orders, places), read-only; the first is 1 everywhere."""
    waves = np.array([np.sqrt(2 if n else 1) * np.cos(np.pi * n * _places(side)) for n in _ORDERS])
    waves.flags.writeable = False
    return waves


def _places(side: int) -> NDArray[np.float64]:
    return (np.arange(side) + 0.5) / side


def draw_ripple(rng: Generator, apparatus: Apparatus) -> NDArray[np.float64]:
    """Draw how strong each shape of unevenness is; together they have the apparatus's standard deviation."""
    return rng.normal(0.0, apparatus.ripple / np.sqrt(RIPPLES), RIPPLES)


def uneven(electrons: Floats, strengths: NDArray[np.float64]) -> Floats:
    """Return the picture under uneven illumination: times 1 + the sum of the shapes."""
    rows, columns = electrons.shape
    factor = 1 + np.tensordot(strengths.astype(np.float32), ripple_modes((rows, columns)), axes=1)
    return np.asarray(electrons * np.maximum(factor, 0))


def expose(electrons: Floats, apparatus: Apparatus, rng: Generator) -> Frame:
    """Return what the camera gives: speckle, Poisson, read noise, gain, offset, converter.

    Speckle averaged over the grains in a pixel follows a gamma law of mean 1 and standard deviation ``speckle``
    (Goodman, Speckle Phenomena, sec. 4.6).
    """
    light = np.maximum(electrons, 0)
    if apparatus.speckle > 0:
        grains = apparatus.speckle**-2
        light = light * (rng.standard_gamma(grains, light.shape, np.float32) / np.float32(grains))
    counts = poisson(rng, light)
    counts += rng.standard_normal(light.shape, np.float32) * np.float32(apparatus.read_noise_e)
    adu = np.rint(counts * np.float32(apparatus.gain_adu) + np.float32(apparatus.offset_adu))
    return np.asarray(np.clip(adu, 0, 2**apparatus.bits - 1), np.int16)


def poisson(rng: Generator, mean: Floats) -> NDArray[np.float32]:
    """Draw Poisson numbers; above 50 as a rounded normal with the law's mean and variance, 10 times as fast."""
    few = mean < 50
    drawn = rng.standard_normal(mean.shape, np.float32)
    drawn *= np.sqrt(mean, dtype=np.float32)
    drawn += mean
    drawn = np.rint(drawn)
    drawn[few] = rng.poisson(mean[few])
    return drawn
