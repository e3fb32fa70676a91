"""Eight hours of somebody's shift: one run, its slow drifts and jitter, and episodes in which something is wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.random import Generator

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.channel import Channel
from accelerator.schlieren.simulate.anomalies import Anomaly, draw_anomaly
from accelerator.schlieren.simulate.apparatus import NOMINAL, Mask
from accelerator.schlieren.simulate.camera import Frame
from accelerator.schlieren.simulate.plan import Plan, draw_plan, measure
from accelerator.schlieren.simulate.shot import Shot, take

SHIFT_S = 8 * 3600.0
PERIOD_S = 30.0
_DRIFT_SHARE = 0.15
_MEMORY_S = 3600.0
_JITTER = {
    "position_um": 30.0,
    "core_radius_um": 12.0,
    "peak_ionisation": 0.01,
    "transition_width_um": 5.0,
    "tilt_mrad": 0.3,
}


@dataclass(frozen=True, slots=True)
class Episode:
    """Something wrong from shot ``first`` to before shot ``after``."""

    anomaly: Anomaly
    first: int
    after: int


@dataclass(frozen=True, slots=True)
class ShiftSettings:
    """One shift: its run, when it began, how many shots how far apart, what stands in the light, what goes wrong."""

    run: int = 1000
    began_at: datetime = datetime(2026, 6, 1, 6, 0, tzinfo=UTC)
    shots: int = int(SHIFT_S / PERIOD_S)
    period_s: float = PERIOD_S
    mask: Mask = Mask.KNIFE
    episodes: tuple[Episode, ...] = field(default=())


@dataclass(frozen=True, slots=True, eq=False)
class Event:
    """One extraction: run, event number from 1, stamp of the cycle, and the shot."""

    run: int
    number: int
    at: datetime
    shot: Shot


def draw_episodes(
    rng: Generator, shots: int, mean: float, causes: Sequence[Cause] = tuple(Cause)
) -> tuple[Episode, ...]:
    """Draw episodes of 3 to 40 shots, Poisson in number, that do not overlap; none in the first ten shots."""
    kept: list[Episode] = []
    for _ in range(int(rng.poisson(mean))):
        first = int(rng.integers(10, max(shots, 11)))
        after = min(first + int(np.exp(rng.uniform(np.log(3), np.log(40)))), shots)
        anomaly = draw_anomaly(rng, causes[int(rng.integers(len(causes)))])
        if first < after and all(after <= other.first or other.after <= first for other in kept):
            kept.append(Episode(anomaly, first, after))
    return tuple(sorted(kept, key=lambda episode: episode.first))


def simulate_shift(settings: ShiftSettings, seed: int) -> Iterator[Event]:
    """Yield the events of a shift, oldest first; the same settings and seed give the same shift.

    Every shot has random numbers of its own, so that an episode changes nothing before or after it.
    """
    usual = draw_plan(np.random.default_rng([seed, 0xA3A4E]), settings.mask)
    drift = _Drift(usual, settings.period_s / _MEMORY_S, np.random.default_rng([seed, 0xD21F7]))
    before: Frame | None = None
    for index in range(settings.shots):
        rng = np.random.default_rng([seed, 0x5407, index])
        plan = _jittered(drift.step(), usual, rng)
        shot = take(plan, _wrong(settings.episodes, index), rng, before)
        before = shot.frame
        yield Event(settings.run, index + 1, settings.began_at + timedelta(seconds=index * settings.period_s), shot)


def _wrong(episodes: Sequence[Episode], index: int) -> Anomaly | None:
    return next((e.anomaly for e in episodes if e.first <= index < e.after), None)


class _Drift:
    """Settings wander about those of the start of the run (Ornstein-Uhlenbeck), by a seventh of their range."""

    def __init__(self, usual: Plan, step: float, rng: Generator) -> None:
        self._usual, self._rng = usual, rng
        self._keep = np.exp(-step)
        self._away = np.zeros(len(NOMINAL) + 1)

    def step(self) -> Plan:
        """Return the plan of the next shot, without jitter."""
        pushed = np.sqrt(1 - self._keep**2) * self._rng.standard_normal(self._away.size)
        self._away = self._keep * self._away + pushed
        scene = self._usual.scene
        moved = {}
        for (name, (low, high)), away in zip(NOMINAL.items(), self._away[:-1], strict=True):
            value = getattr(scene.apparatus, name) + _DRIFT_SHARE * (high - low) * float(away)
            moved[name] = min(max(value, low), high)
        density = scene.vapour.density_cm3 * (1 + 0.002 * float(self._away[-1]))
        vapour = replace(scene.vapour, density_cm3=density)
        return replace(
            self._usual,
            scene=replace(scene, vapour=vapour, apparatus=replace(scene.apparatus, **moved)),
        )


def _jittered(plan: Plan, usual: Plan, rng: Generator) -> Plan:
    """The channel differs from shot to shot, and is measured anew."""
    values = {name: getattr(plan.scene.channel, name) + _JITTER[name] * rng.standard_normal() for name in _JITTER}
    values["peak_ionisation"] = min(values["peak_ionisation"], 1.0)
    scene = replace(plan.scene, channel=Channel(**{name: float(value) for name, value in values.items()}))
    measured = measure(rng, scene, usual.measured.density_set_cm3, usual.measured.detuning_set_ghz)
    return replace(plan, scene=scene, measured=measured)
