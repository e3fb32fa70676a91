"""What goes wrong with a shot, one function for each cause; every one is strong enough to spoil the measurement.

``strength`` means, by cause:

- no ionisation: energy of the laser as a share of the usual (0: laser absent; about 1: it did not reach the vapour);
- partial ionisation: peak ionised fraction; channel shifted: um from the middle; channel tilted: mrad;
- probe weak, dark: light left, as a share; probe off centre: mm; mask drift: um in the Fourier plane; defocus: mm;
- vibration: um (standard deviation); saturation: light of the brightest pixel over what the converter can count;
- frozen: nothing; stale: s between the camera's stamp and the cycle's; dust: grains and hot pixels;
- density and detuning drift: relative change, which the instruments see too; wrong gain: factor; wrong binning: pixels.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.channel import PARAMETERS
from accelerator.schlieren.simulate.apparatus import Mask
from accelerator.schlieren.simulate.physics import NEAREST_GHZ
from accelerator.schlieren.simulate.plan import LASER_MJ, Measured, Plan, Speck


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A cause and how strong it is."""

    cause: Cause
    strength: float


def draw_anomaly(rng: Generator, cause: Cause) -> Anomaly:
    """Draw how strong an anomaly is."""
    return Anomaly(cause, float(_STRENGTH[cause](rng)))


def spoil(plan: Plan, anomaly: Anomaly, rng: Generator) -> Plan:
    """Return the shot with the anomaly in it."""
    if anomaly.cause in _AT_RANDOM:
        return _AT_RANDOM[anomaly.cause](plan, anomaly.strength, rng)
    return _SPOIL[anomaly.cause](plan, anomaly.strength)


def _either(low: float, high: float) -> Callable[[Generator], float]:
    """Uniform in size, of either sign."""
    return lambda rng: float(rng.uniform(low, high) * rng.choice((-1, 1)))


def _between(low: float, high: float) -> Callable[[Generator], float]:
    return lambda rng: float(rng.uniform(low, high))


def _one_of(*values: float) -> Callable[[Generator], float]:
    return lambda rng: float(rng.choice(values))


_STRENGTH: Mapping[Cause, Callable[[Generator], float]] = MappingProxyType(
    {
        Cause.NO_IONISATION: lambda rng: float(rng.uniform(0, 0.01) if rng.random() < 0.6 else rng.uniform(0.9, 1.1)),
        Cause.PARTIAL_IONISATION: _between(0.1, 0.45),
        Cause.CHANNEL_SHIFTED: _either(600.0, 1500.0),
        Cause.CHANNEL_TILTED: _either(12.0, 35.0),
        Cause.PROBE_WEAK: _between(0.05, 0.4),
        Cause.PROBE_OFF_CENTRE: _between(0.7, 1.5),
        Cause.MASK_DRIFT: _either(20.0, 60.0),
        Cause.DEFOCUS: _either(25.0, 80.0),
        Cause.VIBRATION: _between(50.0, 150.0),
        Cause.SATURATION: _between(1.3, 4.0),
        Cause.DARK: _between(0.0, 0.002),
        Cause.FROZEN: _between(0.0, 0.0),
        Cause.STALE: lambda rng: float(rng.uniform(-120, -5) if rng.random() < 0.8 else rng.uniform(15, 60)),
        Cause.DUST: lambda rng: float(rng.integers(6, 30)),
        Cause.DENSITY_DRIFT: _either(0.06, 0.2),
        Cause.DETUNING_DRIFT: _either(0.15, 0.5),
        Cause.WRONG_GAIN: _one_of(0.25, 0.5, 2.0, 4.0),
        Cause.WRONG_BINNING: _one_of(2.0, 4.0),
    }
)


def _channel(plan: Plan, **changes: float) -> Plan:
    return replace(plan, scene=replace(plan.scene, channel=replace(plan.scene.channel, **changes)))


def _apparatus(plan: Plan, **changes: float) -> Plan:
    return replace(plan, scene=replace(plan.scene, apparatus=replace(plan.scene.apparatus, **changes)))  # type: ignore[arg-type]


def _measured(plan: Plan, **changes: float) -> Plan:
    measured: Measured = replace(plan.measured, **changes)
    return replace(plan, measured=measured)


def _no_ionisation(plan: Plan, strength: float) -> Plan:
    return _channel(_measured(plan, laser_energy_mj=strength * LASER_MJ), peak_ionisation=0.0)


def _partial(plan: Plan, strength: float, rng: Generator) -> Plan:
    """A weak laser: less ionisation in a narrower core with a wider wall."""
    channel, weak = plan.scene.channel, float(rng.uniform(0.4, 0.8))
    weaker = _measured(plan, laser_energy_mj=plan.measured.laser_energy_mj * weak)
    radius, width = channel.core_radius_um * np.sqrt(weak), channel.transition_width_um * 1.2
    return _channel(weaker, peak_ionisation=strength, core_radius_um=float(radius), transition_width_um=width)


def _weaker(plan: Plan, strength: float) -> Plan:
    return _apparatus(plan, electrons=max(plan.scene.apparatus.electrons * strength, 1e-3))


def _off_centre(plan: Plan, strength: float, rng: Generator) -> Plan:
    angle = rng.uniform(0, 2 * np.pi)
    return _apparatus(plan, probe_x_mm=float(strength * np.cos(angle)), probe_y_mm=float(strength * np.sin(angle)))


def _mask_drift(plan: Plan, strength: float) -> Plan:
    moved = "knife_um" if plan.scene.apparatus.mask is Mask.KNIFE else "stop_y_um"
    return _apparatus(plan, **{moved: strength})


def _saturation(plan: Plan, strength: float) -> Plan:
    return replace(plan, brightest_share=strength)


def _stale(plan: Plan, strength: float) -> Plan:
    return replace(_measured(plan, camera_delay_s=strength), repeats=True)


def _dust(plan: Plan, strength: float, rng: Generator) -> Plan:
    """Dark grains near the middle of the probe, and as many hot pixels anywhere."""
    half = plan.scene.apparatus.field_mm / 2
    specks = []
    for _ in range(int(strength)):
        (x, y), radius, depth = rng.normal(0, 0.9, 2), rng.uniform(0.06, 0.2), rng.uniform(0.4, 1.0)
        specks.append(Speck(float(x), float(y), float(radius), float(depth)))
        x, y = rng.uniform(-half, half, 2)
        specks.append(Speck(float(x), float(y), 0.0, -float(rng.uniform(0.2, 1.0))))
    return replace(plan, specks=tuple(specks))


def _density_drift(plan: Plan, strength: float) -> Plan:
    """The temperature of a flask runs away: the vapour, and what is measured at both ends, with it."""
    factor, measured, vapour = 1 + strength, plan.measured, plan.scene.vapour
    moved = replace(plan, scene=replace(plan.scene, vapour=replace(vapour, density_cm3=vapour.density_cm3 * factor)))
    return _measured(
        moved, density_up_cm3=measured.density_up_cm3 * factor, density_down_cm3=measured.density_down_cm3 * factor
    )


def _detuning_drift(plan: Plan, strength: float) -> Plan:
    """The probe laser hops to another mode; never so near to the line that it is not refracted as simulated."""
    vapour, least = plan.scene.vapour, 2 * NEAREST_GHZ
    factor = 1 + strength if abs(vapour.detuning_ghz * (1 + strength)) >= least else 1 + abs(strength)
    hopped = replace(vapour, detuning_ghz=vapour.detuning_ghz * factor)
    moved = replace(plan, scene=replace(plan.scene, vapour=hopped))
    return _measured(moved, detuning_ghz=plan.measured.detuning_ghz * factor)


def _gain(plan: Plan, strength: float) -> Plan:
    return _apparatus(plan, gain_adu=plan.scene.apparatus.gain_adu * strength)


def _setting(name: str) -> Callable[[Plan, float], Plan]:
    change = _channel if name in PARAMETERS else _apparatus
    return lambda plan, strength: change(plan, **{name: strength})


_AT_RANDOM: Mapping[Cause, Callable[[Plan, float, Generator], Plan]] = MappingProxyType(
    {
        Cause.PARTIAL_IONISATION: _partial,
        Cause.PROBE_OFF_CENTRE: _off_centre,
        Cause.DUST: _dust,
    }
)
_SPOIL: Mapping[Cause, Callable[[Plan, float], Plan]] = MappingProxyType(
    {
        Cause.NO_IONISATION: _no_ionisation,
        Cause.CHANNEL_SHIFTED: _setting("position_um"),
        Cause.CHANNEL_TILTED: _setting("tilt_mrad"),
        Cause.PROBE_WEAK: _weaker,
        Cause.MASK_DRIFT: _mask_drift,
        Cause.DEFOCUS: _setting("defocus_mm"),
        Cause.VIBRATION: _setting("blur_um"),
        Cause.SATURATION: _saturation,
        Cause.DARK: _weaker,
        Cause.FROZEN: lambda plan, _: replace(plan, repeats=True),
        Cause.STALE: _stale,
        Cause.DENSITY_DRIFT: _density_drift,
        Cause.DETUNING_DRIFT: _detuning_drift,
        Cause.WRONG_GAIN: _gain,
        Cause.WRONG_BINNING: lambda plan, strength: replace(plan, binning=int(strength)),
    }
)
