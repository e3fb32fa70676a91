"""Arrivals that are left for later, and why: nothing is given up, nothing is tried without a pause."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0


def pause_s(attempts: int) -> float:
    """Return how long to wait after so many failures in a row (1, 2, 4 … 30 s)."""
    return min(FIRST_PAUSE_S * 2.0 ** min(max(attempts - 1, 0), 10), LONGEST_PAUSE_S)


@dataclass(slots=True)
class _Wait:
    until: datetime
    attempts: int
    trouble: str


@dataclass(slots=True)
class WaitingRoom:
    """Which tickets wait until when. It lives as long as a watch: the next one tries all of them at once."""

    _waits: dict[str, _Wait] = field(default_factory=dict)
    _offered: set[str] = field(default_factory=set)

    def admit(self, ticket: str, now: datetime, trouble: str) -> None:
        """Let a ticket wait because of ``trouble``, longer each time."""
        attempts = self.attempts(ticket) + 1
        self._waits[ticket] = _Wait(now + timedelta(seconds=pause_s(attempts)), attempts, trouble)

    def release(self, ticket: str) -> None:
        """Let a ticket wait no longer; what troubled it, and how often, is remembered."""
        if ticket in self._waits:
            self._waits[ticket].until = datetime.min.replace(tzinfo=UTC)

    def dismiss(self, ticket: str) -> None:
        """Forget a ticket: it was settled."""
        self._waits.pop(ticket, None)

    def attempts(self, ticket: str) -> int:
        """Return how often a ticket failed in a row."""
        return self._waits[ticket].attempts if ticket in self._waits else 0

    def must_wait(self, ticket: str, now: datetime) -> bool:
        """Whether a ticket that the source offers has to wait."""
        self._offered.add(ticket)
        return ticket in self._waits and now < self._waits[ticket].until

    def end_of_scan(self) -> None:
        """Forget tickets that the source, asked for everything, no longer offers."""
        for ticket in self._waits.keys() - self._offered:
            del self._waits[ticket]

    def start_of_scan(self) -> None:
        """Begin to note what the source offers."""
        self._offered.clear()

    def troubles(self) -> list[str]:
        """Return why tickets wait, without repetition."""
        return list(dict.fromkeys(wait.trouble for wait in self._waits.values()))
