"""Three things that can be wrong and that no training knows: a second channel, fringes, a cut beam."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from accelerator.schlieren.simulate.apparatus import Mask
from accelerator.schlieren.simulate.camera import draw_ripple, expose, uneven
from accelerator.schlieren.simulate.forward import expected_electrons, object_field
from accelerator.schlieren.simulate.optics import grid, image_field, integrate_pixels, seen
from accelerator.schlieren.simulate.physics import wavelength_m
from accelerator.schlieren.simulate.plan import draw_plan
from accelerator.schlieren.simulate.scene import Scene
from accelerator.schlieren.simulate.shot import Shot, Truth

Floats = NDArray[np.floating]


def draw_unseen(rng: Generator, kind: str, mask: Mask) -> Shot:
    """Draw a nominal shot and spoil it."""
    plan = draw_plan(rng, mask)
    light = KINDS[kind](plan.scene, rng)
    bench = plan.scene.apparatus
    frame = expose(uneven(light, draw_ripple(rng, bench)), bench, rng)
    return Shot(frame, plan.measured, Truth(plan.scene))


def second_channel(scene: Scene, rng: Generator) -> Floats:
    """The laser has a satellite: a second, thinner channel 1.2 to 2.2 mm away."""
    away = float(rng.uniform(1200, 2200) * rng.choice((-1, 1)))
    first = scene.channel
    other = replace(
        first,
        position_um=first.position_um + away,
        core_radius_um=float(rng.uniform(200, 400)),
        peak_ionisation=float(rng.uniform(0.4, 1.0)) * first.peak_ionisation,
    )
    bare = object_field(replace(scene, channel=replace(first, peak_ionisation=0.0)))
    both = object_field(scene) * object_field(replace(scene, channel=other)) / bare
    bench = scene.apparatus
    image = image_field(both, bench, wavelength_m(scene.vapour.detuning_ghz))
    light = seen(integrate_pixels(image.real**2 + image.imag**2, bench), bench)
    return np.asarray(light * bench.electrons, np.float32)


def fringes(scene: Scene, rng: Generator) -> Floats:
    """A window that reflects twice: fringes of 10 to 30 % over the picture."""
    here = grid(scene.apparatus)
    angle, period_mm = rng.uniform(0, np.pi), rng.uniform(0.25, 0.9)
    along = np.cos(angle) * here.x_mm[None, :] + np.sin(angle) * here.y_mm[:, None]
    share = float(rng.uniform(0.1, 0.3))
    factor = 1 + share * np.cos(2 * np.pi * along / period_mm + rng.uniform(0, 2 * np.pi))
    return np.asarray(expected_electrons(scene) * factor, np.float32)


def cut_beam(scene: Scene, rng: Generator) -> Floats:
    """A plunger stands in the picture's way: beyond a soft line within a millimetre of the middle it is dark."""
    here = grid(scene.apparatus)
    angle, place = rng.uniform(0, 2 * np.pi), rng.uniform(-0.5, 1.0)
    along = np.cos(angle) * here.x_mm[None, :] + np.sin(angle) * here.y_mm[:, None]
    return np.asarray(expected_electrons(scene) / (1 + np.exp((along - place) / 0.08)), np.float32)


KINDS: Mapping[str, Callable[[Scene, Generator], Floats]] = MappingProxyType(
    {"second channel": second_channel, "fringes": fringes, "cut beam": cut_beam}
)
