"""A shot before the camera opens: what is there, what the instruments say, and what a nominal shot is drawn from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from accelerator.schlieren.channel import Channel, Vapour
from accelerator.schlieren.simulate.apparatus import NOMINAL, Mask, Range, draw_apparatus
from accelerator.schlieren.simulate.physics import detuning_for
from accelerator.schlieren.simulate.scene import Scene

DENSITY_ERROR = 0.005
DETUNING_ERROR = 0.01
LASER_MJ = 120.0
REFERENCE_MM = 1.6

CHANNELS: Mapping[str, Range] = MappingProxyType(
    {
        "position_um": (-300.0, 300.0),
        "core_radius_um": (600.0, 1100.0),
        "peak_ionisation": (0.6, 1.0),
        "transition_width_um": (80.0, 300.0),
        "tilt_mrad": (-5.0, 5.0),
    }
)
"""Nominal channels, uniform: laser-ionised to about a millimetre (arXiv:2103.14530)."""

DENSITIES_CM3: Range = (1e14, 1e15)
PHASES_RAD: Range = (1.4, 4.0)
"""Density of AWAKE's vapour (arXiv:1802.04604), log-uniform; the operator tunes the light so that `REFERENCE_MM` of it
turn the phase by one of these angles: less shows little, more than 2 pi across the channel makes fringes."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the instruments say of a shot, and what was asked of them.

    Densities at both ends of the cell, as measured to 0.1 to 0.5 % (arXiv:1802.04604); ``*_set`` are the run's set
    points. ``camera_delay_s``: camera's stamp less that of the cycle.
    """

    density_up_cm3: float
    density_down_cm3: float
    detuning_ghz: float
    laser_energy_mj: float
    density_set_cm3: float
    detuning_set_ghz: float
    camera_delay_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Speck:
    """A grain of dust: where, how large, how much light it takes; ``depth`` below zero is a hot pixel."""

    x_mm: float
    y_mm: float
    radius_mm: float
    depth: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A shot before the camera opens.

    Parameters
    ----------
    brightest_share
        If given, the light is such that the brightest pixel would have so many times what the converter can count.
    specks
        Dust and hot pixels.
    binning
        Pixels summed by the camera, in both directions.
    repeats
        The camera gives an earlier frame instead.
    """

    scene: Scene
    measured: Measured
    brightest_share: float | None = None
    specks: tuple[Speck, ...] = ()
    binning: int = 1
    repeats: bool = False


def draw_plan(rng: Generator, mask: Mask | None = None, ranges: Mapping[str, Range] = NOMINAL) -> Plan:
    """Draw a nominal shot: everything anew, as for training; ``mask`` by default either."""
    drawn = draw_apparatus(rng, ranges)
    apparatus = replace(drawn, mask=mask or (Mask.KNIFE if rng.random() < 0.5 else Mask.STOP))
    channel = Channel(**{name: float(rng.uniform(*between)) for name, between in CHANNELS.items()})
    density = float(np.exp(rng.uniform(*np.log(DENSITIES_CM3))))
    detuning = detuning_for(float(rng.uniform(*PHASES_RAD)) / REFERENCE_MM, density)
    scene = Scene(channel, Vapour(density, detuning), apparatus)
    return Plan(scene, measure(rng, scene, density, detuning))


def measure(rng: Generator, scene: Scene, density_set_cm3: float, detuning_set_ghz: float) -> Measured:
    """Draw what the instruments say: relative normal errors of `DENSITY_ERROR` and `DETUNING_ERROR`.

    The camera looks at the downstream end; upstream may be denser or thinner by 2 % (gradient).
    """
    vapour = scene.vapour
    down = vapour.density_cm3 * (1 + DENSITY_ERROR * rng.standard_normal())
    up = vapour.density_cm3 * (1 + DENSITY_ERROR * rng.standard_normal() + rng.uniform(-0.02, 0.02))
    return Measured(
        density_up_cm3=float(up),
        density_down_cm3=float(down),
        detuning_ghz=float(vapour.detuning_ghz * (1 + DETUNING_ERROR * rng.standard_normal())),
        laser_energy_mj=float(LASER_MJ * (1 + 0.03 * rng.standard_normal())),
        density_set_cm3=float(density_set_cm3),
        detuning_set_ghz=float(detuning_set_ghz),
        camera_delay_s=float(rng.uniform(0.2, 2.0)),
    )
