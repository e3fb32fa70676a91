"""Derivatives of the expected picture to all parameters at once, from those of the field.

The system is linear in the field U: a change dU behind the vapour, or dM in the Fourier plane, changes the image field
V by dV, and the intensity by 2 Re(V* dV). So a parameter costs two transforms and no simulation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from accelerator.schlieren.fit_parameters import BLUR2, LOG_PHASE, STEPS, Floats, Parametrisation
from accelerator.schlieren.simulate.camera import ripple_modes, unevenness
from accelerator.schlieren.simulate.forward import object_field
from accelerator.schlieren.simulate.optics import (
    Grid,
    defocus_transfer,
    field_grid,
    integrate_pixels,
    mask_transmission,
    seen,
)
from accelerator.schlieren.simulate.physics import absorption_per_mm, phase_per_mm, wavelength_m
from accelerator.schlieren.simulate.profile import chord_slopes, chord_table
from accelerator.schlieren.simulate.scene import Scene

Complexes: TypeAlias = NDArray[np.complexfloating]


@dataclass(frozen=True, slots=True, eq=False)
class _Chords:
    """Chords of all lines of sight in mm, and their change per um of distance to higher rows, of r0 and of t0."""

    chord_mm: Floats
    away: Floats
    radius: Floats
    width: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """A scene on its way through the optics: field, its spectrum, what the Fourier plane does, field of the image."""

    scene: Scene
    here: Grid
    field: Complexes
    spectrum: Complexes
    transfer: Complexes
    image: Complexes
    chords: _Chords

    @property
    def wavelength_m(self) -> float:
        return wavelength_m(self.scene.vapour.detuning_ghz)


def derivatives(form: Parametrisation, vector: Floats, real: type = np.float32) -> tuple[Floats, Floats]:
    """Return the expected picture in ADU (rows, columns) and its derivatives (parameters, rows, columns)."""
    scene = form.scene(vector)
    state = _state(scene, real)
    bench, names = scene.apparatus, form.names
    scale = bench.electrons * bench.gain_adu
    moving = [name for name in names if name in _FIELD or name in _FOURIER]
    changes = _image_changes(state, moving)
    intensities: Floats = np.empty((1 + len(moving), *state.image.shape), real)
    intensities[0] = state.image.real**2 + state.image.imag**2
    intensities[1:] = 2 * (state.image.real * changes.real + state.image.imag * changes.imag)
    light, *moved = integrate_pixels(intensities, bench) * real(scale)
    pictured = np.asarray(seen(light, bench), np.float64)
    out = np.empty((form.size, *bench.shape))
    for name, change in zip(moving, moved, strict=True):
        out[names.index(name)] = seen(change, bench)
    for name in set(_PLAIN) & set(names):
        out[names.index(name)] = seen(_PLAIN[name](state, light), bench)
    return _with_ripples(form, vector, pictured, out), out


def _with_ripples(form: Parametrisation, vector: Floats, light: Floats, out: Floats) -> Floats:
    """Put unevenness into the derivatives, and return the uneven picture in ADU."""
    bench = form.known.apparatus
    offset = float(vector[form.names.index("offset_adu")]) if "offset_adu" in form.names else bench.offset_adu
    if not form.ripples:
        return light + offset
    factor = unevenness(vector[-form.ripples :], bench.shape)
    out[: len(form.names)] *= factor
    if "offset_adu" in form.names:
        out[form.names.index("offset_adu")] = 1.0
    np.multiply(light, ripple_modes(bench.shape), out=out[len(form.names) :])
    return np.asarray(light * factor + offset, np.float64)


def _state(scene: Scene, real: type) -> _State:
    field = object_field(scene, real)
    wavelength = wavelength_m(scene.vapour.detuning_ghz)
    rows, columns = defocus_transfer(scene.apparatus, wavelength)
    transfer = (rows * columns * mask_transmission(scene.apparatus, wavelength)).astype(field.dtype)
    spectrum = scipy.fft.fft2(field)
    here, image = field_grid(scene.apparatus), scipy.fft.ifft2(spectrum * transfer)
    return _State(scene, here, field, spectrum, transfer, image, _chords(scene, here))


def _image_changes(state: _State, names: list[str]) -> Complexes:
    """Change of the image field per unit of each parameter: (parameters, rows, columns)."""
    spectra = np.empty((len(names), *state.field.shape), state.field.dtype)
    in_field = [index for index, name in enumerate(names) if name in _FIELD]
    factors = {name: _FIELD[name](state) for name in names if name in _FIELD}
    for index in in_field:
        spectra[index] = state.field * factors[names[index]]
    spectra[in_field] = scipy.fft.fft2(spectra[in_field], axes=(1, 2)) * state.transfer
    for index, name in enumerate(names):
        if name in _FOURIER:
            spectra[index] = state.spectrum * _FOURIER[name](state)
    return np.asarray(scipy.fft.ifft2(spectra, axes=(1, 2), overwrite_x=True))


def _chords(scene: Scene, here: Grid) -> _Chords:
    channel = scene.channel
    slope = channel.tilt_mrad / 1000
    across = 1000 * here.y_mm[:, None] - channel.position_um - slope * 1000 * here.x_mm[None, :]
    cosine = float(np.cos(np.arctan(slope)))
    shape = (channel.core_radius_um, channel.transition_width_um)
    distance = np.abs(across) * cosine
    y, away, radius, width = chord_slopes(*shape)
    per_um = [np.interp(distance, y, one, right=0.0) / 1000 for one in (away, radius, width)]
    chord_mm = np.interp(distance, *chord_table(*shape), right=0.0) / 1000
    return _Chords(chord_mm, per_um[0] * np.sign(across) * cosine, per_um[1], per_um[2])


def _per_ionised_mm(state: _State) -> complex:
    """Relative change of the field for a millimetre more of ionised vapour."""
    vapour = state.scene.vapour
    return complex(absorption_per_mm(vapour) / 2, -phase_per_mm(vapour))


def _ionised(state: _State, change_mm: Floats) -> Complexes:
    return np.asarray(_per_ionised_mm(state) * change_mm)


def _slope_mm(state: _State) -> Floats:
    """Change of the ionised length where the line of sight is farther by a um towards higher rows."""
    return np.asarray(state.scene.channel.peak_ionisation * state.chords.away)


def _radius(state: _State) -> Complexes:
    return _ionised(state, state.scene.channel.peak_ionisation * state.chords.radius)


def _width(state: _State) -> Complexes:
    return _ionised(state, state.scene.channel.peak_ionisation * state.chords.width)


def _log_phase(state: _State) -> Complexes:
    """Density scales all that ionised vapour does, and the absorption of the whole length."""
    vapour, ionised = state.scene.vapour, state.scene.channel.peak_ionisation * state.chords.chord_mm
    return _ionised(state, ionised) - absorption_per_mm(vapour) / 2 * vapour.length_mm


def _probe(state: _State) -> tuple[Floats, Floats, float, float]:
    """Distances from the middle of the probe, along and across, and its radii there."""
    bench = state.scene.apparatus
    return (
        state.here.x_mm[None, :] - bench.probe_x_mm,
        state.here.y_mm[:, None] - bench.probe_y_mm,
        bench.probe_radius_mm * (1 + bench.probe_oval),
        bench.probe_radius_mm * (1 - bench.probe_oval),
    )


def _probe_x(state: _State) -> Complexes:
    x, _, along, _ = _probe(state)
    return np.asarray(2 * x / along**2 + 0j)


def _probe_y(state: _State) -> Complexes:
    _, y, _, across = _probe(state)
    return np.asarray(2 * y / across**2 + 0j)


def _probe_radius(state: _State) -> Complexes:
    x, y, along, across = _probe(state)
    return np.asarray(2 * ((x / along) ** 2 + (y / across) ** 2) / state.scene.apparatus.probe_radius_mm + 0j)


def _probe_oval(state: _State) -> Complexes:
    x, y, along, across = _probe(state)
    radius = state.scene.apparatus.probe_radius_mm
    return np.asarray(2 * radius * (x**2 / along**3 - y**2 / across**3) + 0j)


def _defocus(state: _State) -> Complexes:
    squared = state.here.fy[:, None] ** 2 + state.here.fx[None, :] ** 2
    return np.asarray(state.transfer * (-1j * np.pi * state.wavelength_m * 1e3 * squared))


def _mask(name: str) -> Callable[[_State], Complexes]:
    def change(state: _State) -> Complexes:
        bench, step, wavelength = state.scene.apparatus, STEPS[name], state.wavelength_m
        ends = [
            mask_transmission(replace(bench, **{name: getattr(bench, name) + sign * step}), wavelength)
            for sign in (1, -1)
        ]
        rows, columns = defocus_transfer(bench, wavelength)
        return np.asarray(rows * columns * (ends[0] - ends[1]) / (2 * step))

    return change


def _blur(state: _State, light: Floats) -> Floats:
    """The picture depends on exp(-2 (pi f blur)^2)."""
    per_um2 = -2 * (np.pi * state.here.fy / 1000) ** 2
    spectrum = scipy.fft.rfft2(light) * per_um2[:, None]
    return np.asarray(scipy.fft.irfft2(spectrum, s=light.shape))


_FIELD: Mapping[str, Callable[[_State], Complexes]] = MappingProxyType(
    {
        "position_um": lambda state: _ionised(state, -_slope_mm(state)),
        "core_radius_um": _radius,
        "peak_ionisation": lambda state: _ionised(state, state.chords.chord_mm),
        "transition_width_um": _width,
        "tilt_mrad": lambda state: _ionised(state, -_slope_mm(state) * state.here.x_mm[None, :]),
        LOG_PHASE: _log_phase,
        "probe_x_mm": _probe_x,
        "probe_y_mm": _probe_y,
        "probe_radius_mm": _probe_radius,
        "probe_oval": _probe_oval,
    }
)
_FOURIER: Mapping[str, Callable[[_State], Complexes]] = MappingProxyType(
    {"defocus_mm": _defocus, **{name: _mask(name) for name in ("knife_um", "knife_width_um", "stop_um", "stop_y_um")}}
)
_PLAIN: Mapping[str, Callable[[_State, Floats], Floats]] = MappingProxyType(
    {
        "electrons": lambda state, light: light / state.scene.apparatus.electrons,
        "offset_adu": lambda _, light: np.ones_like(light),
        BLUR2: _blur,
    }
)
