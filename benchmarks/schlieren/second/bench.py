"""The bench by LightPipes (F. van Goor, BSD): lens to the Fourier plane, mask, lens to the image.

Other than in the product: the beam stands in twice the field with nothing around it (no wrapping), pixels are sums of
2 x 2 samples, the lens has a rim, the beam is a little oval, and dirt on the windows makes the speckle.
"""

from dataclasses import dataclass

import LightPipes
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import erf

Floats = NDArray[np.float64]

SAMPLES, SIZE_MM = 768, 12.0
STEP_MM = SIZE_MM / SAMPLES
PIXELS, PER_PIXEL = 256, 2
_PER_CONTRAST = {"knife": 1.9, "disc": 1.2}
"""Standard deviation of the windows' transmission for a contrast of 1 in a picture behind each mask (measured)."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The state of the bench; lengths as their names say, places in the Fourier plane in um from the focus."""

    mask: str
    wavelength_m: float
    focal_mm: float = 250.0
    rim_mm: float = 5.0
    beam_mm: float = 2.3
    oval: float = 0.0
    beam_x_mm: float = 0.0
    beam_y_mm: float = 0.0
    edge_um: float = 0.0
    edge_soft_um: float = 15.0
    disc_um: float = 140.0
    disc_y_um: float = 0.0
    defocus_mm: float = 0.0
    contrast: float = 0.02


def places_mm() -> Floats:
    """Return where samples are: the middle of the field lies between the middle pixels."""
    return np.asarray((np.arange(SAMPLES) - (SAMPLES - 1) / 2) * STEP_MM)


def picture(bench: Bench, chord_mm: Floats, radians_per_mm: complex, length_mm: float, rng: Generator) -> Floats:
    """Return the light in each pixel (256, 256), 1 in the middle of the bare beam.

    Parameters
    ----------
    chord_mm
        Ionised length of each line of sight, (samples, samples).
    radians_per_mm
        Phase and half the optical depth of a millimetre of vapour.
    """
    field = LightPipes.Begin(SIZE_MM * LightPipes.mm, bench.wavelength_m, SAMPLES)
    depth = radians_per_mm.imag * (length_mm - chord_mm)
    field = LightPipes.MultIntensity(field, _beam(bench) * np.exp(-2 * depth))
    field = LightPipes.MultPhase(field, -radians_per_mm.real * chord_mm)
    if bench.contrast > 0:
        field.field = field.field * (1 + _dirt(bench.contrast * _PER_CONTRAST[bench.mask], rng))
    if bench.defocus_mm:
        field = LightPipes.Forvard(field, bench.defocus_mm * LightPipes.mm)
    focus = LightPipes.LensFarfield(field, bench.focal_mm * LightPipes.mm)
    image = LightPipes.LensFarfield(
        LightPipes.MultIntensity(focus, _mask(bench, focus.siz) ** 2), bench.focal_mm * LightPipes.mm
    )
    return _on_pixels(np.asarray(LightPipes.Intensity(image)) / SAMPLES**4)


def _beam(bench: Bench) -> Floats:
    here = places_mm()
    y, x = (here[:, None] - bench.beam_y_mm) * (1 + bench.oval), (here[None, :] - bench.beam_x_mm) * (1 - bench.oval)
    return np.asarray(np.exp(-2 * (x**2 + y**2) / bench.beam_mm**2))


def _dirt(deviation: float, rng: Generator) -> NDArray[np.complex128]:
    """Random change of the windows' transmission from sample to sample, a third as large in phase."""
    noise = rng.standard_normal((2, SAMPLES, SAMPLES)) * deviation
    return np.asarray(noise[0] + 1j / 3 * noise[1])


def _mask(bench: Bench, size_m: float) -> Floats:
    """Transmission of the field: a knife whose softness is an error function, or a disc with a soft rim."""
    here = (np.arange(SAMPLES) - SAMPLES / 2) * size_m / SAMPLES * 1e6
    y, x = here[:, None], here[None, :]
    rim = np.hypot(y, x) < bench.rim_mm * 1000
    if bench.mask == "knife":
        return np.asarray(0.5 * (1 + erf((y - bench.edge_um) / bench.edge_soft_um * _ERF_PER_TANH)) * rim)
    distance = np.hypot(y - bench.disc_y_um, x)
    return np.asarray(0.5 * (1 + erf((distance - bench.disc_um / 2) / _DISC_RIM_UM)) * rim)


_ERF_PER_TANH = float(np.sqrt(np.pi) / 2)
"""Where an error function is as steep as a hyperbolic tangent of the same softness."""
_DISC_RIM_UM = 14.0


def _on_pixels(light: Floats) -> Floats:
    """Turn the inverted image upright, sum samples to pixels and cut out the camera."""
    upright = (SAMPLES // 2 - np.arange(SAMPLES)) % SAMPLES
    light = light[np.ix_(upright, upright)]
    side = SAMPLES // PER_PIXEL
    binned = light.reshape(side, PER_PIXEL, side, PER_PIXEL).mean((1, 3))
    first = (side - PIXELS) // 2
    return np.asarray(binned[first : first + PIXELS, first : first + PIXELS])
