"""Derivatives of the expected picture to all parameters at once, from those of the field.

The system is linear in the field U: a change dU behind the vapour, or dM in the Fourier plane, changes the image field
V by dV, and the intensity by 2 Re(V* dV). So a parameter costs two transforms and no simulation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from accelerator.schlieren.fit_parameters import BLUR2, LOG_PHASE, Floats, Parametrisation
from accelerator.schlieren.simulate.camera import ripple_modes, unevenness
from accelerator.schlieren.simulate.forward import object_field
from accelerator.schlieren.simulate.optics import (
    Grid,
    defocus_transfer,
    exposed,
    field_grid,
    mask_slopes,
    mask_transmission,
    seen,
)
from accelerator.schlieren.simulate.physics import absorption_per_mm, phase_per_mm, wavelength_m
from accelerator.schlieren.simulate.profile import chord_slopes, chord_table
from accelerator.schlieren.simulate.scene import Scene

Complexes: TypeAlias = NDArray[np.complexfloating]
Reals: TypeAlias = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class _Chords:
    """Chords of all lines of sight in mm, and their change per um of distance to higher rows, of r0 and of t0."""

    chord_mm: Reals
    away: Reals
    radius: Reals
    width: Reals


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """A scene on its way through the optics: field, its spectrum, what the Fourier plane does, field of the image."""

    scene: Scene
    here: Grid
    field: Complexes
    spectrum: Complexes
    defocus: Complexes
    transfer: Complexes
    image: Complexes
    chords: _Chords

    @property
    def wavelength_m(self) -> float:
        return wavelength_m(self.scene.vapour.detuning_ghz)


def derivatives(form: Parametrisation, vector: Floats, real: type = np.float32) -> tuple[Floats, Reals]:
    """Return the expected picture in ADU (rows, columns) and its derivatives (parameters, rows, columns).

    The derivatives are of precision ``real``.
    """
    scene = form.scene(vector)
    state = _state(scene, real)
    bench, names = scene.apparatus, form.names
    scale = bench.electrons * bench.gain_adu
    light = exposed(state.image, state.image, bench) * real(scale)
    out: Reals = np.empty((form.size, *bench.shape), real)
    moving = [name for group in (_VAPOUR, _PROBE, _FOURIER) for name in names if name in group]
    changes = exposed(state.image, _image_changes(state, moving), bench)
    places = [names.index(name) for name in moving]
    out[places] = seen(changes, bench) * real(2 * scale)
    for name in set(_PLAIN) & set(names):
        out[names.index(name)] = seen(_PLAIN[name](state, light), bench)
    return _with_ripples(form, vector, np.asarray(seen(light, bench), np.float64), out), out


def _with_ripples(form: Parametrisation, vector: Floats, light: Floats, out: Reals) -> Floats:
    """Put unevenness into the derivatives, and return the uneven picture in ADU."""
    bench = form.known.apparatus
    offset = float(vector[form.names.index("offset_adu")]) if "offset_adu" in form.names else bench.offset_adu
    if not form.ripples:
        return light + offset
    factor = unevenness(vector[-form.ripples :], bench.shape)
    out[: len(form.names)] *= factor.astype(out.dtype)
    if "offset_adu" in form.names:
        out[form.names.index("offset_adu")] = 1.0
    np.multiply(light.astype(out.dtype), ripple_modes(bench.shape), out=out[len(form.names) :])
    return np.asarray(light * factor + offset, np.float64)


def _state(scene: Scene, real: type) -> _State:
    field = object_field(scene, real)
    wavelength = wavelength_m(scene.vapour.detuning_ghz)
    rows, columns = (part.astype(field.dtype) for part in defocus_transfer(scene.apparatus, wavelength))
    defocus = rows * columns
    transfer = defocus * mask_transmission(scene.apparatus, wavelength, real)
    spectrum = scipy.fft.fft2(field)
    here, image = field_grid(scene.apparatus), scipy.fft.ifft2(spectrum * transfer)
    return _State(scene, here, field, spectrum, defocus, transfer, image, _chords(scene, here, real))


def _image_changes(state: _State, names: list[str]) -> Complexes:
    """Change of the image field per unit of each parameter: (parameters, rows, columns).

    ``names``: of the vapour, then of the probe, then of the Fourier plane.
    """
    spectra = np.empty((len(names), *state.field.shape), state.field.dtype)
    vapour, field = (sum(name in group for name in names) for group in (_VAPOUR, {*_VAPOUR, *_PROBE}))
    for index, name in enumerate(names[:field]):
        np.multiply(state.field, (_VAPOUR if index < vapour else _PROBE)[name](state), out=spectra[index])
    spectra[:field] = scipy.fft.fft2(spectra[:field], axes=(1, 2), overwrite_x=True)
    per_mm = _per_ionised_mm(state)
    spectra[:vapour] *= state.transfer * state.field.dtype.type(per_mm)
    spectra[vapour:field] *= state.transfer
    if LOG_PHASE in names:
        absorbed = absorption_per_mm(state.scene.vapour) / 2 * state.scene.vapour.length_mm
        spectra[names.index(LOG_PHASE)] -= state.spectrum * state.transfer * state.field.real.dtype.type(absorbed)
    changes = _fourier_changes(state)
    for index, name in enumerate(names[field:], field):
        np.multiply(state.spectrum, changes[name], out=spectra[index])
    return np.asarray(scipy.fft.ifft2(spectra, axes=(1, 2), overwrite_x=True))


def _fourier_changes(state: _State) -> Mapping[str, Complexes]:
    """Change of what the Fourier plane does to the spectrum, per mm of defocus and per unit of the mask's settings."""
    real = state.field.real.dtype.type
    squared = (state.here.fy[:, None] ** 2 + state.here.fx[None, :] ** 2).astype(real)
    per_mm = state.field.dtype.type(-1j * np.pi * state.wavelength_m * 1e3)
    mask = mask_slopes(state.scene.apparatus, state.wavelength_m, real)
    return {"defocus_mm": state.transfer * (squared * per_mm)} | {
        name: np.asarray(state.defocus * slope) for name, slope in mask.items()
    }


def _chords(scene: Scene, here: Grid, real: type) -> _Chords:
    channel = scene.channel
    slope = channel.tilt_mrad / 1000
    across = 1000 * here.y_mm[:, None] - channel.position_um - slope * 1000 * here.x_mm[None, :]
    cosine = float(np.cos(np.arctan(slope)))
    shape = (channel.core_radius_um, channel.transition_width_um)
    distance = np.abs(across) * cosine
    y, away, radius, width = chord_slopes(*shape)
    per_um: list[Reals] = [np.interp(distance, y, one / 1000, right=0.0).astype(real) for one in (away, radius, width)]
    chord_mm = np.interp(distance, *chord_table(*shape), right=0.0) / 1000
    return _Chords(chord_mm.astype(real), per_um[0] * np.sign(across).astype(real) * real(cosine), *per_um[1:])


def _per_ionised_mm(state: _State) -> complex:
    """Relative change of the field for a millimetre more of ionised vapour."""
    vapour = state.scene.vapour
    return complex(absorption_per_mm(vapour) / 2, -phase_per_mm(vapour))


def _ionised(state: _State, per_unit: Reals) -> Reals:
    return np.asarray(per_unit * per_unit.dtype.type(state.scene.channel.peak_ionisation))


def _shifted(state: _State) -> Reals:
    """Change of the ionised length where the channel is higher by a um."""
    return -_ionised(state, state.chords.away)


def _tilted(state: _State) -> Reals:
    return np.asarray(_shifted(state) * state.here.x_mm[None, :].astype(state.chords.away.dtype))


def _probe(state: _State) -> tuple[Floats, Floats, float, float]:
    """Distances from the middle of the probe, along and across, and its radii there."""
    bench = state.scene.apparatus
    return (
        state.here.x_mm[None, :] - bench.probe_x_mm,
        state.here.y_mm[:, None] - bench.probe_y_mm,
        bench.probe_radius_mm * (1 + bench.probe_oval),
        bench.probe_radius_mm * (1 - bench.probe_oval),
    )


def _probe_x(state: _State) -> Reals:
    x, _, along, _ = _probe(state)
    return np.asarray(2 * x / along**2, state.chords.away.dtype)


def _probe_y(state: _State) -> Reals:
    _, y, _, across = _probe(state)
    return np.asarray(2 * y / across**2, state.chords.away.dtype)


def _probe_radius(state: _State) -> Reals:
    x, y, along, across = _probe(state)
    grown = 2 * ((x / along) ** 2 + (y / across) ** 2) / state.scene.apparatus.probe_radius_mm
    return np.asarray(grown, state.chords.away.dtype)


def _probe_oval(state: _State) -> Reals:
    x, y, along, across = _probe(state)
    radius = state.scene.apparatus.probe_radius_mm
    return np.asarray(2 * radius * (x**2 / along**3 - y**2 / across**3), state.chords.away.dtype)


def _blur(state: _State, light: Reals) -> Reals:
    """The picture depends on exp(-2 (pi f blur)^2)."""
    per_um2 = (-2 * (np.pi * state.here.fy / 1000) ** 2)[: len(light) // 2 + 1].astype(light.dtype)
    spectrum = scipy.fft.rfft(light, axis=0) * per_um2[:, None]
    return np.asarray(scipy.fft.irfft(spectrum, n=len(light), axis=0))


Change: TypeAlias = Callable[[_State], Reals]
_VAPOUR: Mapping[str, Change] = MappingProxyType(
    {
        "position_um": _shifted,
        "core_radius_um": lambda state: _ionised(state, state.chords.radius),
        "peak_ionisation": lambda state: state.chords.chord_mm,
        "transition_width_um": lambda state: _ionised(state, state.chords.width),
        "tilt_mrad": _tilted,
        LOG_PHASE: lambda state: _ionised(state, state.chords.chord_mm),
    }
)
"""Change of the ionised length in mm; density (in ``log_phase``) scales the absorption of the whole length as well."""
_PROBE: Mapping[str, Change] = MappingProxyType(
    {"probe_x_mm": _probe_x, "probe_y_mm": _probe_y, "probe_radius_mm": _probe_radius, "probe_oval": _probe_oval}
)
"""Relative change of the field."""
_FOURIER = frozenset({"defocus_mm", "knife_um", "knife_width_um", "stop_um", "stop_y_um"})
_PLAIN: Mapping[str, Callable[[_State, Reals], Reals]] = MappingProxyType(
    {
        "electrons": lambda state, light: np.asarray(light / light.dtype.type(state.scene.apparatus.electrons)),
        "offset_adu": lambda _, light: np.ones_like(light),
        BLUR2: _blur,
    }
)
