"""From what the systems did to lanes on one axis: their states, alarms and numbers, and what the machine did."""

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.across import Across
from app.dashboard.timeline import Axis, Bar, Course, Lane
from app.dashboard.wording import SEVERITY
from app.displays import displays, title
from core.coincidence.history import STEP_S, UNKNOWN, Track
from core.shifts import Span
from core.store.views import AlarmView
from core.verdict import Quality

LOOKS = {Quality.BAD: "bad", Quality.NULL: "null", Quality.MEDIUM: "medium", Quality.GOOD: "good"}
TOLD = {
    Quality.BAD: "something was judged bad",
    Quality.NULL: "could not be judged",
    Quality.MEDIUM: "something to look at",
    Quality.GOOD: "well",
}
_PLACE = {quality: number for number, quality in enumerate(Quality)}


def axis(across: Across, length: timedelta, where: tzinfo) -> Axis:
    """Return the last ``length`` of what the systems did, what is possibly connected shaded and numbered."""
    shown = Span(across.span.ends - length, across.span.ends)
    lanes = [*_machine(across, shown), *(_lane(across, name, shown) for name in across.steps if _is_used(across, name))]
    spans = [
        Bar(_at(one.begins_s, shown), _at(one.ends_s, shown), str(number + 1), f"Possibly connected, {number + 1}")
        for number, one in enumerate(across.found.connected)
        if one.ends_s > shown.begins.timestamp()
    ]
    return Axis(lanes, list(_times(shown, where)), spans)


def _is_used(across: Across, system: str) -> bool:
    return system in across.history.watched


def _machine(across: Across, shown: Span) -> Iterator[Lane]:
    """What holds for all: the mode of the machine and its beams; nothing if no system tells of it."""
    first, last = _range(across, shown)
    modes = across.history.modes
    bars = [] if modes is None else [*_modes(modes[first:last])]
    courses: dict[str, list[Track]] = {}
    for track in across.history.beams:
        courses.setdefault(track.followed.unit, []).append(track)
    drawn = [
        Course(_title(own), [track.values[first:last] for track in own], own[0].followed.unit)
        for own in courses.values()
        if any(np.isfinite(track.values[first:last]).any() for track in own)
    ]
    if bars or drawn:
        yield Lane("Machine", bars, courses=drawn, words=True)


def _title(tracks: list[Track]) -> str:
    names = [track.followed.title for track in tracks]
    return names[0] if len(names) == 1 else f"{names[0]}, {', '.join(name.split()[-1] for name in names[1:])}"


def _modes(modes: "NDArray[np.str_]") -> Iterator[Bar]:
    for begin, end in runs(modes):
        if modes[begin] != UNKNOWN:
            yield Bar(begin / len(modes), end / len(modes), "mode", str(modes[begin]))


def runs(values: "NDArray[np.str_]") -> Iterator[tuple[int, int]]:
    """Yield where equal values begin and end."""
    edges = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(values)]
    yield from pairwise(edges)


def _lane(across: Across, system: str, shown: Span) -> Lane:
    first, last = _range(across, shown)
    counts = across.steps[system].counts[first:last]
    states = np.array([_state(one) for one in counts])
    bars = [
        Bar(begin / len(states), end / len(states), LOOKS[Quality(states[begin])], TOLD[Quality(states[begin])])
        for begin, end in runs(states)
        if states[begin] != UNKNOWN
    ]
    alarms = [_alarm(one, shown) for one in across.alarms if one.system == system and _overlaps(one, shown)]
    courses = [
        Course(track.followed.title, [track.values[first:last]], track.followed.unit)
        for track in across.history.tracks
        if track.system == system
    ]
    return Lane(title(system), bars, alarms, courses)


def _state(counts: "NDArray[np.int64]") -> str:
    """The state of a step: the worst that was judged; not judged only where most was not."""
    if not counts.any():
        return UNKNOWN
    if counts[_PLACE[Quality.BAD]]:
        return Quality.BAD
    if 2 * counts[_PLACE[Quality.NULL]] > counts.sum():
        return Quality.NULL
    return Quality.MEDIUM if counts[_PLACE[Quality.MEDIUM]] else Quality.GOOD


def _overlaps(one: AlarmView, shown: Span) -> bool:
    ends = one.recovered_at or one.closed_at
    return one.began_at < shown.ends and (ends is None or ends > shown.begins)


def _alarm(one: AlarmView, shown: Span) -> Bar:
    ends = one.recovered_at or one.closed_at or shown.ends
    module = displays().get(one.system)
    told = f"{module.alarm_name(one)}: {module.alarm_words(one)}" if module else f"{one.element}: {one.message}"
    quiet = one.is_notice or one.inhibited_by is not None
    looks = "alarm notice" if quiet else f"alarm {one.severity.name}"
    begin, end = (_at(at.timestamp(), shown) for at in (one.began_at, ends))
    return Bar(begin, end, looks, f"{SEVERITY[one.severity]}, alarm {one.id}: {told}")


def _range(across: Across, shown: Span) -> tuple[int, int]:
    history = across.history
    first = int((shown.begins.timestamp() - history.begins_s) // STEP_S)
    return max(first, 0), history.steps


def _at(at_s: float, shown: Span) -> float:
    return (at_s - shown.begins.timestamp()) / shown.length.total_seconds()


def _times(shown: Span, where: tzinfo) -> Iterator[tuple[float, str]]:
    """Full hours of the desk, or half ones where few are shown."""
    step = timedelta(minutes=30 if shown.length <= timedelta(hours=4) else 60)
    local = shown.begins.astimezone(where)
    at: datetime = local.replace(minute=0, second=0, microsecond=0)
    while at <= shown.ends:
        place = _at(at.timestamp(), shown)
        if 0.01 <= place <= 0.985:
            yield place, at.strftime("%H:%M")
        at += step
