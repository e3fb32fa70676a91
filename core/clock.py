"""Time is passed in: a Clock gives aware UTC instants, real in production and set by hand in tests."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import Protocol


class Clock(Protocol):
    """Source of the present instant and of waiting."""

    def now(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        sleep(seconds)


@dataclass
class ManualClock:
    """A clock that moves only when told to (tests, replays)."""

    at: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def as_utc(instant: datetime) -> datetime:
    """Return ``instant`` in UTC.

    Raises
    ------
    ValueError
        If ``instant`` carries no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError(f"naive datetime {instant!r}: every instant must carry its time zone")
    return instant.astimezone(UTC)
