"""Small charts along time: drawn in the colour of the text, so that they fit light and dark alike.

Made here and not by a chart library, which the browser would have to load and compile before the first picture.
Streamlit lets no SVG into a page but as an image: what has the colour of the text is a mask (of which only the opacity
counts), what has a colour of its own is a picture over it.
"""

import math
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from html import escape

WIDTH, HEIGHT = 260, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 6, 24, 20
_RED, _VIOLET = "#d03030", "#8a6cb3"
_FONT = "font-family=\"Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif\" font-size=\"11\""


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a time; None where there is none (a cycle that could not be judged)."""

    at: datetime
    value: float | None
    hot: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: its title, points in time order, a line to compare with, the span of an incident, the time shown.

    ``least`` is the smallest range of values that the chart covers, so that noise does not fill it; ``clock`` is how
    the times at its ends are written (``strftime``). ``errors`` are uncertainties of the points, drawn as a band;
    ``ahead`` is where the points are going, a dashed line, and ``reaches`` the span of time in which it ends;
    ``few`` is said where there are fewer than two values.
    """

    title: str
    points: Sequence[Point]
    line: float | None = None
    line_name: str = ""
    least: tuple[float, float] = (math.inf, -math.inf)
    span: tuple[datetime, datetime] | None = None
    shown: datetime | None = None
    clock: str = "%H:%M"
    errors: Sequence[float] = ()
    ahead: Sequence[Point] = ()
    reaches: tuple[datetime, datetime] | None = None
    width: int = WIDTH
    few: str = "too few cycles yet"


def html(chart: Chart, where: tzinfo) -> str:
    """Return the chart as HTML; times are those of the desk."""
    values = [point.value for point in chart.points if point.value is not None]
    ink, colour = [f'<text x="0" y="12" font-weight="600">{escape(chart.title)}</text>'], []
    if len(values) < 2:
        ink.append(f'<text x="{_LEFT}" y="{HEIGHT // 2}" opacity="0.7">{escape(chart.few)}</text>')
    else:
        frame = _Frame.around(chart, values)
        ink += [_axes(chart, frame, where), _band(chart, frame), _limit(chart, frame), _line(chart, frame)]
        ink += [_ahead(chart, frame), _shown(chart, frame)]
        colour += [_span(chart, frame), _marks(chart, frame), _reaches(chart, frame)]
    mask = f"mask-image:url('{_data(ink, chart.width)}')"
    look = "chart" if chart.width == WIDTH else "chart wide"
    return (
        f'<div class="{look}" role="img" aria-label="{escape(_told(chart, values))}">'
        f'<i style="{mask};-webkit-{mask};aspect-ratio:{chart.width}/{HEIGHT}"></i>'
        f'<img src="{_data(colour, chart.width)}" alt=""></div>'
    )


def _told(chart: Chart, values: Sequence[float]) -> str:
    """The chart in words, for those who do not see it."""
    return f"{chart.title}: {values[0]:.3g} at first, {values[-1]:.3g} at last" if len(values) > 1 else chart.title


def _data(parts: Sequence[str], width: int) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" {_FONT} fill="#000">'
    text = "".join([head, *parts, "</svg>"])
    return f"data:image/svg+xml;base64,{b64encode(text.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class _Frame:
    first: float
    last: float
    low: float
    high: float
    right: int

    @classmethod
    def around(cls, chart: Chart, values: Sequence[float]) -> "_Frame":
        wanted = [*values, *chart.least, *([] if chart.line is None else [chart.line])]
        finite = [value for value in wanted if math.isfinite(value)]
        low, high = min(finite), max(finite)
        margin = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
        end = max(_end(chart).timestamp(), chart.points[-1].at.timestamp())
        return cls(chart.points[0].at.timestamp(), end, low - margin, high + margin, chart.width - _RIGHT)

    def x(self, at: datetime) -> float:
        share = (at.timestamp() - self.first) / max(self.last - self.first, 1e-9)
        return _LEFT + min(max(share, 0.0), 1.0) * (self.right - _LEFT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - _BOTTOM - min(max(share, 0.0), 1.0) * (HEIGHT - _TOP - _BOTTOM)


def _end(chart: Chart) -> datetime:
    """The time at the right end."""
    last = chart.points[-1].at if not chart.ahead else chart.ahead[-1].at
    return last if chart.reaches is None else max(last, chart.reaches[1])


def _band(chart: Chart, frame: _Frame) -> str:
    """The uncertainties of the points."""
    if len(chart.errors) != len(chart.points):
        return ""
    known = [(p.at, p.value, error) for p, error in zip(chart.points, chart.errors, strict=True) if p.value is not None]
    above = [f"{frame.x(at):.1f} {frame.y(value + error):.1f}" for at, value, error in known]
    below = [f"{frame.x(at):.1f} {frame.y(value - error):.1f}" for at, value, error in reversed(known)]
    return f'<path d="M{"L".join([*above, *below])}Z" opacity="0.18"/>'


def _ahead(chart: Chart, frame: _Frame) -> str:
    """Where the points are going."""
    way = "L".join(f"{frame.x(p.at):.1f} {frame.y(p.value):.1f}" for p in chart.ahead if p.value is not None)
    return f'<path d="M{way}" fill="none" stroke="#000" stroke-dasharray="3 3" opacity="0.7"/>' if way else ""


def _reaches(chart: Chart, frame: _Frame) -> str:
    """When the limit would be reached: the span that it happens in with 68 %."""
    if chart.reaches is None or chart.line is None:
        return ""
    left, right = (frame.x(at) for at in chart.reaches)
    y = frame.y(chart.line)
    return f'<path d="M{left:.1f} {y:.1f}H{max(right, left + 2):.1f}" stroke="{_RED}" stroke-width="5" opacity="0.8"/>'


def _span(chart: Chart, frame: _Frame) -> str:
    if chart.span is None:
        return ""
    left, right = frame.x(chart.span[0]), frame.x(chart.span[1])
    box = f'x="{left:.1f}" y="{_TOP}" width="{max(right - left, 2):.1f}" height="{HEIGHT - _TOP - _BOTTOM}"'
    return f'<rect {box} fill="{_RED}" opacity="0.14"/>'


def _axes(chart: Chart, frame: _Frame, where: tzinfo) -> str:
    bottom = HEIGHT - _BOTTOM
    parts = [f'<path d="M{_LEFT} {bottom}H{frame.right}" stroke="#000" opacity="0.5"/>']
    for value in ticks(frame.low, frame.high):
        at = frame.y(value)
        parts.append(f'<path d="M{_LEFT} {at:.1f}H{frame.right}" stroke="#000" opacity="0.12"/>')
        parts.append(f'<text x="{_LEFT - 5}" y="{at + 3.5:.1f}" text-anchor="end" opacity="0.75">{value:g}</text>')
    ends = ((chart.points[0].at, "start", _LEFT), (_end(chart), "end", frame.right))
    for end, anchor, x in ends:
        text = end.astimezone(where).strftime(chart.clock)
        parts.append(f'<text x="{x}" y="{HEIGHT - 5}" text-anchor="{anchor}" opacity="0.75">{text}</text>')
    return "".join(parts)


def _limit(chart: Chart, frame: _Frame) -> str:
    if chart.line is None:
        return ""
    at = frame.y(chart.line)
    path = f'<path d="M{_LEFT} {at:.1f}H{frame.right}" stroke="#000" stroke-dasharray="4 3" opacity="0.6"/>'
    y = at - 4 if at > _TOP + 14 else at + 12
    return f'{path}<text x="{_LEFT + 4}" y="{y:.1f}" opacity="0.75">{escape(chart.line_name)}</text>'


def _line(chart: Chart, frame: _Frame) -> str:
    path, pen = [], "M"
    for point in chart.points:
        if point.value is None:
            pen = "M"
            continue
        path.append(f"{pen}{frame.x(point.at):.1f} {frame.y(point.value):.1f}")
        pen = "L"
    return f'<path d="{"".join(path)}" fill="none" stroke="#000" stroke-width="1.5" opacity="0.85"/>'


def _shown(chart: Chart, frame: _Frame) -> str:
    """The cycle shown."""
    if chart.shown is None:
        return ""
    return f'<path d="M{frame.x(chart.shown):.1f} {_TOP}V{HEIGHT - _BOTTOM}" stroke="#000" opacity="0.45"/>'


def _marks(chart: Chart, frame: _Frame) -> str:
    """Cycles that could not be judged, and those beyond the limit."""
    parts = []
    for point in chart.points:
        x = frame.x(point.at)
        if point.value is None:
            parts.append(f'<path d="M{x:.1f} {HEIGHT - _BOTTOM}v-8" stroke="{_VIOLET}" stroke-width="2"/>')
        elif point.hot:
            parts.append(f'<circle cx="{x:.1f}" cy="{frame.y(point.value):.1f}" r="2.6" fill="{_RED}"/>')
    return "".join(parts)


def ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Return round numbers between two values: ``most`` steps or fewer, two numbers or more."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    numbers = range(math.ceil(low / step), math.floor(high / step) + 1)
    return [round(number * step, 10) for number in numbers]
