"""One simulated shot: the frame and what the instruments say, and beside it what is true."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.simulate.anomalies import Anomaly, draw_anomaly, spoil
from accelerator.schlieren.simulate.apparatus import NOMINAL, Apparatus, Mask, Range
from accelerator.schlieren.simulate.camera import Frame, draw_ripple, expose, uneven
from accelerator.schlieren.simulate.forward import expected_electrons
from accelerator.schlieren.simulate.optics import grid
from accelerator.schlieren.simulate.plan import Measured, Plan, draw_plan
from accelerator.schlieren.simulate.scene import Scene

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a shot; it never travels with the frame."""

    scene: Scene
    anomaly: Anomaly | None = None

    @property
    def visible(self) -> bool:
        """Whether the frame shows this shot at all."""
        return self.anomaly is None or self.anomaly.cause not in {Cause.FROZEN, Cause.STALE}


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """Frame (rows, columns) int16 and instruments, and the truth beside them."""

    frame: Frame
    measured: Measured
    truth: Truth


def draw_shot(
    rng: Generator,
    cause: Cause | None = None,
    *,
    mask: Mask | None = None,
    ranges: Mapping[str, Range] = NOMINAL,
    before: Frame | None = None,
) -> Shot:
    """Draw a shot, everything anew; ``before`` is what a camera that hangs gives (default: another channel's frame)."""
    plan = draw_plan(rng, mask, ranges)
    anomaly = draw_anomaly(rng, cause) if cause else None
    return take(plan, anomaly, rng, before)


def take(plan: Plan, anomaly: Anomaly | None, rng: Generator, before: Frame | None = None) -> Shot:
    """Take the shot that is planned."""
    spoilt = spoil(plan, anomaly, rng) if anomaly else plan
    truth = Truth(spoilt.scene, anomaly)
    if spoilt.repeats and before is not None:
        return Shot(before.copy(), spoilt.measured, truth)
    return Shot(photograph(spoilt, rng), spoilt.measured, truth)


def photograph(plan: Plan, rng: Generator) -> Frame:
    """Return the frame that the camera gives of a planned shot."""
    apparatus = plan.scene.apparatus
    light = uneven(expected_electrons(plan.scene), draw_ripple(rng, apparatus))
    if plan.brightest_share is not None:
        full = (2**apparatus.bits - 1 - apparatus.offset_adu) / apparatus.gain_adu
        light = light * np.float32(plan.brightest_share * full / max(float(light.max()), 1e-9))
    light = _with_dust(light, plan)
    if plan.binning > 1:
        side, step = apparatus.size_px // plan.binning, plan.binning
        light = light.reshape(side, step, side, step).sum((1, 3))
    return _with_hot_pixels(expose(light, apparatus, rng), plan)


def _with_dust(light: Floats, plan: Plan) -> Floats:
    """Shadows of grains, with soft rims."""
    here = grid(plan.scene.apparatus)
    for speck in plan.specks:
        if speck.depth > 0:
            away = ((here.y_mm - speck.y_mm) ** 2)[:, None] + ((here.x_mm - speck.x_mm) ** 2)[None, :]
            light = light * (1 - speck.depth * np.exp(-((away / speck.radius_mm**2) ** 2))).astype(light.dtype)
    return light


def _with_hot_pixels(frame: Frame, plan: Plan) -> Frame:
    apparatus: Apparatus = plan.scene.apparatus
    rows, columns = frame.shape
    for speck in plan.specks:
        if speck.depth < 0:
            row = int(np.clip((speck.y_mm / apparatus.field_mm + 0.5) * rows, 0, rows - 1))
            column = int(np.clip((speck.x_mm / apparatus.field_mm + 0.5) * columns, 0, columns - 1))
            frame[row, column] = max(frame[row, column], int(-speck.depth * (2**apparatus.bits - 1)))
    return frame
