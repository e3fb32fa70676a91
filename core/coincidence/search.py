"""Everything that happened in two systems at once within a span, each pair of systems told once with its evidence."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.coincidence.courses import STRIDES, Alike, alike
from core.coincidence.history import STEP_S, History, Onset
from core.coincidence.onsets import Together, together


@dataclass(frozen=True, slots=True)
class Connected:
    """Two systems that are possibly connected from ``begins_s`` to ``ends_s`` (unix time), and why.

    ``alarms``: those that it concerns, oldest first. The evidence is not multiplied: each stands for itself.
    """

    systems: tuple[str, str]
    begins_s: float
    ends_s: float
    onsets: tuple[Together, ...]
    courses: tuple[Alike, ...]
    alarms: tuple[Onset, ...]

    @property
    def expected(self) -> float:
        """How often chance shows the rarest of the evidence in a shift."""
        return min(
            *(one.expected for one in self.onsets), *(one.expected for one in self.courses if one.expected), 1.0, 1.0
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What a search of a span found, and what it could not tell.

    ``pairs``: pairs of alarms that began close together, ``windows``: windows of courses that were looked at; of those
    ``unsure`` and ``untold`` are the ones of which the stored past is too short to tell anything; ``past_h``: hours of
    it in which two systems or more were watched.
    """

    connected: tuple[Connected, ...]
    by_chance: tuple[Together, ...]
    unsure: tuple[Together, ...]
    windows: int
    untold: int
    past_h: float


def search(history: History, begins_s: float, ends_s: float) -> Found:
    """Return what happened in several systems at once within a span; what is beyond it is the past to compare with."""
    pairs = together(history, begins_s, ends_s)
    courses = alike(history, begins_s, ends_s)
    found = _connected(history, [one for one in pairs if one.is_found], [one for one in courses if one.is_found])
    rest = [one for one in pairs if not one.is_found]
    return Found(
        connected=tuple(found),
        by_chance=tuple(one for one in rest if not one.cannot_tell),
        unsure=tuple(one for one in rest if one.cannot_tell),
        windows=len(courses),
        untold=sum(one.tested is None for one in courses),
        past_h=_watched_h(history),
    )


def _connected(history: History, pairs: Sequence[Together], courses: Sequence[Alike]) -> list[Connected]:
    systems = dict.fromkeys(
        [*(_of_pair(one) for one in pairs), *(_sorted(one.first.system, one.second.system) for one in courses)]
    )
    made = []
    for both in systems:
        onsets = tuple(one for one in pairs if _of_pair(one) == both)
        own = [one for one in courses if _sorted(one.first.system, one.second.system) == both]
        edges = [(one.first.at_s, one.second.at_s) for one in onsets] + [(one.begins_s, one.ends_s) for one in own]
        alarms = {one.alarm_id: one for pair in onsets for one in (pair.first, pair.second)}
        for one in own:
            alarms |= {onset.alarm_id: onset for onset in _about(history, one)}
        listed = sorted(alarms.values(), key=lambda onset: (onset.at_s, onset.alarm_id))
        begins_s, ends_s = min(edge[0] for edge in edges), max(edge[1] for edge in edges)
        made.append(Connected(both, begins_s, ends_s, onsets, tuple(_rarest(own)), tuple(listed)))
    return sorted(made, key=lambda one: one.expected)


def _of_pair(one: Together) -> tuple[str, str]:
    return _sorted(one.first.system, one.second.system)


def _sorted(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one <= other else (other, one)


def _rarest(courses: Sequence[Alike]) -> list[Alike]:
    """Of each pair of numbers the rarest window."""
    best: dict[object, Alike] = {}
    for one in courses:
        best.setdefault((one.first.key, one.second.key), one)
    return list(best.values())


def _about(history: History, course: Alike) -> list[Onset]:
    """The alarms about numbers that went together, which began meanwhile, or before the next window is over.

    A number that moves is often called only when it has moved on, and no window tells of that until it is complete.
    """
    kinds = {(track.system, kind) for track in (course.first, course.second) for kind in track.followed.kinds}
    until_s = course.ends_s + (course.ends_s - course.begins_s) / STRIDES
    return [one for one in history.onsets if one.stream in kinds and course.begins_s <= one.at_s < until_s]


def _watched_h(history: History) -> float:
    if len(history.watched) < 2:
        return 0.0
    many = np.stack(list(history.watched.values())).sum(axis=0)
    return float((many >= 2).sum()) * STEP_S / 3600
