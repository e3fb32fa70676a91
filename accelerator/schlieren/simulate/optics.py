"""Scalar Fourier optics: a 4f system with a knife edge or a stop in its Fourier plane, and defocus.

J. W. Goodman, Introduction to Fourier Optics, 3rd ed., secs. 4.2, 5.2 and 8.2. Frequencies are in cycles per mm at the
channel; the place in the Fourier plane is lambda f times the frequency. The field is calculated over half as many rows
again as the picture has: transforms go on periodically, and behind a knife the light of a beam's far end reaches far.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from accelerator.schlieren.simulate.apparatus import Apparatus, Mask

Floats = NDArray[np.floating]
Complexes = NDArray[np.complexfloating]
_RIM_FIELD_MM = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Coordinates: ``x_mm, y_mm`` of columns and rows from the middle, ``fx, fy`` in cycles per mm."""

    x_mm: NDArray[np.float64]
    y_mm: NDArray[np.float64]
    fx: NDArray[np.float64]
    fy: NDArray[np.float64]


def grid(apparatus: Apparatus) -> Grid:
    """Return the coordinates of a picture; its middle lies between the middle pixels."""
    rows, columns = apparatus.shape
    return _grid(rows, columns, apparatus.pixel_um, apparatus.bin_columns)


def field_grid(apparatus: Apparatus) -> Grid:
    """Return the coordinates of the field: those of the picture, and a quarter of its rows beyond either end."""
    rows, columns = apparatus.shape
    return _grid(rows + 2 * _margin(apparatus), columns, apparatus.pixel_um, apparatus.bin_columns)


def seen(light: Floats, apparatus: Apparatus) -> Floats:
    """Return the rows of the field (..., rows, columns) that the camera sees."""
    margin = _margin(apparatus)
    return light[..., margin : light.shape[-2] - margin, :]


def _margin(apparatus: Apparatus) -> int:
    return apparatus.shape[0] // 4


@lru_cache(maxsize=16)
def _grid(rows: int, columns: int, pixel_um: float, bin_columns: int) -> Grid:
    arrays = []
    for count, step in ((columns, bin_columns * pixel_um / 1000), (rows, pixel_um / 1000)):
        place = np.asarray((np.arange(count) - (count - 1) / 2) * step, np.float64)
        arrays += [place, np.asarray(np.fft.fftfreq(count, step), np.float64)]
    for array in arrays:
        array.flags.writeable = False
    return Grid(arrays[0], arrays[2], arrays[1], arrays[3])


def mask_transmission(apparatus: Apparatus, wavelength_m: float, real: type = np.float64) -> Floats:
    """Return what the Fourier plane lets through of the field: (rows, 1) for the knife, (rows, columns) for the stop.

    The rim of the stop is as soft as a step of frequency of a field of 8 mm is wide, so that it grows evenly.
    """
    if apparatus.mask is Mask.KNIFE:
        return np.asarray(0.5 * (1 + _edge(apparatus, wavelength_m)[0]), real)
    rim_um, _, distance_um = _rim(apparatus, wavelength_m, real)
    return np.asarray(_let_through(distance_um, apparatus.stop_um, rim_um))


def mask_slopes(apparatus: Apparatus, wavelength_m: float, real: type = np.float64) -> dict[str, Floats]:
    """Return the derivatives of `mask_transmission` to the settings of the mask, by their names."""
    if apparatus.mask is Mask.KNIFE:
        edge, widths = _edge(apparatus, wavelength_m)
        slope = -0.5 * (1 - edge**2) / apparatus.knife_width_um
        return {"knife_um": np.asarray(slope, real), "knife_width_um": np.asarray(slope * widths, real)}
    rim_um, beside_um, distance_um = _rim(apparatus, wavelength_m, real)
    through = _let_through(distance_um, apparatus.stop_um, rim_um)
    slope = through * (1 - through) * real(4 / rim_um)
    return {"stop_um": slope * real(-0.5), "stop_y_um": -slope * beside_um / np.maximum(distance_um, real(1e-9))}


def _edge(apparatus: Apparatus, wavelength_m: float) -> tuple[Floats, Floats]:
    """tanh of the distance from the edge in widths, and that distance: (rows, 1)."""
    y_um = wavelength_m * apparatus.focal_mm * 1e6 * field_grid(apparatus).fy[:, None]
    widths = (y_um - apparatus.knife_um) / apparatus.knife_width_um
    return np.tanh(widths), widths


def _rim(apparatus: Apparatus, wavelength_m: float, real: type) -> tuple[float, Floats, Floats]:
    """Softness of the rim, and distances from the middle of the stop: along y alone (rows, 1), and all in all."""
    here = field_grid(apparatus)
    scale_um = wavelength_m * apparatus.focal_mm * 1e6
    y_um: Floats = np.asarray(scale_um * here.fy[:, None] - apparatus.stop_y_um, real)
    x_um: Floats = np.asarray(scale_um * here.fx[None, :], real)
    return scale_um / _RIM_FIELD_MM, y_um, np.sqrt(y_um**2 + x_um**2)


def _let_through(distance_um: Floats, stop_um: float, rim_um: float) -> Floats:
    rises = np.minimum((stop_um / 2 - distance_um) * (4 / rim_um), 60)
    return np.asarray(1 / (1 + np.exp(rises)))


def defocus_transfer(apparatus: Apparatus, wavelength_m: float) -> tuple[Complexes, Complexes]:
    """Return exp(-i pi lambda dz f^2) of rows and of columns (Fresnel; its product over both is the transfer)."""
    here = field_grid(apparatus)
    scale = -1j * np.pi * wavelength_m * 1e3 * apparatus.defocus_mm
    return np.exp(scale * here.fy**2)[:, None], np.exp(scale * here.fx**2)[None, :]


def image_field(field: Complexes, apparatus: Apparatus, wavelength_m: float, *, masked: bool = True) -> Complexes:
    """Return the field in the image plane, of the precision of ``field``, not inverted."""
    rows, columns = (part.astype(field.dtype) for part in defocus_transfer(apparatus, wavelength_m))
    spectrum = scipy.fft.fft2(field, overwrite_x=True)
    spectrum *= rows
    spectrum *= columns
    if masked:
        spectrum *= mask_transmission(apparatus, wavelength_m, spectrum.real.dtype.type)
    return np.asarray(scipy.fft.ifft2(spectrum, overwrite_x=True))


def integrate_pixels(intensity: Floats, apparatus: Apparatus) -> Floats:
    """Return intensities (..., rows, columns) averaged over each pixel, and over the vibration during the exposure."""
    return _over_rows(intensity @ _mean_of_columns(intensity.shape[-1]).astype(intensity.dtype), apparatus)


def exposed(field: Complexes, other: Complexes, apparatus: Apparatus) -> Floats:
    """Return Re(field* other), (..., rows, columns), averaged over each pixel and over the vibration.

    With itself a field gives its intensity; with a change of the field, half the change of the intensity.
    """
    real = field.real.dtype
    products = other.view(real) * field.view(real)
    return _over_rows(products @ _mean_of_parts(field.shape[-1]).astype(real), apparatus)


def _over_rows(along: Floats, apparatus: Apparatus) -> Floats:
    """Average over the height of pixels and over the vibration."""
    here = field_grid(apparatus)
    step = apparatus.pixel_um / 1000
    shake = np.exp(-2 * (np.pi * here.fy * apparatus.blur_um / 1000) ** 2)
    rows = (np.sinc(here.fy * step) * shake)[: here.fy.size // 2 + 1].astype(along.dtype)
    spectrum = scipy.fft.rfft(along, axis=-2, overwrite_x=True)
    spectrum *= rows[:, None]
    return np.asarray(scipy.fft.irfft(spectrum, n=here.fy.size, axis=-2, overwrite_x=True))


@lru_cache(maxsize=4)
def _mean_of_columns(count: int) -> NDArray[np.float64]:
    """Return the matrix that averages samples over the width of their columns; light goes on periodically."""
    transfer = np.sinc(np.fft.rfftfreq(count))
    matrix = np.fft.irfft(np.fft.rfft(np.eye(count), axis=0) * transfer[:, None], n=count, axis=0)
    matrix.flags.writeable = False
    return np.asarray(matrix)


@lru_cache(maxsize=4)
def _mean_of_parts(count: int) -> NDArray[np.float64]:
    """Return the same for products of real and imaginary parts that stand side by side, to be added."""
    matrix = np.repeat(_mean_of_columns(count), 2, axis=0)
    matrix.flags.writeable = False
    return matrix
