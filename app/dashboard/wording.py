"""Times, ages and states in the words of the person on shift."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.alarms.events import ChangeKind
from core.alarms.severity import Severity
from core.store.views import Disposition
from core.verdict import Quality

SEVERITY = {
    Severity.OK: "Well",
    Severity.MINOR: "Minor",
    Severity.MAJOR: "Major",
    Severity.INVALID: "Cannot judge",
    Severity.UNDEFINED: "Unknown",
}
QUALITY = {
    Quality.GOOD: "good",
    Quality.MEDIUM: "to look at",
    Quality.BAD: "bad",
    Quality.NULL: "not judged",
}
CHANGE = {
    ChangeKind.RAISED: "Alarm raised",
    ChangeKind.ESCALATED: "Got worse",
    ChangeKind.REOPENED: "Opened again: got worse after it was acknowledged",
    ChangeKind.LOWERED: "Got less severe",
    ChangeKind.RELAPSED: "Came back",
    ChangeKind.RECOVERED: "Over",
    ChangeKind.ACKNOWLEDGED: "Acknowledged",
    ChangeKind.CLEARED: "Cleared",
    ChangeKind.SHELVED: "Set aside",
    ChangeKind.UNSHELVED: "Taken back",
    ChangeKind.COMMENTED: "Comment",
    ChangeKind.OVERDUE: "Overdue",
    ChangeKind.INHIBITED: "Held back",
    ChangeKind.RELEASED: "No longer held back",
}
DISPOSITION = {Disposition.PASSED: "passed", Disposition.FAILED: "failed", Disposition.SET_ASIDE: "set aside"}


def age(then: datetime, now: datetime) -> str:
    """Return how long ago ``then`` was, in one unit."""
    seconds = max(0.0, (now - then).total_seconds())
    for limit, size, unit in ((90, 1, "s"), (5400, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def ago(then: datetime | None, now: datetime) -> str:
    """Return ``then`` as an age, or that it never was."""
    if then is None:
        return "never"
    return "just now" if (now - then).total_seconds() < 2 else f"{age(then, now)} ago"


def zone(name: str | None) -> tzinfo:
    """Return the browser's time zone, UTC if it names none that is known."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def clock_time(instant: datetime, now: datetime, where: tzinfo) -> str:
    """Return the time of day at the desk, with the date if it was not today."""
    local, today = instant.astimezone(where), now.astimezone(where)
    return local.strftime("%H:%M" if local.date() == today.date() else "%d %b %H:%M")


def plural(count: int, word: str) -> str:
    """Return ``count`` with its noun."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def plain(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is (element names and notes come from outside)."""
    return "".join(f"\\{letter}" if letter in _MARKUP else letter for letter in text)


def shortened(text: str, most: int = 22) -> str:
    """Return ``text`` in at most so many letters: the name of a file that could not be read can be any length."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


_MARKUP = frozenset(r"\`*_{}[]<>()#+-.!|~:$&")
