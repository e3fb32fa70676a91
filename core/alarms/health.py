"""How well the alarms serve the person on shift: the figures of ISA-18.2 and EEMUA 191, computed from the history.

Counted are *annunciations*: the times at which an alarm asked for a person anew (raised, come back, re-opened), while
it was not set aside. All functions are pure; ``core.alarms.targets`` holds what the standards ask for.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from core.alarms.events import ChangeKind
from core.alarms.severity import Severity
from core.shifts import ShiftPlan, Span

BIN = timedelta(minutes=10)
FLOOD_BEGINS, FLOOD_ENDS = 10, 5
"""A flood begins in ten minutes with so many annunciations and ends before ten minutes with fewer than that."""
CHATTER_COUNT, CHATTER_WITHIN = 3, timedelta(minutes=1)
FLEETING = timedelta(minutes=1)
STALE = timedelta(hours=24)
TOP = 10

_ASKS = frozenset({ChangeKind.RAISED, ChangeKind.RELAPSED, ChangeKind.REOPENED})
_HIDES = frozenset({"shelved", "inhibited"})
_SHOWS = frozenset({"unshelved", "released"})
Source = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the alarms' history with what is known of its alarm; ``severity`` is that of the alarm."""

    alarm_id: int
    system: str
    element: str
    kind: str
    severity: Severity
    change: ChangeKind
    at: datetime
    author: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """An alarm from its raising to its end: when it asked for a person, and how long its cause lasted each time.

    ``ended`` of a cause that is not over is None; ``by_person``: a person said that it was over.
    """

    alarm_id: int
    source: Source
    severity: Severity
    asked: tuple[datetime, ...]
    active: tuple["Active", ...]
    seen_after: timedelta | None


@dataclass(frozen=True, slots=True)
class Active:
    """A time for which the cause of an alarm lasted."""

    began: datetime
    ended: datetime | None
    by_person: bool = False


@dataclass(frozen=True, slots=True)
class ShiftLoad:
    """What one shift had to bear; ``operators``: people who did something with an alarm in it (at least one)."""

    span: Span
    annunciations: int
    operators: int

    @property
    def per_operator(self) -> float:
        """Annunciations for each person."""
        return self.annunciations / self.operators


@dataclass(frozen=True, slots=True)
class Health:
    """The figures over one span of time; times in seconds, shares from 0 to 1."""

    span: Span
    annunciations: int
    sources: int
    bins: tuple[int, ...]
    peak_ten_minutes: int
    peak_minute: int
    floods: tuple[Span, ...]
    shifts: tuple[ShiftLoad, ...]
    chattering: tuple[Source, ...]
    fleeting: int
    stale: tuple[int, ...]
    top: tuple[tuple[Source, int], ...]
    seconds_to_seen: tuple[float, ...]
    never_seen: int
    priorities: Mapping[Severity, int]

    @property
    def per_ten_minutes(self) -> float:
        """Mean annunciations per ten minutes."""
        return self.annunciations / max(self.span.length / BIN, 1e-9)

    @property
    def flood_share(self) -> float:
        """Share of the time spent in floods."""
        return sum((flood.length for flood in self.floods), timedelta()) / max(self.span.length, timedelta(seconds=1))

    @property
    def top_share(self) -> float:
        """Share of all annunciations that the ten most frequent sources make."""
        return sum(count for _, count in self.top) / self.annunciations if self.annunciations else 0.0

    def seen_within(self, share: float) -> float | None:
        """Return the seconds within which a share of the alarms that were acknowledged were; None if none was."""
        return float(np.quantile(self.seconds_to_seen, share)) if self.seconds_to_seen else None


def measure(lines: Sequence[Line], span: Span, plan: ShiftPlan | None = None) -> Health:
    """Return the figures of a span from the history of every alarm that was open at some time in it.

    Parameters
    ----------
    lines
        In order of time; the whole history of each alarm, what happened after the span is left out here.
    plan
        When shifts begin.
    """
    known = episodes([line for line in lines if line.at < span.ends])
    asked = sorted((at, one.source) for one in known for at in one.asked if span.holds(at))
    times = [at for at, _ in asked]
    counts = Counter(source for _, source in asked)
    inside = [one for one in known if one.asked and span.holds(one.asked[0])]
    bins = in_bins(times, span)
    return Health(
        span=span,
        annunciations=len(times),
        sources=len(counts),
        bins=bins,
        peak_ten_minutes=peak(times, BIN),
        peak_minute=peak(times, timedelta(minutes=1)),
        floods=floods(bins, span),
        shifts=loads(times, [line for line in lines if line.author], (plan or ShiftPlan()).within(span)),
        chattering=chattering(asked),
        fleeting=sum(_is_fleeting(active) for one in known for active in one.active if span.holds(active.began)),
        stale=tuple(one.alarm_id for one in known if _is_stale(one, span.ends)),
        top=tuple(counts.most_common(TOP)),
        seconds_to_seen=tuple(one.seen_after.total_seconds() for one in inside if one.seen_after is not None),
        never_seen=sum(one.seen_after is None for one in inside),
        priorities=Counter(one.severity for one in inside),
    )


def episodes(lines: Sequence[Line]) -> list[Episode]:
    """Return the alarms that a history tells of, in the order of their first line."""
    by_alarm: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        by_alarm[line.alarm_id].append(line)
    return [_episode(own) for own in by_alarm.values()]


def _episode(lines: Sequence[Line]) -> Episode:
    asked: list[datetime] = []
    active: list[Active] = []
    seen: datetime | None = None
    hidden = False
    for line in lines:
        hidden = (hidden or line.change.value in _HIDES) and line.change.value not in _SHOWS
        began = bool(active) and active[-1].ended is None
        if line.change in {ChangeKind.RAISED, ChangeKind.RELAPSED}:
            active.append(Active(line.at, None))
        elif line.change in {ChangeKind.RECOVERED, ChangeKind.CLEARED} and began:
            active[-1] = Active(active[-1].began, line.at, bool(line.author))
        if not hidden and (line.change in _ASKS or (line.change.value in _SHOWS and began)):
            asked.append(line.at)
        if line.change is ChangeKind.ACKNOWLEDGED and asked and seen is None:
            seen = line.at
    first = lines[0]
    after = None if seen is None else max(seen - asked[0], timedelta())
    source = (first.system, first.element, first.kind)
    return Episode(first.alarm_id, source, first.severity, tuple(asked), tuple(active), after)


def in_bins(times: Sequence[datetime], span: Span) -> tuple[int, ...]:
    """Return how many of the times fall into each ten minutes of a span; the last may be shorter."""
    count = max(1, -(-span.length // BIN))
    counted = Counter(min((at - span.begins) // BIN, count - 1) for at in times)
    return tuple(counted[number] for number in range(count))


def peak(times: Sequence[datetime], within: timedelta) -> int:
    """Return the greatest number of times (ordered) in any window of this length, wherever it begins."""
    best = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= within:
            first += 1
        best = max(best, last - first + 1)
    return best


def floods(bins: Sequence[int], span: Span) -> tuple[Span, ...]:
    """Return the floods: from ten minutes with ten or more to before ten minutes with fewer than five."""
    found: list[Span] = []
    began: int | None = None
    for number, count in enumerate([*bins, 0]):
        if began is None and count >= FLOOD_BEGINS:
            began = number
        elif began is not None and count < FLOOD_ENDS:
            found.append(Span(span.begins + began * BIN, min(span.begins + number * BIN, span.ends)))
            began = None
    return tuple(found)


def loads(times: Sequence[datetime], acts: Sequence[Line], shifts: Sequence[Span]) -> tuple[ShiftLoad, ...]:
    """Return what each shift had to bear."""
    at = np.sort(np.array([time.timestamp() for time in times]))
    people: dict[int, set[str]] = defaultdict(set)
    edges = np.array([shift.begins.timestamp() for shift in shifts])
    for act in acts:
        number = int(np.searchsorted(edges, act.at.timestamp(), side="right")) - 1
        if number >= 0 and shifts[number].holds(act.at):
            people[number].add(act.author)
    ends = np.array([shift.ends.timestamp() for shift in shifts])
    counts = np.searchsorted(at, ends, side="left") - np.searchsorted(at, edges, side="left")
    return tuple(
        ShiftLoad(shift, int(count), max(1, len(people[number])))
        for number, (shift, count) in enumerate(zip(shifts, counts, strict=True))
    )


def chattering(asked: Sequence[tuple[datetime, Source]]) -> tuple[Source, ...]:
    """Return the sources that asked three times or more within a minute, by name."""
    times: dict[Source, list[datetime]] = defaultdict(list)
    for at, source in asked:
        times[source].append(at)
    return tuple(sorted(source for source, own in times.items() if peak(own, CHATTER_WITHIN) >= CHATTER_COUNT))


def _is_fleeting(active: Active) -> bool:
    return active.ended is not None and not active.by_person and active.ended - active.began < FLEETING


def _is_stale(one: Episode, at: datetime) -> bool:
    last = one.active[-1] if one.active else None
    return last is not None and last.ended is None and at - last.began > STALE
