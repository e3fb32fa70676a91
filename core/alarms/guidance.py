"""What an alarm's guidance is filed under."""

from core.alarms.severity import Severity

WATCH = "the watch"
NOT_JUDGED = "not judged"
UNNAMED = "no cause named"
_NOT_KNOWN = frozenset({Severity.INVALID, Severity.UNDEFINED})


def topic(cause: str | None, severity: Severity, *, of_watch: bool) -> str:
    """Return what guidance is written for: a cause, or that none is named, nothing was judged, or the watch fails."""
    if of_watch:
        return WATCH
    return NOT_JUDGED if severity in _NOT_KNOWN else cause or UNNAMED
