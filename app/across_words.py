"""What happened across systems in plain words, for the page, the page of an alarm and the shift report."""

from collections.abc import Callable, Iterator, Mapping

from app.displays import displays, title
from core.coincidence import chance
from core.coincidence.courses import LAGS, Alike
from core.coincidence.history import STEP_S, Onset
from core.coincidence.onsets import RESOLUTION_S, Together
from core.coincidence.search import Connected, Found
from core.store.views import AlarmView

At = Callable[[float], str]
Alarms = Mapping[int, AlarmView]

NOTHING = "Nothing that happened in two systems at once is rarer than chance explains."
TOO_SHORT = "Cannot tell yet whether anything is connected: too little of the past is stored."
MEANING = (
    "Possibly connected means only that: chance alone would seldom bring both together. It does not say which caused "
    "which, and hides no alarm."
)


def headline(one: Connected) -> str:
    """Return what is possibly connected: ``LHC collimation and ITS``."""
    return f"{title(one.systems[0])} and {title(one.systems[1])}"


def rarity(one: Connected) -> str:
    """Return how often chance alone shows it: ``by chance once in 210 shifts``."""
    return f"by chance {chance.told(one.expected)}"


def evidence(one: Connected, alarms: Alarms, at: At) -> Iterator[str]:
    """Yield what speaks for it, a sentence or two each, with the chance of each."""
    for pair in one.onsets:
        yield onsets(pair, alarms, at)
    for course in one.courses:
        yield courses(course, at)


def onsets(pair: Together, alarms: Alarms, at: At) -> str:
    """Return two alarms that began close together, and how much of comparable time is as near to such alarms."""
    first, second = (named(one, alarms) for one in (pair.first, pair.second))
    later = "within a minute of each other" if pair.apart_s < RESOLUTION_S else f"{minutes(pair.apart_s)} apart"
    if pair.cannot_tell:
        told = f"Only {hours(pair.hours)} of comparable time are stored: cannot tell."
    else:
        told = (
            f"Of {hours(pair.hours)} of comparable time {percent(pair.p_value)} are as near to such an alarm: "
            f"{chance.told(pair.expected)} with as many alarms."
        )
    return f"{first} ({at(pair.first.at_s)}) and {second} ({at(pair.second.at_s)}) began {later}. {told}"


def courses(course: Alike, at: At) -> str:
    """Return how two numbers went over a window, and how unusual it is that both were so at once."""
    span = f"{at(course.begins_s)} to {at(course.ends_s)}"
    one, other = (
        moved(track.followed.title, ends, track.followed.unit)
        for track, ends in zip((course.first, course.second), course.moved, strict=True)
    )
    went = f"{span}: {one}, while {other[0].lower() + other[1:]}."
    tested = course.tested
    if tested is None or course.expected is None:
        return f"{went} Too few such windows are stored to tell."
    follows = ""
    if 0 < abs(tested.lag) < max(LAGS):  # at the edge it may be any, as of slow courses
        later = course.second if tested.lag > 0 else course.first
        follows = f" {later.followed.title} follows by about {minutes(abs(tested.lag) * STEP_S)}."
    likely = max(tested.given)
    return (
        f"{went}{follows} Chance alone brings both so far from usual together {chance.told(course.expected)}; given "
        f"the one, the other is so far in {percent(likely)} of all windows of "
        f"{hours((course.ends_s - course.begins_s) / 3600)} (what the beams do is taken off)."
    )


def moved(name: str, ends: tuple[float, float], unit: str) -> str:
    """Return how a number went: ``Smallest margin fell from 1.8 to 1.3 σ``."""
    begin, end = ends
    low = number(begin, end)
    word = "stayed at" if low[0] == low[1] else "fell from" if end < begin else "rose from"
    told = low[0] if low[0] == low[1] else f"{low[0]} to {low[1]}"
    return f"{name} {word} {told} {unit}".rstrip()


def number(*values: float) -> tuple[str, ...]:
    """Return numbers with as many digits as the largest of them needs to have two or three."""
    size = max(abs(one) for one in values)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    told = (f"{one:.{digits}f}" for one in values)
    return tuple(one.lstrip("-") if not float(one) else one.replace("-", "−") for one in told)


def named(one: Onset, alarms: Alarms) -> str:
    """Return an alarm: its system, place and what is wrong."""
    view = alarms.get(one.alarm_id)
    if view is None:
        return f"{title(one.system)}, alarm {one.alarm_id}"
    module = displays().get(view.system)
    if module is None:
        return f"{title(view.system)}, {view.element}: {view.message}"
    return f"{title(view.system)}, {module.alarm_name(view)}: {module.alarm_words(view)}"


def compared(found: Found) -> str:
    """Return what was looked at and with what it was compared, in a sentence."""
    near = len(found.connected) and sum(len(one.onsets) for one in found.connected)
    pairs = near + len(found.by_chance) + len(found.unsure)
    alarms = f"{pairs or 'no'} pair{'' if pairs == 1 else 's'} of alarms that began within half an hour"
    windows = f"{found.windows or 'no'} window{'' if found.windows == 1 else 's'} of measurements"
    short = "" if not found.untold else f" (for {found.untold} of them too little of the past is stored)"
    past = f"compared with {hours(found.past_h)} in which two systems or more were watched"
    return f"Looked at: {alarms}, and {windows}{short}; {past}."


def cannot_tell(found: Found) -> bool:
    """Whether all that was looked at has too little of the past to be compared with."""
    told = bool(found.connected or found.by_chance) or found.windows > found.untold
    return not told and bool(found.unsure or found.untold)


def minutes(seconds: float) -> str:
    """Return a time in minutes."""
    return f"{max(seconds / 60, 1):.0f} min"


def hours(value: float) -> str:
    """Return a time in hours, or in days if it is long."""
    return f"{value:.1f} h" if value < 9.5 and value != int(value) else f"{value:.0f} h"


def percent(share: float) -> str:
    """Return a share with two digits at most."""
    value = 100 * share
    return f"{value:.0f} %" if value >= 9.5 else f"{value:.2g} %" if value >= 0.01 else "less than 0.01 %"
