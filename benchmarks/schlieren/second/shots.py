"""Shots of the second simulation: pictures and instruments in AWAKE's event files, truth apart from them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.schlieren.second.bench import Bench, picture, places_mm
from benchmarks.schlieren.second.chip import Chip, expose
from benchmarks.schlieren.second.profiles import REACH_UM, Nearest, chord, nearest
from benchmarks.schlieren.second.rubidium import radians_per_mm, tuned_ghz, wavelength_m

Floats = NDArray[np.float64]
Range = tuple[float, float]

LENGTH_MM = 40.0
_DENSITY_ERROR, _DETUNING_ERROR = 0.005, 0.01
_RADIANS_PER_MM: Range = (0.875, 2.5)
_DENSITIES_CM3: Range = (1e14, 1e15)

CHANNEL: Mapping[str, Range] = MappingProxyType(
    {
        "axis_um": (-280.0, 280.0),
        "half_radius_um": (720.0, 1200.0),
        "wall_um": (120.0, 330.0),
        "peak": (0.62, 1.0),
        "tilt_mrad": (-4.5, 4.5),
    }
)
BENCH: Mapping[str, Range] = MappingProxyType(
    {
        "beam_mm": (2.15, 2.45),
        "oval": (-0.02, 0.02),
        "beam_x_mm": (-0.18, 0.18),
        "beam_y_mm": (-0.18, 0.18),
        "edge_um": (-5.0, 5.0),
        "edge_soft_um": (11.0, 19.0),
        "disc_um": (132.0, 148.0),
        "disc_y_um": (-4.0, 4.0),
        "defocus_mm": (-5.0, 5.0),
        "contrast": (0.01, 0.025),
    }
)
CHIP: Mapping[str, Range] = MappingProxyType(
    {
        "electrons": (1350.0, 1650.0),
        "read_e": (2.6, 3.4),
        "adu_per_electron": (0.98, 1.02),
        "dark_adu": (96.0, 104.0),
        "shake_um": (1.0, 9.0),
    }
)
"""What varies, uniformly; about the same spans as a nominal bench has, so that what differs is how it is simulated."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a shot; ``nearest``: what a fit of the usual form should find (`profiles.nearest`)."""

    family: str
    axis_um: float
    tilt_mrad: float
    half_radius_um: float
    wall_um: float
    peak: float
    nearest: Nearest
    density_cm3: float
    detuning_ghz: float
    bench: Bench
    chip: Chip

    def to_json(self) -> dict[str, object]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class SecondShot:
    """Counts (rows, columns), what the instruments say by the names of the settings, and apart from it the truth."""

    counts: NDArray[np.int16]
    readings: Mapping[str, float]
    truth: Truth


def draw(rng: Generator, family: str, mask: str) -> SecondShot:
    """Draw a shot; ``mask``: knife or disc."""
    channel, bench, chip = ({name: float(rng.uniform(*span)) for name, span in one.items()} for one in _SPANS)
    density = float(np.exp(rng.uniform(*np.log(_DENSITIES_CM3))))
    detuning = tuned_ghz(density, float(rng.uniform(*_RADIANS_PER_MM)))
    truth = Truth(
        family=family,
        nearest=nearest(family, channel["half_radius_um"], channel["wall_um"]),
        density_cm3=density,
        detuning_ghz=detuning,
        bench=Bench(mask=mask, wavelength_m=wavelength_m(detuning), **bench),
        chip=Chip(**chip),
        **channel,
    )
    return SecondShot(_counts(truth, rng), _readings(truth, rng), truth)


_SPANS = (CHANNEL, BENCH, CHIP)


def ionised_mm(truth: Truth) -> Floats:
    """Return the ionised length of each line of sight, (samples, samples)."""
    here, slope = places_mm() * 1000, truth.tilt_mrad / 1000
    away = np.abs(here[:, None] - truth.axis_um - slope * here[None, :]) / np.hypot(1, slope)
    y, length = chord(truth.family, truth.half_radius_um, truth.wall_um)
    return np.asarray(truth.peak / 1000 * np.interp(np.minimum(away, REACH_UM), y, length))


def _counts(truth: Truth, rng: Generator) -> NDArray[np.int16]:
    vapour = radians_per_mm(truth.density_cm3, truth.detuning_ghz)
    return expose(picture(truth.bench, ionised_mm(truth), vapour, LENGTH_MM, rng), truth.chip, rng)


def _readings(truth: Truth, rng: Generator) -> dict[str, float]:
    up, down, light = 1 + rng.standard_normal(3) * (_DENSITY_ERROR, _DENSITY_ERROR, _DETUNING_ERROR)
    return {
        "density_up": float(truth.density_cm3 * up),
        "density_down": float(truth.density_cm3 * down),
        "density_set": truth.density_cm3,
        "detuning": float(truth.detuning_ghz * light),
        "detuning_set": truth.detuning_ghz,
        "laser_energy": float(0.12 * (1 + 0.03 * rng.standard_normal())),
    }
