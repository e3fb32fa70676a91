"""What a system lets others be compared with: its display declares it, so that a further system joins by itself."""

from dataclasses import dataclass
from enum import StrEnum


class Part(StrEnum):
    """Where of an observation a number stands."""

    MEASUREMENTS = "measurements"
    CONDITIONS = "conditions"


@dataclass(frozen=True, slots=True)
class Followed:
    """A number that is followed along time.

    Parameters
    ----------
    name
        Its name among the measurements or conditions of the system's observations (``part``).
    title, unit
        What people call it; ``factor`` is what it is multiplied with to be in ``unit``.
    element
        Only observations of this element carry it (None: of all).
    with_beam
        It means something only while beams are steady, and is compared beside what the beams do.
    kinds
        Kinds of alarms that are about it.
    falling_is_bad
        Whether it is bad that it falls, not that it rises.
    """

    name: str
    title: str
    unit: str
    part: Part = Part.MEASUREMENTS
    element: str | None = None
    factor: float = 1.0
    with_beam: bool = False
    kinds: frozenset[str] = frozenset()
    falling_is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Modes:
    """Where observations tell the mode of the machine: condition ``name``; ``steady`` are those of steady beams."""

    name: str
    steady: frozenset[str]
    element: str | None = None
