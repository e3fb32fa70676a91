"""Counts along time as bars, in the colour of the text; what is over a limit in red."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from html import escape

from app.dashboard.charts import ticks

WIDTH, HEIGHT = 1100, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 8, 22, 22
_RED = "#d03030"
_FONT = "font-family=\"Inter, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif\" font-size=\"11\""
_MOST_BARS = 540


@dataclass(frozen=True, slots=True)
class Bars:
    """Counts in equal steps of time; ``limits`` are lines with their names, ``over`` is where bars turn red."""

    title: str
    counts: Sequence[int]
    begins: datetime
    ends: datetime
    limits: Sequence[tuple[float, str]] = ()
    over: float = float("inf")


def html(bars: Bars, where: tzinfo) -> str:
    """Return the bars as HTML, of as many steps as can be told apart: the highest count of each group is drawn."""
    counts, group = grouped(bars.counts)
    top = max([*counts, *(limit for limit, _ in bars.limits)], default=1) * 1.08 or 1
    ink = [f'<text x="0" y="12" font-weight="600">{escape(bars.title)}</text>', _axes(bars, top, where)]
    ink += [
        _bars(counts, top, lambda count: count < bars.over, "#000", 0.6),
        *(_limit(one, top) for one in bars.limits),
    ]
    red = _bars(counts, top, lambda count: count >= bars.over, _RED, 1)
    mask = f"mask-image:url('{_data(''.join(ink))}')"
    told = f"{bars.title}: {sum(bars.counts)} in all, at most {max(bars.counts, default=0)} at once"
    many = f", the highest of each {group}" if group > 1 else ""
    return (
        f'<div class="chart full" role="img" aria-label="{escape(told + many)}">'
        f'<i style="{mask};-webkit-{mask};aspect-ratio:{WIDTH}/{HEIGHT}"></i><img src="{_data(red)}" alt=""></div>'
    )


def grouped(counts: Sequence[int]) -> tuple[list[int], int]:
    """Return the highest count of each group, and how many counts make a group."""
    group = -(-len(counts) // _MOST_BARS) or 1
    return [max(counts[first : first + group]) for first in range(0, len(counts), group)], group


def _axes(bars: Bars, top: float, where: tzinfo) -> str:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    parts = [f'<path d="M{_LEFT} {bottom}H{right}" stroke="#000" opacity="0.5"/>']
    parts += [_tick(value, top) for value in ticks(0, top) if value == int(value)]
    day = (bars.ends - bars.begins).total_seconds() > 86_400
    for place, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        at = bars.begins + place * (bars.ends - bars.begins)
        text = at.astimezone(where).strftime("%d %b %H:%M" if day else "%H:%M")
        x = _LEFT + place * (right - _LEFT)
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT - 6}" text-anchor="{anchor}" opacity="0.75">{text}</text>')
    return "".join(parts)


def _tick(value: float, top: float) -> str:
    y = _y(value, top) + 3.5
    return f'<text x="{_LEFT - 5}" y="{y:.1f}" text-anchor="end" opacity="0.75">{value:g}</text>'


def _bars(counts: Sequence[int], top: float, chosen: Callable[[int], bool], colour: str, opacity: float) -> str:
    step, bottom = (WIDTH - _RIGHT - _LEFT) / max(len(counts), 1), HEIGHT - _BOTTOM
    wide = max(step * 0.8, 0.8)
    first = _LEFT + (step - wide) / 2
    parts = [
        f"M{first + number * step:.1f} {bottom}h{wide:.1f}V{_y(count, top):.1f}h-{wide:.1f}Z"
        for number, count in enumerate(counts)
        if count and chosen(count)
    ]
    return f'<path d="{"".join(parts)}" fill="{colour}" opacity="{opacity}"/>' if parts else ""


def _limit(limit: tuple[float, str], top: float) -> str:
    y = _y(limit[0], top)
    line = f'<path d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}" stroke="#000" stroke-dasharray="4 3" opacity="0.6"/>'
    return f'{line}<text x="{_LEFT + 4}" y="{y - 4:.1f}" opacity="0.75">{escape(limit[1])}</text>'


def _y(value: float, top: float) -> float:
    return HEIGHT - _BOTTOM - value / top * (HEIGHT - _TOP - _BOTTOM)


def _data(body: str) -> str:
    text = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {_FONT} fill="#000">{body}</svg>'
    return f"data:image/svg+xml;base64,{b64encode(text.encode()).decode()}"
