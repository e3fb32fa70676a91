"""From channel, vapour and apparatus to the expected picture: a shot is drawn from it, a fit compares with it."""

import numpy as np
from numpy.typing import NDArray

from accelerator.schlieren.channel import Vapour
from accelerator.schlieren.simulate.apparatus import Apparatus
from accelerator.schlieren.simulate.optics import exposed, field_grid, image_field, seen
from accelerator.schlieren.simulate.physics import absorption_per_mm, phase_per_mm, wavelength_m
from accelerator.schlieren.simulate.profile import chord_table
from accelerator.schlieren.simulate.scene import Scene

Floats = NDArray[np.floating]
Complexes = NDArray[np.complexfloating]


def ionised_mm(scene: Scene) -> NDArray[np.float64]:
    """Return the ionised length of each line of sight in mm (ionised fraction times chord), as `field_grid`."""
    channel, here = scene.channel, field_grid(scene.apparatus)
    slope = channel.tilt_mrad / 1000
    across = here.y_mm[:, None] * 1000 - channel.position_um - slope * here.x_mm[None, :] * 1000
    y, chord = chord_table(channel.core_radius_um, channel.transition_width_um)
    distance = np.abs(across) * np.cos(np.arctan(slope))
    return np.asarray(np.interp(distance, y, chord * (channel.peak_ionisation / 1000), right=0.0))


def probe_amplitude(apparatus: Apparatus, real: type = np.float64) -> Floats:
    """Return the field of the bare probe, 1 in its middle: as `field_grid`."""
    here = field_grid(apparatus)
    along, across = (apparatus.probe_radius_mm * (1 + sign * apparatus.probe_oval) for sign in (1, -1))
    rows = np.exp(-(((here.y_mm - apparatus.probe_y_mm) / across) ** 2))
    columns = np.exp(-(((here.x_mm - apparatus.probe_x_mm) / along) ** 2))
    return np.asarray(np.outer(rows, columns), real)


def object_field(scene: Scene, real: type = np.float64) -> Complexes:
    """Return the field behind the vapour: A exp(i dphi - OD / 2), the phase counted from un-ionised vapour."""
    vapour: Vapour = scene.vapour
    ionised: Floats = ionised_mm(scene).astype(real)
    phase = ionised * real(-phase_per_mm(vapour))
    absorbed = absorption_per_mm(vapour) / 2
    size = probe_amplitude(scene.apparatus, real) * np.exp(real(absorbed) * ionised - real(absorbed * vapour.length_mm))
    field = np.empty(phase.shape, np.result_type(real, np.complex64))
    np.multiply(size, np.cos(phase), out=field.real)
    np.multiply(size, np.sin(phase), out=field.imag)
    return field


def expected_electrons(scene: Scene, real: type = np.float32) -> Floats:
    """Return the mean number of electrons in each pixel, without speckle and ripple: (rows, columns).

    ``real`` is the precision: float32 is off by less than 0.1 electrons; derivatives by differences want float64.
    """
    apparatus = scene.apparatus
    field = image_field(object_field(scene, real), apparatus, wavelength_m(scene.vapour.detuning_ghz))
    return np.asarray(seen(exposed(field, field, apparatus), apparatus) * real(apparatus.electrons))
