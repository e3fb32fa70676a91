"""Who is told of an alarm, in which words, and how many messages a channel bears: pure functions.

A channel gets a message when somebody is asked (raised, worse than acknowledged, no longer set aside or held back)
and when nobody answered in time. More than it bears within ten minutes is told in one message, like the annunciator
of Phoebus: "10 more alarms".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.alarms.events import ChangeKind
from core.alarms.severity import Severity

WITHIN = timedelta(minutes=10)
TOGETHER = 3
"""More lines than this that wait at the same time are one message."""
LISTED = 10
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=30), timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(hours=12)
ASKS = frozenset({ChangeKind.RAISED, ChangeKind.REOPENED, ChangeKind.RELEASED, ChangeKind.UNSHELVED})


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an alarm's history that may have to be told, with what is known of its alarm."""

    event_id: int
    alarm_id: int
    system: str
    element: str
    cause: str | None
    message: str
    severity: Severity
    change: ChangeKind
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a channel wants to be told; no ``systems``: of all."""

    channel: str
    systems: frozenset[str]
    severities: frozenset[Severity]
    raised: bool
    overdue: bool
    most_per_ten_minutes: int

    def wants(self, line: Line) -> bool:
        """Whether a line is for this channel."""
        if self.systems and line.system not in self.systems:
            return False
        asked = (self.raised and line.change in ASKS) or (self.overdue and line.change is ChangeKind.OVERDUE)
        return asked and line.severity in self.severities


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one or more lines."""

    title: str
    body: str
    event_ids: tuple[int, ...]


def plan(waiting: Sequence[Line], sent: int, most: int, console_url: str | None) -> list[Message]:
    """Return the messages to send now, in order.

    Parameters
    ----------
    waiting
        Lines that wait for one channel, oldest first.
    sent
        Messages that it got within the last ten minutes.
    most
        Messages that it bears within ten minutes; the last of them tells all that waits.
    """
    left = most - sent
    if not waiting or left <= 0:
        return []
    if len(waiting) > min(TOGETHER, max(left - 1, 1)):
        return [_digest(waiting, console_url)]
    return [_single(line, console_url) for line in waiting]


def retry_after(attempts: int) -> timedelta:
    """Return how long to wait after so many failed attempts."""
    return min(FIRST_RETRY * (1 << min(attempts - 1, 10)), LONGEST_RETRY)


def _single(line: Line, console_url: str | None) -> Message:
    body = [line.message, f"Since {line.at:%Y-%m-%d %H:%M} UTC."]
    if line.change is ChangeKind.OVERDUE:
        body[1] = f"{line.note.capitalize()}."
    if console_url:
        body.append(_address(console_url, line.alarm_id))
    return Message(_safe(_head(line)), _safe("\n".join(body)), (line.event_id,))


def _digest(lines: Sequence[Line], console_url: str | None) -> Message:
    worst = sorted(lines, key=lambda line: (line.change is not ChangeKind.OVERDUE, -line.severity, line.event_id))
    told = [_head(line) for line in worst[:LISTED]]
    if len(lines) > LISTED:
        told.append(f"and {len(lines) - LISTED} more")
    if console_url:
        told.append(f"{console_url.rstrip('/')}/alarms")
    systems = ", ".join(sorted({line.system for line in lines}))
    title = f"{len(lines)} alarms ({systems})"
    return Message(_safe(title), _safe("\n".join(told)), tuple(line.event_id for line in lines))


def _head(line: Line) -> str:
    late = "OVERDUE, " if line.change is ChangeKind.OVERDUE else ""
    what = f"{line.cause} at {line.element}" if line.cause else line.element
    return f"{late}{line.severity.name}: {line.system}, {what}"


def _address(console_url: str, alarm_id: int) -> str:
    return f"{console_url.rstrip('/')}/alarms?alarm={alarm_id}"


def _safe(text: str) -> str:
    """Text of files and detectors without what would call people or move a terminal: no @all, no control letters."""
    return "".join(letter if letter == "\n" or letter.isprintable() else "?" for letter in text).replace("@", "(at)")
