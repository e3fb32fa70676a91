"""Starting values: which channel gives the profile across the middle of the picture, of many that are tried.

Without tilt a picture is a profile along y times one along x (exactly so behind a knife, nearly so behind a stop much
larger than the focus). So a channel costs two transforms of one row of numbers, and thousands are tried in
milliseconds; the best few are then moved downhill.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy.fft
from scipy.optimize import least_squares

from accelerator.schlieren.channel import Channel, Vapour
from accelerator.schlieren.fit_parameters import Floats
from accelerator.schlieren.simulate.apparatus import Apparatus
from accelerator.schlieren.simulate.optics import Complexes, defocus_transfer, field_grid, mask_transmission
from accelerator.schlieren.simulate.physics import phase_per_mm, wavelength_m
from accelerator.schlieren.simulate.profile import chord_table

_POSITIONS_UM = np.arange(-1600.0, 1601.0, 80.0)
_RADII_UM = (450.0, 600.0, 750.0, 900.0, 1050.0, 1250.0)
_PEAKS = (0.1, 0.3, 0.5, 0.7, 0.85, 1.0)
_WIDTHS_UM = (90.0, 160.0, 260.0)
_KEPT = 3
_LOW = (-2500.0, 100.0, 0.0, 15.0)
_HIGH = (2500.0, 2500.0, 2.0, 900.0)
_SCALE = (100.0, 100.0, 0.1, 50.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Bench:
    """What profiles need: place of the field's rows in um, field of the probe, what is between Fourier plane and image.

    ``beyond``: how many rows at either end the camera does not see.
    """

    y_um: Floats
    amplitude: Floats
    transfer: Complexes
    rad_per_um: float
    beyond: int

    def profiles(self, channels: Floats) -> Floats:
        """Return intensities for channels (position, r0, P, t0), shape (channels, rows)."""
        phase = np.empty((len(channels), self.y_um.size))
        tables: dict[tuple[float, float], tuple[Floats, Floats]] = {}
        for row, (position, radius, peak, width) in zip(phase, channels.tolist(), strict=True):
            if (radius, width) not in tables:
                tables[radius, width] = chord_table(radius, width)
            chord_um = np.interp(np.abs(self.y_um - position), *tables[radius, width], right=0.0)
            row[:] = -peak * self.rad_per_um * chord_um
        field = scipy.fft.ifft(scipy.fft.fft(self.amplitude * np.exp(1j * phase), axis=1) * self.transfer, axis=1)
        seen = field[:, self.beyond : self.y_um.size - self.beyond]
        return np.asarray(seen.real**2 + seen.imag**2)


def start(picture_adu: Floats, vapour: Vapour, apparatus: Apparatus) -> tuple[Channel, ...]:
    """Return a few channels whose profiles are nearest to that of a picture, best first."""
    bench = _bench(vapour, apparatus)
    seen, noise = _profile(picture_adu, apparatus)
    tried = np.array(list(product(_POSITIONS_UM, _RADII_UM, _PEAKS, _WIDTHS_UM)))
    shapes = bench.profiles(tried)
    misfit = _misfit(shapes, seen, noise)
    found: list[tuple[float, Floats]] = []
    for index in _apart(tried, misfit):
        fit = least_squares(
            lambda values: _residuals(bench.profiles(values[None])[0], seen, noise),
            tried[index],
            bounds=(_LOW, _HIGH),
            x_scale=_SCALE,
            diff_step=1e-3,
            max_nfev=12,
        )
        found.append((float(fit.cost), fit.x))
    found.sort(key=lambda one: one[0])
    return tuple(Channel(float(x[0]), float(x[1]), float(x[2]), float(x[3])) for _, x in found)


def _bench(vapour: Vapour, apparatus: Apparatus) -> _Bench:
    here, wavelength = field_grid(apparatus), wavelength_m(vapour.detuning_ghz)
    amplitude = np.exp(-(((here.y_mm - apparatus.probe_y_mm) / apparatus.probe_radius_mm) ** 2))
    transfer = mask_transmission(apparatus, wavelength)[:, 0] * defocus_transfer(apparatus, wavelength)[0][:, 0]
    beyond = (here.y_mm.size - apparatus.shape[0]) // 2
    return _Bench(here.y_mm * 1000, amplitude, transfer, phase_per_mm(vapour) / 1000, beyond)


def _profile(picture_adu: Floats, apparatus: Apparatus) -> tuple[Floats, Floats]:
    """The rows' mean over the brightest tenth of the columns, less the dark level, and its error."""
    columns = picture_adu.mean(axis=0)
    count = max(len(columns) // 10, 1)
    middle = int(np.argmax(np.convolve(columns, np.ones(count), "same")))
    first = min(max(middle - count // 2, 0), len(columns) - count)
    seen = picture_adu[:, first : first + count].mean(axis=1) - apparatus.offset_adu
    return seen, np.sqrt(np.maximum(seen, 0) / count + 1 + (0.03 * seen) ** 2)


def _scaled(shapes: Floats, seen: Floats, noise: Floats) -> Floats:
    """Profiles as bright as the one that was seen."""
    weight = 1 / noise**2
    factor = (shapes * seen * weight).sum(-1) / np.maximum((shapes**2 * weight).sum(-1), 1e-30)
    return np.asarray(shapes * np.maximum(factor, 0)[..., None])


def _residuals(shape: Floats, seen: Floats, noise: Floats) -> Floats:
    return np.asarray((_scaled(shape, seen, noise) - seen) / noise)


def _misfit(shapes: Floats, seen: Floats, noise: Floats) -> Floats:
    return np.asarray((_residuals(shapes, seen, noise) ** 2).sum(-1))


def _apart(tried: Floats, misfit: Floats) -> list[int]:
    """The best channels that differ in position or radius."""
    kept: list[int] = []
    for index in np.argsort(misfit)[:400].tolist():
        near = (np.abs(tried[index, :2] - tried[other, :2]).max() < 160 for other in kept)
        if not any(near):
            kept.append(index)
        if len(kept) == _KEPT:
            break
    return kept
