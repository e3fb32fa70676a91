"""Alarms of two systems that began close together, tested against every shift in time within comparable beam time.

How likely is it that the other system begins an alarm of this kind so near, wherever the first one lies? It is the
share of comparable time that is so near to one: an exact count over all shifts in time, which keeps how such alarms
cluster. Comparable is time in the same mode of the machine, about as long after it began, in which both were watched:
the rhythm of the fills, in which everything begins with the beam, is kept.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from core.coincidence.chance import SHOWN_PER_SHIFT, per_shift
from core.coincidence.history import STEP_S, Bools, Floats, History, Onset, Phases, phases

FARTHEST_S = 1800.0
RESOLUTION_S = 60.0
"""Alarms that began within a minute began at once: cycles and pieces last that long."""
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Together:
    """Two alarms that began close together, the earlier one first.

    ``p_value``: share of comparable time as near as this to an alarm of the other's kind, of both ways the larger one;
    ``hours`` of comparable time; ``expected``: how often chance shows something as rare in a shift with as many alarms;
    ``best``: how small that could be at all with what is stored.
    """

    first: Onset
    second: Onset
    p_value: float
    hours: float
    expected: float
    best: float

    @property
    def apart_s(self) -> float:
        """How far apart they began."""
        return self.second.at_s - self.first.at_s

    @property
    def is_found(self) -> bool:
        """Whether chance shows it rarely enough."""
        return self.expected <= SHOWN_PER_SHIFT

    @property
    def cannot_tell(self) -> bool:
        """Whether no two alarms could be told from chance yet, however close they began."""
        return self.best > SHOWN_PER_SHIFT


def together(history: History, begins_s: float, ends_s: float) -> list[Together]:
    """Return the pairs of alarms within a span that began close together, tested; the rarest first.

    A pair is two alarms of different systems of which each is the nearest of its stream to the other one. Looked at are
    as many pairs as the rarer stream of each two has alarms in the span.
    """
    inside = [one for one in history.onsets if begins_s <= one.at_s < ends_s]
    counts = Counter(one.stream for one in inside)
    looks = sum(min(counts[one], counts[other]) for one, other in combinations(sorted(counts), 2) if one[0] != other[0])
    if not looks:
        return []
    past = Past(history)
    found = [past.test(first, second, looks, (begins_s, ends_s)) for first, second in _pairs(inside)]
    return sorted(found, key=lambda one: one.expected)


def _pairs(onsets: Sequence[Onset]) -> Iterator[tuple[Onset, Onset]]:
    streams: dict[tuple[str, str], list[Onset]] = defaultdict(list)
    for one in sorted(onsets, key=lambda onset: (onset.at_s, onset.alarm_id)):
        streams[one.stream].append(one)
    for left, right in combinations(sorted(streams), 2):
        if left[0] == right[0]:
            continue
        for one in streams[left]:
            other = _nearest(one, streams[right])
            if _nearest(other, streams[left]) is one and abs(other.at_s - one.at_s) <= FARTHEST_S:
                yield (one, other) if one.at_s <= other.at_s else (other, one)


def _nearest(one: Onset, others: Sequence[Onset]) -> Onset:
    return min(others, key=lambda other: abs(other.at_s - one.at_s))


class Past:
    """The past by minutes: how far the nearest alarm of each stream is, and which minutes are comparable."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._phases: Phases = phases(history.modes, history.steps)
        self._minutes = (
            history.begins_s + (np.arange(int(history.steps * STEP_S / MINUTE_S), dtype=np.float64) + 0.5) * MINUTE_S
        )
        self._step = np.minimum(((self._minutes - history.begins_s) // STEP_S).astype(np.int64), history.steps - 1)
        self._times: dict[tuple[str, str], Floats] = {
            stream: np.sort(np.array([one.at_s for one in history.onsets if one.stream == stream], np.float64))
            for stream in {one.stream for one in history.onsets}
        }

    def test(self, first: Onset, second: Onset, looks: int, span: tuple[float, float]) -> Together:
        """Return a pair of alarms of a span, tested."""
        apart = max(second.at_s - first.at_s, RESOLUTION_S)
        chances = [self.chance(one, other, apart, span) for one, other in ((first, second), (second, first))]
        p_value = max(one[0] for one in chances)
        hours = min(one[1] for one in chances)
        best = per_shift(min(1.0, 2 * RESOLUTION_S / max(hours * 3600, 1.0)), looks)
        return Together(first, second, p_value, hours, per_shift(p_value, looks), best)

    def chance(self, at: Onset, other: Onset, apart_s: float, span: tuple[float, float]) -> tuple[float, float]:
        """Return how likely an alarm like ``other`` is within ``apart_s`` of time like that of ``at``, and hours."""
        comparable = self._comparable(at, other.system)
        total = float(comparable.sum()) * MINUTE_S
        near = _distance(self._minutes, self._times[other.stream]) <= apart_s
        covered = max(float((near & comparable).sum()) * MINUTE_S, 2 * apart_s)
        return min(1.0, max(covered / max(total, 1.0), self._lately(other, apart_s, span))), total / 3600

    def _lately(self, other: Onset, apart_s: float, span: tuple[float, float]) -> float:
        """The same within the span alone, without the alarm itself: a bad day has more of them than the past."""
        times = self._times[other.stream]
        rest = times[(times >= span[0]) & (times < span[1]) & (times != other.at_s)]
        inside = (self._minutes >= span[0]) & (self._minutes < span[1])
        if not len(rest) or not inside.any():
            return 0.0
        return float((_distance(self._minutes[inside], rest) <= apart_s).mean())

    def _comparable(self, at: Onset, other: str) -> Bools:
        history, step = self._history, self._history.step_of(at.at_s)
        steps = history.watched[at.system] & history.watched[other]
        steps = steps & (self._phases.mode == self._phases.mode[step])
        since, now = self._phases.since_s, self._phases.since_s[step]
        if np.isfinite(now):
            steps = steps & (since >= now / 2 - STEP_S) & (since <= 2 * now + STEP_S)
        found: Bools = steps[self._step]
        return found


def _distance(at: Floats, times: Floats) -> Floats:
    """How far each instant is from the nearest of ordered times."""
    place = np.searchsorted(times, at)
    after = np.where(place < len(times), times[np.minimum(place, len(times) - 1)] - at, np.inf)
    before = np.where(place > 0, at - times[np.maximum(place - 1, 0)], np.inf)
    nearest: Floats = np.minimum(after, before)
    return nearest
