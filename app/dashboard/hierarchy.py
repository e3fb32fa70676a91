"""The hierarchy of collimators as bars: how much of each margin is left, beside what it is meant to be."""

from collections.abc import Sequence
from html import escape

from accelerator.collimation.diagnosis import Margin
from accelerator.collimation.display_margins import Standing, label, margin_text, several, standing, unseen
from accelerator.collimation.display_words import collimator

MOST = 8
_COLOURED = frozenset({Standing.LESS, Standing.GONE})


def html(margins: Sequence[Margin], *, calm: bool) -> str:
    """Return a bar for each margin that is known, and the others as a line; ``calm``: without colour."""
    known = [one for one in margins if one.sigma is not None]
    shown = known[:MOST]
    rest = unseen(margins)
    line = f'<div class="m-unseen">{escape(rest)}</div>' if rest else ""
    if not shown:
        return line
    low = min(0.0, *(one.value_sigma - (one.sigma or 0.0) for one in shown), 0.0)
    high = max(max(one.nominal_sigma, one.value_sigma) for one in shown)
    scale = _Scale(low, 1.05 * high)
    rows = "".join(_row(one, scale, calm=calm, full=several(margins)) for one in shown)
    return f'<div class="hierarchy">{rows}</div>{line}'


class _Scale:
    """Places on the bar in percent."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._length = low, max(high - low, 0.1)

    def at(self, value: float) -> float:
        return min(100.0, max(0.0, 100 * (value - self._low) / self._length))


def _row(one: Margin, scale: _Scale, *, calm: bool, full: bool) -> str:
    state = standing(one)
    look = Standing.KEPT if calm and state in _COLOURED else state
    name = label(one, full=full)
    because = f' title="{escape(collimator(one.element))} makes it so"' if one.element else ""
    return (
        f'<div class="margin {look}" role="img" aria-label="{escape(f"{name}: {margin_text(one)}")}"{because}>'
        f'<span class="m-name">{escape(name)}</span><span class="m-bar">{_bar(one, scale)}</span>'
        f'<span class="m-text">{escape(margin_text(one))}</span></div>'
    )


def _bar(one: Margin, scale: _Scale) -> str:
    zero, meant = scale.at(0), scale.at(one.nominal_sigma)
    parts = [f'<i class="m-meant" style="left:{zero:.1f}%;width:{meant - zero:.1f}%"></i>']
    ends, sigma = sorted((zero, scale.at(one.value_sigma))), one.sigma or 0.0
    parts.append(f'<i class="m-left" style="left:{ends[0]:.1f}%;width:{ends[1] - ends[0]:.1f}%"></i>')
    low, high = scale.at(one.value_sigma - sigma), scale.at(one.value_sigma + sigma)
    parts.append(f'<i class="m-error" style="left:{low:.1f}%;width:{high - low:.1f}%"></i>')
    parts.append(f'<i class="m-zero" style="left:{zero:.1f}%"></i>')
    return "".join(parts)
