"""What may happen to an alarm, what comes of it, and the words for both."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.alarms.severity import Severity
from core.errors import AlarmError


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict came. ``at`` is when it was settled, ``observed_at`` when its observation was made.

    ``since``: when what is bad began, where that is known better than by the observation itself.
    """

    at: datetime
    severity: Severity
    observed_at: datetime
    note: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed: delays run out, shelves expire."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Inhibit:
    """Something else makes it need nobody for now (no beam, its source is silent); it goes on underneath, visible."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Release:
    """What inhibited it is over."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """A person has seen it and takes care."""

    at: datetime
    author: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Clear:
    """A person says that what caused it is over."""

    at: datetime
    author: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Shelve:
    """A person sets it aside until an instant, for a reason."""

    at: datetime
    author: str
    note: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Unshelve:
    """A person takes it back before its shelf expires."""

    at: datetime
    author: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """A person adds a remark."""

    at: datetime
    author: str
    note: str


PersonEvent = Acknowledge | Clear | Shelve | Unshelve | Comment
Event = Judged | Tick | Inhibit | Release | PersonEvent


class AlarmAction(StrEnum):
    """What a person may do with an alarm."""

    ACKNOWLEDGE = "acknowledge"
    CLEAR = "clear"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    COMMENT = "comment"


class ChangeKind(StrEnum):
    """What the history of an alarm is made of."""

    RAISED = "raised"
    ESCALATED = "escalated"
    REOPENED = "reopened"
    LOWERED = "lowered"
    RELAPSED = "relapsed"
    RECOVERED = "recovered"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    COMMENTED = "commented"
    OVERDUE = "overdue"
    INHIBITED = "inhibited"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of an alarm's history. ``author`` is empty for what the machine did."""

    kind: ChangeKind
    at: datetime
    severity: Severity
    author: str = ""
    note: str = ""
    until: datetime | None = None


def person_event(
    action: AlarmAction, author: str, note: str, at: datetime, until: datetime | None = None
) -> PersonEvent:
    """Return the event of a person's ``action``.

    Raises
    ------
    AlarmError
        If it is no action, or a shelf has no end.
    """
    if action not in list(AlarmAction):
        raise AlarmError(f"{action!r} is none of {', '.join(AlarmAction)}")
    match AlarmAction(action):
        case AlarmAction.ACKNOWLEDGE:
            return Acknowledge(at, author, note)
        case AlarmAction.CLEAR:
            return Clear(at, author, note)
        case AlarmAction.UNSHELVE:
            return Unshelve(at, author, note)
        case AlarmAction.COMMENT:
            return Comment(at, author, note)
        case AlarmAction.SHELVE:
            if until is None:
                raise AlarmError("a shelved alarm needs the time at which it returns")
            return Shelve(at, author, note, until)
