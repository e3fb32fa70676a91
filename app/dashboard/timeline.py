"""Systems one under the other on one axis of time: states, alarms and measurements, with spans shaded across all.

Places are shares of the axis, so that it fits any width; text is of the page, courses are masks in its colour.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from core.coincidence.history import Floats

WIDTH, HEIGHT = 1000, 100
MOST_ROWS = 3
LEAST_WORD = 0.06
"""Of the axis: what is shorter has its word where the pointer is."""
LEAST_PX = 6
"""No bar of the style sheet is drawn narrower."""
NEAR_THE_END = 0.9


@dataclass(frozen=True, slots=True)
class Bar:
    """From ``begin`` to ``end`` of the axis (0 to 1): how it ``looks`` (a class of the style sheet), what it says."""

    begin: float
    end: float
    looks: str
    told: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Values in equal steps along the whole axis (NaN: none); several lines share one scale."""

    title: str
    lines: Sequence[Floats]
    unit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """What is drawn of a system: its states, its alarms, and courses under each other; ``words`` are in its states."""

    name: str
    states: Sequence[Bar]
    alarms: Sequence[Bar] = ()
    courses: Sequence[Course] = ()
    words: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """All lanes, times to write under them (place, text), and numbered spans to shade."""

    lanes: Sequence[Lane]
    times: Sequence[tuple[float, str]]
    spans: Sequence[Bar] = ()


def html(axis: Axis) -> str:
    """Return the axis as HTML."""
    lanes = "".join(_lane(one) for one in axis.lanes)
    spans = "".join(
        f'<i class="ax-span" style="{_place(one)}" title="{escape(one.told)}"><b>{escape(one.looks)}</b></i>'
        for one in axis.spans
    )
    times = "".join(f'<span style="left:{100 * at:.2f}%">{escape(text)}</span>' for at, text in axis.times)
    lines = "".join(f'<i style="left:{100 * at:.2f}%"></i>' for at, _ in axis.times)
    return (
        f'<div class="axis">{lanes}<div class="ax-over"><div class="ax-lines">{lines}</div>{spans}</div>'
        f'<div class="ax-times"><div>{times}</div></div></div>'
    )


def _lane(lane: Lane) -> str:
    states = "".join(
        f'<i class="{one.looks}" style="{_place(one)}" title="{escape(one.told)}">'
        f"{f'<b>{escape(one.told)}</b>' if lane.words and one.end - one.begin > LEAST_WORD else ''}</i>"
        for one in lane.states
    )
    rows = stacked(lane.alarms)
    alarms = "".join(
        f'<i class="{one.looks}" style="{_place(one)};top:{7 * row}px" title="{escape(one.told)}"></i>'
        for row, one in rows
    )
    deep = 7 * (max((row for row, _ in rows), default=-1) + 1)
    marks = f'<div class="ax-alarms" style="height:{deep}px">{alarms}</div>' if rows else ""
    kind = "ax-modes" if lane.words else "ax-states"
    head = f'<div class="ax-name"><b>{escape(lane.name)}</b></div>'
    body = f'<div class="ax-track"><div class="{kind}">{states}</div>{marks}</div>'
    return f'<div class="ax-row first">{head}{body}</div>' + "".join(_course(one) for one in lane.courses)


def _course(course: Course) -> str:
    values = np.concatenate([np.asarray(one, np.float64) for one in course.lines])
    known = values[np.isfinite(values)]
    if not len(known):
        head = f'<div class="ax-name"><span>{escape(course.title)}</span></div>'
        return f'<div class="ax-row">{head}<div class="ax-track ax-none">no value in this time</div></div>'
    low, high = scale(float(known.min()), float(known.max()))
    paths = "".join(
        f'<path d="{path(one, low, high)}" fill="none" stroke="#000" stroke-width="1.6" opacity="{0.9 - 0.35 * place}" '
        f'vector-effect="non-scaling-stroke"/>'
        for place, one in enumerate(course.lines)
    )
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
    data = f"url('data:image/svg+xml;base64,{b64encode(f'{svg}{paths}</svg>'.encode()).decode()}')"
    head = (
        f'<div class="ax-name"><span>{escape(course.title)}</span><span class="ax-unit">{escape(course.unit)}</span>'
        f"<em><u>{_digits(known.max())}</u><u>{_digits(known.min())}</u></em></div>"
    )
    told = f"{course.title}: {_digits(known.min())} to {_digits(known.max())} {course.unit}".rstrip()
    return (
        f'<div class="ax-row">{head}<div class="ax-track ax-course" role="img" aria-label="{escape(told)}">'
        f'<i style="mask-image:{data};-webkit-mask-image:{data}"></i></div></div>'
    )


def path(values: Floats, low: float, high: float) -> str:
    """Return values as the path of a line that is broken where there is none; a single one is a dash."""
    step = WIDTH / max(len(values), 1)
    known = np.isfinite(values)
    drawn, pen = [], "M"
    for number in np.flatnonzero(known):
        x, y = (number + 0.5) * step, HEIGHT * (1 - (float(values[number]) - low) / (high - low))
        drawn.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
        if number + 1 >= len(known) or not known[number + 1]:
            drawn.append("h1" if drawn[-1].startswith("M") else "")
            pen = "M"
    return "".join(drawn)


def scale(low: float, high: float) -> tuple[float, float]:
    """Return the ends of a scale around values, with room above and below."""
    room = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    return (0.0 if 0 <= low < 0.3 * high else low - room), high + room


def stacked(bars: Sequence[Bar]) -> list[tuple[int, Bar]]:
    """Return bars with the row in which each overlaps no other; those that find no place share the last one."""
    ends, found = [0.0] * MOST_ROWS, []
    for one in sorted(bars, key=lambda bar: bar.begin):
        begin = max(one.begin, 0.0)
        row = next((row for row, end in enumerate(ends) if end <= begin), MOST_ROWS - 1)
        ends[row] = max(ends[row], one.end, begin + 0.006)
        found.append((row, one))
    return found


def _place(bar: Bar) -> str:
    begin, end = min(max(bar.begin, 0.0), 1.0), min(max(bar.end, 0.0), 1.0)
    left = f"{100 * begin:.2f}%"
    if begin > NEAR_THE_END:  # a bar has a least width: what began just now shall not stick out
        left = f"min({left},calc(100% - {LEAST_PX}px))"
    return f"left:{left};width:{100 * (end - begin):.2f}%"


def _digits(value: float) -> str:
    return (f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}").replace("-", "−")
