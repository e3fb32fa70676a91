"""Drills: a named fault put on top of what a source gives, to see whether detector and person find it.

What a system offers for it: faults that alter a copy of an observation, after it was read and before it is judged. The
source's own records are never touched, and the observation as it came is judged as well (``flows.drilling``).
"""

from collections.abc import Callable
from dataclasses import dataclass

from core.observation import Observation

LONGEST_MIN = 120.0


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault at work: where it is, told when the drill is revealed, and what it does to each observation."""

    where: str
    alter: Callable[[Observation], Observation]


@dataclass(frozen=True, slots=True)
class DrillFault:
    """A named fault.

    Parameters
    ----------
    name, title
        Its name on the command line, and what it is, in words.
    causes
        Names of causes that are right, in the words of the system's verdicts.
    begin
        From the first observation, a seed and the places, elements and kinds of open alarms (which it must keep away
        from, or it would be one of them) to the fault at work. Raises ``core.errors.DrillError`` where it cannot be.
    """

    name: str
    title: str
    causes: tuple[str, ...]
    begin: Callable[[Observation, int, frozenset[str]], Injection]
