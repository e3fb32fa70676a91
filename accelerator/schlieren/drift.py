"""Slow changes over the shots of a run: what is followed, how much is tolerated, and what is beyond it.

The last shots are compared with the first ones of the run: a mean of `LATELY` with one of `REFERENCE`. What counts is
that the difference is beyond what is tolerated *and* beyond its own error, which comes from the scatter of the shots
(differences of neighbours, which no drift widens).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np

from accelerator.schlieren.causes import Cause
from accelerator.schlieren.result import Drift
from accelerator.schlieren.run_memory import REFERENCE, Memory, Seen
from core.observation import Array

LATELY = 5
SIGNIFICANT = 4.0
_DRAWN = 100
"""So many shots of a course are kept at most."""
_STILL = 0.5
"""A drift is over once a shot is nearer to the beginning than this part of the limit."""
_BEGINNING = 1 / 3
"""A drift began when it last came beyond this part of the limit."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A quantity that is followed: what its drift is called, how much is tolerated, in which unit."""

    cause: Cause
    limit: float
    unit: str

    @property
    def is_relative(self) -> bool:
        """Whether changes are shares of the value at the beginning."""
        return self.unit == "%"


FOLLOWED: Mapping[str, Followed] = MappingProxyType(
    {
        "density_cm3": Followed(Cause.DENSITY_DRIFT, 2.0, "%"),
        "detuning_ghz": Followed(Cause.DETUNING_DRIFT, 5.0, "%"),
        "knife_um": Followed(Cause.MASK_DRIFT, 8.0, "um"),
        "stop_y_um": Followed(Cause.MASK_DRIFT, 8.0, "um"),
        "defocus_mm": Followed(Cause.DEFOCUS, 10.0, "mm"),
        "electrons": Followed(Cause.PROBE_WEAK, 25.0, "%"),
        "probe_x_mm": Followed(Cause.PROBE_OFF_CENTRE, 0.3, "mm"),
        "probe_y_mm": Followed(Cause.PROBE_OFF_CENTRE, 0.3, "mm"),
        "position_um": Followed(Cause.CHANNEL_SHIFTED, 150.0, "um"),
        "tilt_mrad": Followed(Cause.CHANNEL_TILTED, 4.0, "mrad"),
    }
)
"""Limits lie beyond what nominal runs of the simulation wander by within a shift, and below what spoils a shot."""


def drifts(memory: Memory, shot: Seen) -> tuple[Drift, ...]:
    """Return what has drifted beyond its limit by this shot, the worst (in units of its limit) first."""
    seen = (*memory.before(shot), shot)
    found = (_drift(name, followed, memory.reference.get(name, ()), seen) for name, followed in FOLLOWED.items())
    return tuple(sorted((one for one in found if one), key=lambda one: -abs(one.change) / one.limit))


def _drift(name: str, followed: Followed, reference: Sequence[float], seen: Sequence[Seen]) -> Drift | None:
    known = [(one.at_s, one.values[name]) for one in seen if name in one.values]
    if len(reference) < REFERENCE or len(known) < REFERENCE + LATELY or name not in seen[-1].values:
        return None
    start = float(np.mean(reference))
    scale = 100.0 / start if followed.is_relative and start else 1.0
    times = np.array([at for at, _ in known])
    changes = (np.array([value for _, value in known]) - start) * scale
    change = float(changes[-LATELY:].mean())
    sigma = float(np.std(np.diff(changes)) / np.sqrt(2) * np.sqrt(1 / LATELY + 1 / REFERENCE))
    goes_on = changes[-1] * np.sign(change) > _STILL * followed.limit
    if abs(change) <= followed.limit or abs(change) < SIGNIFICANT * sigma or not goes_on:
        return None
    began = _beginning(changes * np.sign(change), followed.limit)
    return Drift(
        name=name,
        unit=followed.unit,
        cause=followed.cause.value,
        change=change,
        sigma=sigma,
        limit=followed.limit,
        since=datetime.fromtimestamp(float(times[began]), UTC).isoformat(),
        per_hour=_slope_per_hour(times[began:], changes[began:]),
        course=_course(times, changes),
    )


def _course(times_s: Array, changes: Array) -> tuple[tuple[float, float], ...]:
    step = -(-len(times_s) // _DRAWN)
    return tuple((float(at), float(change)) for at, change in zip(times_s, changes, strict=True))[::-step][::-1]


def _beginning(changes: Array, limit: float) -> int:
    """Return the first shot from which on running means stay beyond a part of the limit."""
    means = np.convolve(np.asarray(changes, np.float64), np.full(LATELY, 1 / LATELY), "valid")
    within = np.flatnonzero(means < _BEGINNING * limit)
    return int(within[-1]) + 1 if within.size else 0


def _slope_per_hour(times_s: Array, changes: Array) -> float:
    hours = (np.asarray(times_s, np.float64) - float(times_s[0])) / 3600
    if len(hours) < LATELY or hours[-1] <= 0:
        return 0.0
    return float(np.polyfit(hours, np.asarray(changes, np.float64), 1)[0])
