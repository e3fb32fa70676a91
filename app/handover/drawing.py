"""The picture of a shift: for every system how it was judged along time, and its alarms below."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from app.displays import title
from app.handover.facts import AlarmFacts, Facts, SystemFacts
from core.alarms.severity import Severity
from core.shifts import Span
from core.verdict import Quality

WIDTH, LEFT, RIGHT = 1600, 230, 20
ROW, STRIP, BAR, MOST_BARS = 92, 44, 8, 4
TOP, BOTTOM = 40, 40
MOST_BINS, FEWEST_BINS = 96, 8
_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
_COLOURS = {
    Quality.GOOD: "#b9c0c7", Quality.MEDIUM: "#e0a030", Quality.BAD: "#c62828", Quality.NULL: "#6a4c93",
}  # fmt: skip
_WORDS = {Quality.GOOD: "good", Quality.MEDIUM: "to look at", Quality.BAD: "bad", Quality.NULL: "not judged"}
_ALARMS = {Severity.MAJOR: "#c62828", Severity.MINOR: "#b26a00"}
_OTHER, _INK, _FAINT = "#6a4c93", "#1c2024", "#e4e8ec"


def draw(facts: Facts, zone: tzinfo) -> bytes:
    """Return the picture as PNG."""
    height = TOP + ROW * max(1, len(facts.systems)) + BOTTOM
    image = Image.new("RGB", (WIDTH, height), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.truetype(_FONT, 20)
    _legend(pen, font)
    for number, system in enumerate(facts.systems):
        top = TOP + number * ROW
        pen.text((8, top + STRIP / 2), title(system.system), _INK, font, anchor="lm")
        _strip(pen, system, facts.span, top)
        _alarms(pen, [one for one in facts.alarms if one.view.system == system.system], facts.span, top + STRIP + 5)
    _axis(pen, font, facts.span, zone, height - BOTTOM)
    stored = BytesIO()
    image.quantize(64).save(stored, "PNG", optimize=True)
    return stored.getvalue()


def x_of(at: datetime, span: Span) -> float:
    """Return where an instant lies, within the picture."""
    share = min(max((at - span.begins) / span.length, 0.0), 1.0)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def bins(count: int) -> int:
    """Return into how many times a strip is cut: two observations or more in each, so that a hole in it is a gap."""
    return min(max(count // 2, FEWEST_BINS), MOST_BINS)


def _strip(pen: ImageDraw.ImageDraw, system: SystemFacts, span: Span, top: int) -> None:
    """How much of each short time was judged how; times without data stay empty."""
    pen.rectangle((LEFT, top, WIDTH - RIGHT, top + STRIP), outline=_FAINT)
    step = span.length / bins(len(system.judged))
    counted: dict[int, Counter[Quality]] = {}
    for one in system.judged:
        counted.setdefault(int((one.observed_at - span.begins) / step), Counter())[one.quality] += 1
    for number, counts in counted.items():
        left, right = (x_of(span.begins + place * step, span) for place in (number, number + 1))
        bottom, total = float(top + STRIP), sum(counts.values())
        for quality, colour in _COLOURS.items():
            high = counts[quality] / total * STRIP
            if high:
                pen.rectangle((left, bottom - high, right - 1, bottom), fill=colour)
            bottom -= high


def _alarms(pen: ImageDraw.ImageDraw, alarms: Sequence[AlarmFacts], span: Span, top: int) -> None:
    """A bar for each alarm for as long as its cause lasted, those at the same time below each other."""
    free: list[float] = [0.0] * MOST_BARS
    for one in sorted(alarms, key=lambda facts: facts.view.began_at):
        view = one.view
        left, right = x_of(view.began_at, span), x_of(view.recovered_at or span.ends, span)
        row = next((number for number, used in enumerate(free) if used <= left), MOST_BARS - 1)
        free[row] = max(right, left + 3) + 2
        y = top + row * (BAR + 2)
        pen.rectangle((left, y, max(right, left + 3), y + BAR - 1), fill=_ALARMS.get(view.severity, _OTHER))


def _axis(pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont, span: Span, zone: tzinfo, top: int) -> None:
    hours = max(1, round(span.length / timedelta(hours=8)))
    at = span.begins.replace(minute=0, second=0, microsecond=0)
    while at <= span.ends:
        if at >= span.begins and (at - span.begins) // timedelta(hours=1) % hours == 0:
            x = x_of(at, span)
            pen.line((x, TOP - 6, x, top), fill=_FAINT)
            pen.text((min(x, WIDTH - 40), top + 8), at.astimezone(zone).strftime("%H:%M"), _INK, font, anchor="ma")
        at += timedelta(hours=1)


def _legend(pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont) -> None:
    x = float(LEFT)
    for quality, word in _WORDS.items():
        pen.rectangle((x, 8, x + 18, 26), fill=_COLOURS[quality])
        pen.text((x + 26, 17), word, _INK, font, anchor="lm")
        x += 26 + font.getlength(word) + 28
    pen.text((x, 17), "empty: no data; bars below: alarms", _INK, font, anchor="lm")
