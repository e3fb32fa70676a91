"""The last eight hours of a system as a strip: what was judged, below; alarms and not knowing, above.

Grey where all was well. Trouble is told by colour, height and pattern together, so that nobody needs to tell red from
violet. As ``charts`` has it, what has the colour of the text is a mask, what has a colour of its own a picture over it.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from enum import IntEnum
from html import escape
from itertools import groupby

from core.alarms.severity import Severity
from core.store.strips import PERIOD_S, AlarmSpan, Period
from core.verdict import Quality

LENGTH = timedelta(hours=8)
STEP = timedelta(seconds=PERIOD_S)
CELLS = LENGTH // STEP
HEIGHT = 60
_WIDE = 10
_RED, _AMBER, _VIOLET = "#d03030", "#d08000", "#8a6cb3"
_FLOOR = 54
"""Alarms hang from the top; what was judged stands on this line."""


class Mark(IntEnum):
    """What a cell shows, the worse the higher."""

    NOTHING = 0
    GOOD = 1
    LOOK = 2
    UNKNOWN = 3
    MINOR = 4
    BAD = 5


_OF_QUALITY = {Quality.GOOD: Mark.GOOD, Quality.MEDIUM: Mark.LOOK, Quality.NULL: Mark.UNKNOWN, Quality.BAD: Mark.BAD}
_HEIGHT = {Mark.GOOD: 10, Mark.LOOK: 17, Mark.UNKNOWN: 24, Mark.BAD: 26}
_OPACITY = {Mark.GOOD: 0.35, Mark.LOOK: 0.75}
_HANGS = {Mark.MINOR: (14, _AMBER), Mark.BAD: (20, _RED), Mark.UNKNOWN: (20, "url(#u)")}


@dataclass(frozen=True, slots=True)
class Strip:
    """The cells of eight hours, oldest first: what was judged, what asked for somebody; and how often what was."""

    ends: datetime
    judged: tuple[Mark, ...]
    asked: tuple[Mark, ...]
    counts: tuple[tuple[Quality, int], ...]

    @property
    def begins(self) -> datetime:
        """The time at the left end."""
        return self.ends - LENGTH

    def calm_since(self) -> datetime | None:
        """Return since when nothing was wrong: after the last trouble, or from the first data on; None without any."""
        since = None
        for at in range(CELLS):
            if max(self.judged[at], self.asked[at]) >= Mark.UNKNOWN:
                since = None if at + 1 == CELLS else at + 1
            elif since is None and self.judged[at] is not Mark.NOTHING:
                since = at
        return None if since is None else self.begins + since * STEP


def end_of(now: datetime) -> datetime:
    """Return the right end of a strip: where the present period ends, so that pictures change with periods only."""
    past = timedelta(seconds=now.timestamp() % PERIOD_S)
    return now.astimezone(UTC) - past + STEP


def strip(periods: Sequence[Period], spans: Sequence[AlarmSpan], now: datetime) -> Strip:
    """Return the strip up to now; what is outside its time is left out."""
    ends = end_of(now)
    begins = ends - LENGTH
    judged, asked = [Mark.NOTHING] * CELLS, [Mark.NOTHING] * CELLS
    counts: dict[Quality, int] = dict.fromkeys(Quality, 0)
    for one in periods:
        at = (one.begins - begins) // STEP
        if 0 <= at < CELLS:
            judged[at] = max(_OF_QUALITY[quality] for quality in one.counts)
            for quality, count in one.counts.items():
                counts[quality] += count
    for span in spans:
        first, last = (span.begins - begins) // STEP, ((span.ends or now) - begins) // STEP
        for at in range(max(first, 0), min(last + 1, CELLS)):
            asked[at] = max(asked[at], _mark(span))
    return Strip(ends, tuple(judged), tuple(asked), tuple(counts.items()))


def unknown_since(one: Strip, since: datetime) -> Strip:
    """Return a strip that says so too where nothing has been known since an instant, as no alarm may tell yet."""
    first = max((since - one.begins) // STEP, 0)
    asked = [max(mark, Mark.UNKNOWN) if at >= first else mark for at, mark in enumerate(one.asked)]
    return replace(one, asked=tuple(asked))


def _mark(span: AlarmSpan) -> Mark:
    if span.unknown:
        return Mark.UNKNOWN
    return Mark.BAD if span.severity is Severity.MAJOR else Mark.MINOR


def html(one: Strip, where: tzinfo) -> str:
    """Return a strip as HTML with the times of the desk below it."""
    mask = f"mask-image:url('{_data(_ink(one))}')"
    hours = (one.begins + timedelta(hours=at) for at in (0, 2, 4, 6))
    times = "".join(f"<span>{at.astimezone(where):%H:%M}</span>" for at in hours)
    return (
        f'<div class="strip" role="img" aria-label="{escape(told(one, where))}">'
        f'<i style="{mask};-webkit-{mask}"></i><b style="background-image:url(\'{_data(_colour(one))}\')"></b></div>'
        f'<div class="strip-times" aria-hidden="true">{times}<span>now</span></div>'
    )


def told(one: Strip, where: tzinfo) -> str:
    """Return a strip in words, for those who do not see it; how much was judged how is said below it."""
    looks = [("Bad", one.judged, Mark.BAD), ("Could not be judged", one.judged, Mark.UNKNOWN)]
    looks += [("Major alarm", one.asked, Mark.BAD), ("Minor alarm", one.asked, Mark.MINOR)]
    looks += [("Nothing known", one.asked, Mark.UNKNOWN)]
    sentences = []
    for words, cells, mark in looks:
        if spans := [_clock(one, first, last, where) for first, last in _runs(cells, mark)]:
            sentences.append(f"{words} {', '.join(spans)}.")
    if not sentences:
        nothing = set(one.judged) == {Mark.NOTHING}
        sentences = ["nothing was judged." if nothing else "all that was judged was good or only worth a look."]
    return f"Last 8 hours: {' '.join(sentences)}"


def _clock(one: Strip, first: int, last: int, where: tzinfo) -> str:
    begins, ends = (one.begins + at * STEP for at in (first, last + 1))
    until = "now" if last + 1 == CELLS else f"{ends.astimezone(where):%H:%M}"
    return f"{begins.astimezone(where):%H:%M} to {until}"


def _runs(cells: Sequence[Mark], mark: Mark) -> Iterator[tuple[int, int]]:
    """The first and last cell of every stretch of a mark."""
    at = 0
    for found, group in groupby(cells):
        length = sum(1 for _ in group)
        if found is mark:
            yield at, at + length - 1
        at += length


def _ink(one: Strip) -> list[str]:
    """What has the colour of the text: the floor, a tick each hour, what was good or only worth a look."""
    parts = [f'<rect y="{_FLOOR}" width="{CELLS * _WIDE}" height="1.5" opacity="0.4"/>']
    for hour in range(9):
        long = 6 if hour % 2 == 0 else 3
        x = min(hour * CELLS // 8 * _WIDE, CELLS * _WIDE - 2)
        parts.append(f'<rect x="{x}" y="{_FLOOR}" width="2" height="{long}" opacity="0.5"/>')
    for mark, opacity in _OPACITY.items():
        parts += [_bar(first, last, mark, f'opacity="{opacity}"') for first, last in _runs(one.judged, mark)]
    return parts


def _colour(one: Strip) -> list[str]:
    pattern = (
        '<defs><pattern id="u" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="8" height="8" fill="{_VIOLET}" opacity="0.3"/><rect width="4.5" height="8" fill="{_VIOLET}"/>'
        "</pattern></defs>"
    )
    parts = [pattern]
    for mark, fill in ((Mark.UNKNOWN, "url(#u)"), (Mark.BAD, _RED)):
        parts += [_bar(first, last, mark, f'fill="{fill}"') for first, last in _runs(one.judged, mark)]
    for mark, (height, fill) in _HANGS.items():
        for first, last in _runs(one.asked, mark):
            width = (last - first + 1) * _WIDE
            parts.append(f'<rect x="{first * _WIDE}" width="{width}" height="{height}" fill="{fill}"/>')
    return parts


def _bar(first: int, last: int, mark: Mark, look: str) -> str:
    height = _HEIGHT[mark]
    width = (last - first + 1) * _WIDE
    return f'<rect x="{first * _WIDE}" y="{_FLOOR - height}" width="{width}" height="{height}" {look}/>'


def _data(parts: Sequence[str]) -> str:
    box = f'viewBox="0 0 {CELLS * _WIDE} {HEIGHT}" preserveAspectRatio="none"'
    text = "".join([f'<svg xmlns="http://www.w3.org/2000/svg" {box} fill="#000">', *parts, "</svg>"])
    return f"data:image/svg+xml;base64,{b64encode(text.encode()).decode()}"
