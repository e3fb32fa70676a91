"""The apparatus: every setting of light, optics and camera, and the ranges they are drawn from.

No drawing of AWAKE's optics is public: focal length, stop and knife are those of a bench that images a channel of a
millimetre, with light that just fills the cell; they are settings, not facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from core.errors import SettingsError


class Mask(StrEnum):
    """What stands in the Fourier plane."""

    KNIFE = "knife"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Apparatus:
    """One state of light, optics and camera; lengths in the image are lengths at the channel.

    Parameters
    ----------
    mask
        Knife edge or dark-ground stop.
    size_px, pixel_um
        Side of the (square) picture, and of its pixels.
    bin_columns
        Columns averaged into one, for pictures that are compressed along the channel, where they change slowly.
    focal_mm
        Focal length before the Fourier plane.
    probe_radius_mm, probe_x_mm, probe_y_mm
        1/e^2 radius of the probe's intensity, and where its middle is.
    probe_oval
        The radius is so much larger along the channel, and smaller across it (relative).
    electrons
        Electrons in a pixel in the middle of the bare probe, with nothing in the Fourier plane.
    knife_um, knife_width_um
        Where the knife's edge is, from the focus (light above it passes), and its softness: the field that passes is
        (1 + tanh((Y - c) / w)) / 2.
    stop_um, stop_y_um
        Diameter of the stop, and how far it sits from the focus.
    defocus_mm
        Distance of the plane in focus behind the channel.
    blur_um
        Standard deviation of the picture's vibration across the channel during the exposure.
    speckle
        Contrast of speckle in a pixel (grains are smaller than pixels: Goodman, Speckle Phenomena, sec. 4.6).
    ripple
        Relative standard deviation of smooth unevenness of the illumination.
    read_noise_e, gain_adu, offset_adu, bits
        Camera: noise, ADU per electron, dark level, converter.
    """

    mask: Mask = Mask.KNIFE
    size_px: int = 256
    pixel_um: float = 31.25
    bin_columns: int = 1
    focal_mm: float = 250.0
    probe_radius_mm: float = 2.3
    probe_x_mm: float = 0.0
    probe_y_mm: float = 0.0
    probe_oval: float = 0.0
    electrons: float = 1500.0
    knife_um: float = 0.0
    knife_width_um: float = 15.0
    stop_um: float = 140.0
    stop_y_um: float = 0.0
    defocus_mm: float = 0.0
    blur_um: float = 5.0
    speckle: float = 0.02
    ripple: float = 0.01
    read_noise_e: float = 3.0
    gain_adu: float = 1.0
    offset_adu: float = 100.0
    bits: int = 12

    def __post_init__(self) -> None:
        """Raise SettingsError for what no apparatus can be."""
        positive = ("size_px", "pixel_um", "focal_mm", "probe_radius_mm", "electrons", "knife_width_um", "gain_adu")
        wrong = [name for name in positive if not getattr(self, name) > 0]
        wrong += [
            name for name in ("stop_um", "blur_um", "speckle", "ripple", "read_noise_e") if getattr(self, name) < 0
        ]
        wrong += [] if abs(self.probe_oval) < 1 else ["probe_oval"]
        wrong += [] if self.bin_columns >= 1 and self.size_px % self.bin_columns == 0 else ["bin_columns"]
        if wrong:
            raise SettingsError(f"no apparatus has {', '.join(f'{w}={getattr(self, w)}' for w in wrong)}")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the picture."""
        return self.size_px, self.size_px // self.bin_columns

    @property
    def field_mm(self) -> float:
        """Side of the picture."""
        return self.size_px * self.pixel_um / 1000


Range = tuple[float, float]

NOMINAL: Mapping[str, Range] = MappingProxyType(
    {
        "probe_radius_mm": (2.1, 2.5),
        "probe_x_mm": (-0.2, 0.2),
        "probe_y_mm": (-0.2, 0.2),
        "electrons": (1300.0, 1700.0),
        "knife_um": (-6.0, 6.0),
        "knife_width_um": (10.0, 20.0),
        "stop_um": (130.0, 150.0),
        "stop_y_um": (-5.0, 5.0),
        "defocus_mm": (-6.0, 6.0),
        "blur_um": (0.0, 10.0),
        "speckle": (0.01, 0.03),
        "ripple": (0.005, 0.015),
        "read_noise_e": (2.5, 3.5),
        "gain_adu": (0.98, 1.02),
        "offset_adu": (95.0, 105.0),
    }
)
"""What an apparatus varies by from run to run: uniform between these."""

WIDER: Mapping[str, Range] = MappingProxyType(
    {
        "probe_radius_mm": (2.0, 2.6),
        "probe_x_mm": (-0.3, 0.3),
        "probe_y_mm": (-0.3, 0.3),
        "electrons": (1200.0, 1800.0),
        "knife_um": (-9.0, 9.0),
        "knife_width_um": (8.0, 25.0),
        "stop_um": (125.0, 155.0),
        "stop_y_um": (-8.0, 8.0),
        "defocus_mm": (-9.0, 9.0),
        "blur_um": (0.0, 15.0),
        "speckle": (0.01, 0.035),
        "ripple": (0.003, 0.02),
        "read_noise_e": (2.0, 4.0),
        "gain_adu": (0.97, 1.03),
        "offset_adu": (90.0, 110.0),
    }
)
"""Held-out tests draw from these: every range is about half as wide again."""


def draw_apparatus(rng: Generator, ranges: Mapping[str, Range] = NOMINAL, usual: Apparatus | None = None) -> Apparatus:
    """Draw an apparatus: each setting of ``ranges`` uniformly, the others as ``usual`` has them."""
    known = {field.name for field in fields(Apparatus)}
    if unknown := set(ranges) - known:
        raise SettingsError(f"an apparatus has no {', '.join(sorted(unknown))}")
    drawn = {name: float(rng.uniform(low, high)) for name, (low, high) in ranges.items()}
    return replace(usual or Apparatus(), **drawn)  # type: ignore[arg-type]  # all are floats


def stretched(name: str, factor: float) -> Range:
    """Return the nominal range of one setting, ``factor`` times as wide about its middle (never below zero)."""
    low, high = NOMINAL[name]
    middle, half = (low + high) / 2, (high - low) / 2 * factor
    floor = 0.0 if low >= 0 else -np.inf
    return max(middle - half, floor), middle + half
