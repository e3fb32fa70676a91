"""All systems over one span: the stored past on one axis of time, and what happened in several of them at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.displays import beam, displays, followed, modes
from core.coincidence.chance import SHIFT_S
from core.coincidence.followed import Followed
from core.coincidence.history import STEP_S, UNKNOWN, Bools, Floats, History, Track, fill_forward
from core.coincidence.search import Connected, Found, search
from core.shifts import Span
from core.store import Store
from core.store import across as query
from core.store.across import Steps
from core.store.views import AlarmView

PAST = timedelta(days=14)
"""What is happening is compared with so much of the past."""
MOST_ALARMS = 300
WATCHED_FOR = 6
"""Steps around an observation in which its system counts as watched: boards come when they come."""
CHUNK = 86_400 // STEP_S
"""The past is read by days, so that those that are over can be kept."""

Read = Callable[[str, int, int], Steps]


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What was found in a span, and the alarms that were open in it: what a report needs, without the past."""

    found: Found
    alarms: Sequence[AlarmView]


@dataclass(frozen=True, slots=True, eq=False)
class Across:
    """What the systems did up to the end of ``span`` (of a shift's length), in steps; ``steps`` by system.

    ``alarms``: those that were open in the span, oldest first.
    """

    span: Span
    history: History
    steps: Mapping[str, Steps]
    found: Found
    alarms: Sequence[AlarmView]

    @property
    def told(self) -> Told | None:
        """What was found, None if no system told anything."""
        return Told(self.found, self.alarms) if self.history.watched else None

    def of_alarm(self, alarm_id: int) -> list[Connected]:
        """Return what an alarm is possibly connected with."""
        return [one for one in self.found.connected if any(alarm_id == onset.alarm_id for onset in one.alarms)]


def reader(store: Store) -> Read:
    """Return what reads a system's steps from the store."""

    def read(system: str, first: int, last: int) -> Steps:
        return query.steps(store.database, system, (*followed(system), *beam(system)), modes(system), first, last)

    return read


def gather(store: Store, until: datetime, read: Read | None = None) -> Across:
    """Return what the systems did in the shift's length up to an instant, compared with ``PAST`` before."""
    last = -int(-until.timestamp() // STEP_S)
    first = last - int(PAST.total_seconds() // STEP_S)
    span = Span(until - timedelta(seconds=SHIFT_S), until)
    told = {name: _all(read or reader(store), name, first, last) for name in displays()}
    history = _history(store, told, first, last)
    found = search(history, span.begins.timestamp(), last * STEP_S)
    alarms = query.alarms_open_in(store.database, span.begins, until, MOST_ALARMS)
    return Across(span, history, told, found, alarms)


def _all(read: Read, system: str, first: int, last: int) -> Steps:
    """A system's steps, read by days."""
    edges = [first, *range((first // CHUNK + 1) * CHUNK, last, CHUNK), last]
    parts = [read(system, begin, end) for begin, end in pairwise(edges)]
    return Steps(
        first,
        np.concatenate([one.counts for one in parts]),
        np.concatenate([one.values for one in parts], axis=1),
        np.concatenate([one.modes for one in parts]),
    )


def _history(store: Store, told: Mapping[str, Steps], first: int, last: int) -> History:
    begins, ends = (datetime.fromtimestamp(number * STEP_S, UTC) for number in (first, last))
    onsets = query.onsets(store.database, begins, ends)
    alarmed = {one.system for one in onsets}
    watched = {name: _watched(one) for name, one in told.items() if one.counts.any() or name in alarmed}
    machine = _modes(told)
    steady = None
    if machine is not None:
        known = frozenset().union(*(one.steady for name in told if (one := modes(name)) is not None))
        steady = np.isin(fill_forward(machine), list(known))
    return History(
        begins_s=first * STEP_S,
        watched=watched,
        onsets=tuple(one for one in onsets if one.system in watched),
        tracks=tuple(
            track for name, one in told.items() for track in _tracks(name, followed(name), one.values[: _count(name)])
        ),
        beams=tuple(
            track for name, one in told.items() for track in _tracks(name, beam(name), one.values[_count(name) :])
        ),
        modes=machine,
        steady=steady,
    )


def _count(system: str) -> int:
    return len(followed(system))


def _watched(one: Steps) -> Bools:
    seen = one.counts.sum(axis=1) > 0
    near = np.convolve(seen, np.ones(2 * WATCHED_FOR + 1), mode="same") > 0.5
    return np.asarray(near, np.bool_)


def _modes(told: Mapping[str, Steps]) -> NDArray[np.str_] | None:
    """The modes of the machine as the first system that knows them tells, None if none does."""
    for name, one in told.items():
        if modes(name) is not None and (one.modes != UNKNOWN).any():
            return one.modes
    return None


def _tracks(system: str, chosen: Sequence[Followed], values: Floats) -> list[Track]:
    """Numbers that a system has told, in the unit people read."""
    found = [Track(system, each, each.factor * own) for each, own in zip(chosen, values, strict=True)]
    return [track for track in found if np.isfinite(track.values).any()]
