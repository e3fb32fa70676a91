"""What makes an alarm need nobody for now, and why: a pure function.

Two things do. Something that an observation shows (no beam) concerns the alarms of the same element, of the kinds it
names. A source that is silent concerns what rests on knowing nothing, and what was raised since: an alarm that was
raised on good data stays as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from core.alarms.severity import Severity

SOURCE = "source "
"""How the elements of alarms about a source begin."""
_DOUBTFUL = frozenset({Severity.INVALID, Severity.UNDEFINED})


@dataclass(frozen=True, slots=True)
class Standing:
    """A circumstance that holds now. Without ``subject`` it is a silent source; ``kinds`` None: all of them."""

    name: str
    subject: str
    reason: str
    since: datetime
    kinds: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Concerned:
    """What matters of an alarm; ``subject``: the element of the observations that it rests on.

    ``of_watch``: it is about the watch itself, not about what is watched; nothing holds it back.
    """

    subject: str
    kind: str
    current: Severity
    raised_at: datetime | None
    of_watch: bool


def why_held(alarm: Concerned, standing: Iterable[Standing]) -> str:
    """Return why an alarm is held back, empty if it is not."""
    return "; ".join(one.reason for one in standing if _holds(one, alarm))


def _holds(one: Standing, alarm: Concerned) -> bool:
    if alarm.of_watch:
        return False
    if one.subject:
        return alarm.subject == one.subject and (one.kinds is None or alarm.kind in one.kinds)
    return alarm.current in _DOUBTFUL or alarm.raised_at is None or alarm.raised_at >= one.since
