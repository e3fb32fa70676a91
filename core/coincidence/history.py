"""The stored past on one grid of time: what was watched, what was measured, which alarms began, what the beams did."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.coincidence.followed import Followed

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Whole: TypeAlias = NDArray[np.int64]

STEP_S = 300
"""Of the grid: means over five minutes."""
UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Onset:
    """When an alarm began (unix time). Alarms of one ``system`` and ``kind`` are a stream that is compared."""

    at_s: float
    system: str
    kind: str
    alarm_id: int

    @property
    def stream(self) -> tuple[str, str]:
        """What it is compared as."""
        return self.system, self.kind


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One followed number: means by step, NaN where there is none."""

    system: str
    followed: Followed
    values: Floats

    @property
    def key(self) -> tuple[str, str]:
        """Which it is."""
        return self.system, self.followed.name


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Steps of ``STEP_S`` from ``begins_s`` (unix time) on; what happens now is at their end.

    ``modes`` holds the mode of the machine in each step, ``steady`` whether its beams were steady all along (all True
    where no system tells a mode, None where it is not known). ``beams`` are intensities and the like.
    """

    begins_s: float
    watched: Mapping[str, Bools]
    onsets: tuple[Onset, ...]
    tracks: tuple[Track, ...] = ()
    beams: tuple[Track, ...] = ()
    modes: NDArray[np.str_] | None = None
    steady: Bools | None = None

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return max((len(one) for one in self.watched.values()), default=0)

    @property
    def ends_s(self) -> float:
        """The end of its last step (unix time)."""
        return self.begins_s + self.steps * STEP_S

    def step_of(self, at_s: float) -> int:
        """Return the step that an instant lies in, the first or last one for what is beyond."""
        return int(min(max((at_s - self.begins_s) // STEP_S, 0), self.steps - 1))


@dataclass(frozen=True, slots=True, eq=False)
class Phases:
    """Spells of one mode: of each step the ``mode``, the number of its ``spell``, and seconds since that began.

    ``since_s`` is infinite where the spell began before what is stored.
    """

    mode: NDArray[np.str_]
    spell: Whole
    since_s: Floats


def phases(modes: NDArray[np.str_] | None, steps: int) -> Phases:
    """Return the spells of a sequence of modes; without modes everything is one spell without a beginning.

    A step in which nothing is told continues the spell before it for up to half an hour (a piece that comes late).
    """
    if modes is None:
        return Phases(np.full(steps, UNKNOWN), np.zeros(steps, np.int64), np.full(steps, np.inf))
    filled = fill_forward(modes)
    new = np.ones(len(filled), bool)
    new[1:] = filled[1:] != filled[:-1]
    spell = np.cumsum(new) - 1
    first = np.flatnonzero(new)
    since = (np.arange(len(filled)) - first[spell] + 0.5) * STEP_S
    since[spell == 0] = np.inf
    return Phases(filled, spell.astype(np.int64), since)


_LATE = 1800 // STEP_S


def fill_forward(modes: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return the modes with gaps of up to half an hour filled by what was told before them."""
    place = np.arange(len(modes))
    last = np.maximum.accumulate(np.where(modes != UNKNOWN, place, -1))
    usable = (last >= 0) & (place - last <= _LATE)
    return np.where(usable, modes[np.maximum(last, 0)], UNKNOWN)
