"""What the lifecycle remembers of one alarm."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.alarms.severity import Severity


class Phase(StrEnum):
    """Where an alarm stands, apart from being shelved."""

    NORMAL = "normal"
    PENDING = "pending"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RECOVERED = "recovered"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who did it and when."""

    author: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Shelf:
    """Set aside by ``author`` until an instant, for a reason."""

    author: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Inhibition:
    """Needs nobody since an instant, because of something else."""

    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class AlarmState:
    """All that the lifecycle remembers of one element.

    Parameters
    ----------
    current
        Severity of the latest verdict (or of a person's clearing).
    severity
        Latched severity; OK as long as nothing is raised.
    bad_since, bad_count
        When this spell began (as told, or its first bad observation), number of bad verdicts since.
    good_count
        Number of good verdicts in a row since the last bad one, while that is too few for a recovery.
    observed_at
        Time of the newest bad observation: an older good one arriving late does not clear it.
    raised_at, recovered_at
        When it was raised, when its cause went away.
    acknowledged
        Who acknowledged it and when.
    shelf
        Set aside: the lifecycle goes on underneath, and outlives the alarm until it expires.
    inhibited
        Held back by something else: the lifecycle goes on underneath.
    asked_at, overdue_at
        Since when it asks for a person, when it had done so for too long.
    """

    current: Severity = Severity.OK
    severity: Severity = Severity.OK
    bad_since: datetime | None = None
    bad_count: int = 0
    good_count: int = 0
    observed_at: datetime | None = None
    raised_at: datetime | None = None
    recovered_at: datetime | None = None
    acknowledged: Signature | None = None
    shelf: Shelf | None = None
    inhibited: Inhibition | None = None
    asked_at: datetime | None = None
    overdue_at: datetime | None = None

    @property
    def phase(self) -> Phase:
        """Where the alarm stands."""
        if self.severity is Severity.OK:
            return Phase.PENDING if self.bad_count else Phase.NORMAL
        if self.current is Severity.OK:
            return Phase.RECOVERED
        return Phase.ACKNOWLEDGED if self.acknowledged else Phase.UNACKNOWLEDGED

    @property
    def is_raised(self) -> bool:
        """Whether a person must know of it."""
        return self.severity is not Severity.OK

    @property
    def is_asking(self) -> bool:
        """Whether it waits for somebody to take care of it now."""
        put_off = self.shelf is not None or self.inhibited is not None
        return self.phase is Phase.UNACKNOWLEDGED and not put_off
