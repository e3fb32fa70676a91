"""The beam-loss monitors of 2018: names, positions, what they stand beside, and which beam they are for.

A name reads ``BLM<position><chamber>.<cell><side><IP>.B<beam><place>_<element>``: ``BLMTI.06L7.B1E10_TCP.C6L7.B1`` is
an ionisation chamber (I; S: secondary emission, L: little ionisation chamber) for beam 1 (0: both) at a TCP.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation.tables import rows
from core.errors import InputError

_NAME = re.compile(r"BLM.(?P<chamber>.)\.[^.]+\.B(?P<beam>[012])")


@dataclass(frozen=True, slots=True)
class Monitor:
    """One monitor; ``kind``: what it stands beside (``cold``, ``coll``, ``warm``, ``xrp``, ``other``: the dump line).

    ``beam`` is 0 where it is for both.
    """

    name: str
    s_m: float
    kind: str
    beam: int

    @property
    def is_ionisation_chamber(self) -> bool:
        """Whether it is one of those that ``LHC.BLMI:LOSS_RS09`` holds."""
        return self.name[4:5] == "I"


class UnknownMonitorError(InputError, KeyError):
    """No monitor is called that."""

    def __str__(self) -> str:
        return f"{self.origin}: {self.reason}"


@cache
def monitors(ionisation: bool | None = None) -> tuple[Monitor, ...]:
    """Return all monitors (or the ionisation chambers only) in order along the ring."""
    everything = (
        Monitor(row["name"], float(row["s_m"]), row["kind"], _beam(row["name"])) for row in rows("blm_positions")
    )
    return tuple(one for one in everything if ionisation is None or one.is_ionisation_chamber == ionisation)


def monitor(name: str) -> Monitor:
    """Return the monitor with this name; a running-sum suffix (``:LOSS_RS09``) and the case do not matter.

    Raises
    ------
    UnknownMonitorError
        There was none of this name in 2018.
    """
    found = by_name().get(plain_monitor(name))
    if found is None:
        raise UnknownMonitorError(name[:60], "is no beam-loss monitor of the 2018 list")
    return found


def position_of_monitor(name: str) -> tuple[float, str]:
    """Return position [m] and kind of a monitor; raises as `monitor`."""
    found = monitor(name)
    return found.s_m, found.kind


def plain_monitor(name: str) -> str:
    """Return a monitor's name as the list has it: without variable suffix, in upper case."""
    return name.split(":", 1)[0].strip().upper()


@cache
def by_name() -> dict[str, Monitor]:
    """Return all monitors by name (upper case)."""
    return {one.name.upper(): one for one in monitors()}


def positions_m(names: Sequence[str]) -> NDArray[np.float64]:
    """Return positions of monitors, NaN where a name is unknown."""
    known = by_name()
    found = (known.get(plain_monitor(name)) for name in names)
    return np.array([np.nan if one is None else one.s_m for one in found])


def _beam(name: str) -> int:
    found = _NAME.match(name)
    return int(found["beam"]) if found else 0
