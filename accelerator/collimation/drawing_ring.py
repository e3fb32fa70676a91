"""The loss map along the ring or a part of it: what was lost where, on a logarithmic scale, true to the place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from accelerator.collimation import drawing_canvas as on
from accelerator.collimation import drawing_marks as marks
from accelerator.collimation.diagnosis import Diagnosis
from accelerator.collimation.drawing_colours import (
    BAND,
    COLD,
    FEWER,
    MORE,
    OTHER,
    TCLA,
    TCP,
    TCSG,
    TCT,
    WARM,
    Bytes,
)
from accelerator.collimation.drawing_layout import LEFT, MAP_WIDTH, RING, Scale, Window, has_band, is_collimator

_SHADES = {"TCP": TCP, "TCSG": TCSG, "TCLA": TCLA, "TCT": TCT, "TCSP": TCT, "TCDQ": TCT}
_UNIT_X = 64
_MOST_NAMES, _CLOSE = 3, 16
"""So many names at most; of two markers this close, one has a name."""
_SHAPES = {"TCP": "up", "TCSG": "square", "TCLA": "diamond", "TCT": "down", "TCSP": "down", "TCDQ": "down"}
"""Markers at the end of the line of a collimator, by the beginning of its family."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Losses outside of collimators as shares of all: position, share, whether the element is cold, (n,) each.

    ``unit`` is what they are shares of, written into the picture of the ring.
    """

    s_m: NDArray[np.float64]
    share: NDArray[np.float64]
    cold: NDArray[np.bool_]
    unit: str = "share of all losses"


@dataclass(frozen=True, slots=True)
class Mark:
    """A word under the axis: at a position."""

    text: str
    s_m: float


def draw(
    diagnosis: Diagnosis, losses: Losses, scale: Scale, window: Window, ticks: Sequence[Mark], *, wide: int
) -> Bytes:
    """Return the picture as palette places; the line of a collimator is ``wide`` pixels."""
    canvas = on.blank(scale.panel, scale)
    for mark in ticks:
        if (at := window.x(mark.s_m)) is not None:
            on.box(canvas, LEFT + at, scale.panel.floor_y, LEFT + at + 1, scale.panel.floor_y + 5, TCLA)
            on.write(canvas, mark.text, LEFT + at, scale.panel.floor_y + 7, "mt")
    _bands(canvas, diagnosis, scale, window, wide)
    for cold, colour in ((False, WARM), (True, COLD)):
        _lines(canvas, losses, losses.cold == cold, scale, window, colour)
    _collimators(canvas, diagnosis, scale, window, wide)
    if scale.panel is RING:
        on.write(canvas, losses.unit, LEFT + _UNIT_X, scale.panel.top + 4, "lt")
    _names(canvas, diagnosis, scale, window)
    return canvas


def lowest_seen(diagnosis: Diagnosis, losses: Losses) -> list[float]:
    """Return what the scale has to reach down to."""
    single = [one.observed for one in diagnosis.channels if is_collimator(one)]
    return [*single, *losses.share[losses.share > 0].tolist()]


def _bands(canvas: Bytes, diagnosis: Diagnosis, scale: Scale, window: Window, wide: int) -> None:
    room = wide + 6
    for one in diagnosis.channels:
        if not is_collimator(one) or not has_band(one) or (at := window.x(one.s_m)) is None:
            continue
        top, bottom = scale.y(one.high), scale.y(one.low)
        if top < scale.panel.floor_y:
            on.box(canvas, LEFT + at - room // 2, top, LEFT + at + room // 2 + 1, max(bottom, top + 3), BAND)


def _lines(
    canvas: Bytes, losses: Losses, of_kind: NDArray[np.bool_], scale: Scale, window: Window, colour: int
) -> None:
    """Lines from the foot up to the highest loss in each column."""
    share = (losses.s_m - window.begin_m) % window.ring_m / window.length_m
    seen = of_kind & (share <= 1) & (losses.share > 0)
    if not seen.any():
        return
    column = np.minimum((share[seen] * MAP_WIDTH).astype(np.int64), MAP_WIDTH - 1)
    highest = np.zeros(MAP_WIDTH)
    np.maximum.at(highest, column, losses.share[seen])
    columns = np.flatnonzero(highest)
    foot, part = scale.panel.floor_y, canvas[:, LEFT : LEFT + MAP_WIDTH]
    for at in columns.tolist():
        part[scale.y(float(highest[at])) : foot, at : at + 2] = colour


def _collimators(canvas: Bytes, diagnosis: Diagnosis, scale: Scale, window: Window, wide: int) -> None:
    """Lines of the collimators, what deviates last, so that nothing hides it."""
    hot = marks.deviating(diagnosis)
    usual = [n for n in range(len(diagnosis.channels)) if n not in set(hot)]
    for index in [*usual, *hot[::-1]]:
        one = diagnosis.channels[index]
        if not is_collimator(one) or one.observed <= 0 or (at := window.x(one.s_m)) is None:
            continue
        y, stage = scale.y(one.observed), one.family.rstrip("0123456789")
        strong = index in hot
        colour = (MORE if one.pull > 0 else FEWER) if strong else _SHADES.get(stage, OTHER)
        left = LEFT + at - wide // 2
        on.box(canvas, left, y, left + wide, scale.panel.floor_y, colour)
        if stage in _SHAPES or strong:
            shape, size = _SHAPES.get(stage, "square"), wide + 8 if strong else wide + 5
            on.put(canvas, on.marker(shape, colour, size, edged=strong), LEFT + at, y, "mm")


def _names(canvas: Bytes, diagnosis: Diagnosis, scale: Scale, window: Window) -> None:
    channels = diagnosis.channels
    places = {
        n: (LEFT + at, scale.y(channels[n].observed))
        for n in {*marks.deviating(diagnosis), *marks.named(diagnosis)}
        if is_collimator(channels[n]) and (at := window.x(channels[n].s_m)) is not None
    }
    plates = on.Plates(canvas, list(places.values()), scale.panel.floor_y)
    done: list[tuple[int, int]] = []
    for index in marks.named(diagnosis):
        x, y = places.get(index, (-_CLOSE, -_CLOSE))
        if x < 0 or len(done) >= _MOST_NAMES or any(abs(x - a) + abs(y - b) < _CLOSE for a, b in done):
            continue
        plates.write(marks.name(channels[index]), x, y)
        done.append((x, y))
