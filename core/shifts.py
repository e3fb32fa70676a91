"""Shifts: spans of equal length that begin at fixed times of the site's day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time: its beginning belongs to it, its end does not (aware instants)."""

    begins: datetime
    ends: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.ends - self.begins

    def holds(self, instant: datetime) -> bool:
        """Whether an instant lies in it."""
        return self.begins <= instant < self.ends


@dataclass(frozen=True, slots=True)
class ShiftPlan:
    """When shifts begin, as local times of day in order, and where; the last lasts until the first of the next day."""

    starts: tuple[time, ...] = (time(7), time(15), time(23))
    zone: str = "Europe/Zurich"

    def at(self, instant: datetime) -> Span:
        """Return the shift that holds an instant; one is an hour shorter or longer when the clocks are changed."""
        day = instant.astimezone(ZoneInfo(self.zone)).date()
        near = [self._start(day.toordinal() + days, start) for days in (-1, 0, 1) for start in self.starts]
        begins = max(start for start in near if start <= instant)
        return Span(begins, min(start for start in near if start > instant))

    def before(self, shift: Span, count: int = 1) -> Span:
        """Return the shift ``count`` shifts before another."""
        for _ in range(count):
            shift = self.at(shift.begins - timedelta(seconds=1))
        return shift

    def within(self, span: Span) -> tuple[Span, ...]:
        """Return the shifts that overlap a span, in order, the first and last cut to it."""
        found, at = [], span.begins
        while at < span.ends:
            shift = self.at(at)
            found.append(Span(at, min(shift.ends, span.ends)))
            at = shift.ends
        return tuple(found)

    def _start(self, ordinal: int, start: time) -> datetime:
        local = datetime.combine(datetime.fromordinal(ordinal), start, ZoneInfo(self.zone))
        return local.astimezone(UTC)


def gaps(times: Sequence[datetime], span: Span, longest: timedelta) -> tuple[Span, ...]:
    """Return the spans longer than ``longest`` in which none of the times (ordered) lies, up to both ends."""
    edges = [span.begins, *times, span.ends]
    return tuple(Span(before, after) for before, after in pairwise(edges) if after - before > longest)
