"""Pictures of a loss map, drawn at detection time: the ring, the zooms into IR7 and IR3, the cascade, a thumbnail.

A picture has 8 bits per pixel and a palette with transparency (`drawing_colours`), so that one serves the light and the
dark page (docs/decisions/0016); all of them together take some milliseconds.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from accelerator.collimation import drawing_canvas as on
from accelerator.collimation import drawing_cascade, drawing_ring
from accelerator.collimation import drawing_marks as marks
from accelerator.collimation.diagnosis import Channel, Diagnosis
from accelerator.collimation.drawing_colours import FEWER, MORE, TCP, Bytes
from accelerator.collimation.drawing_layout import RING, ZOOM, Panel, Scale, Window, is_collimator, lowest
from accelerator.collimation.drawing_losses import losses
from accelerator.collimation.drawing_ring import Mark, lowest_seen
from accelerator.collimation.geometry import IP_M, LHC_LENGTH_M, ir_ranges
from core.observation import Observation
from core.verdict import Evidence

PICTURES = ("cascade", "ring", "ir7", "ir3")
_ZOOMS = {"ir7": "betatron", "ir3": "momentum"}
_THUMB_WIDTH, _THUMB_HEIGHT, _THUMB_LOW = 192, 144, -6


def draw(observation: Observation, diagnosis: Diagnosis) -> dict[str, Evidence]:
    """Return ``cascade``, ``ring``, ``ir7``, ``ir3`` and ``thumbnail`` (PNG); nothing where no channel is known."""
    if not diagnosis.channels:
        return {}
    outside = losses(observation, diagnosis)
    low = lowest(lowest_seen(diagnosis, outside))
    found = {"cascade": draw_cascade(diagnosis)}
    ring = drawing_ring.draw(diagnosis, outside, Scale(low, RING), ring_window(), _insertions(), wide=4)
    found["ring"] = on.png(ring)
    for name in _ZOOMS:
        window = zoom_window(name)
        drawn = drawing_ring.draw(diagnosis, outside, Scale(low, ZOOM), window, _kilometres(window), wide=3)
        found[name] = on.png(drawn)
    found["thumbnail"] = on.png(_thumbnail(diagnosis))
    return found


def draw_cascade(diagnosis: Diagnosis) -> Evidence:
    """Return the losses stage by stage of one beam (PNG)."""
    return on.png(drawing_cascade.draw(diagnosis))


@cache
def ring_window() -> Window:
    """Return the whole ring, from a little before IP1, so that what belongs to an insertion is in one piece."""
    return Window(LHC_LENGTH_M - 600.0, LHC_LENGTH_M, LHC_LENGTH_M)


@cache
def zoom_window(name: str) -> Window:
    """Return the part of the ring that ``ir7`` or ``ir3`` shows."""
    begin_m, end_m = ir_ranges()[_ZOOMS[name]]
    return Window(begin_m, end_m - begin_m, LHC_LENGTH_M)


@cache
def _insertions() -> tuple[Mark, ...]:
    return tuple(Mark(f"IR{number}", s_m) for number, s_m in IP_M.items())


@cache
def _kilometres(window: Window) -> tuple[Mark, ...]:
    first = int(window.begin_m // 200 + 1) * 200
    found = tuple(range(first, int(window.begin_m + window.length_m), 200))
    return tuple(Mark(f"{s_m / 1000:.1f}{' km' if s_m == found[-1] else ''}", float(s_m)) for s_m in found)


def _thumbnail(diagnosis: Diagnosis) -> Bytes:
    """One bar for each collimator of the hierarchy, colour only where it deviates."""
    canvas = np.zeros((_THUMB_HEIGHT, _THUMB_WIDTH), np.uint8)
    scale, hot = Scale(_THUMB_LOW, Panel(_THUMB_HEIGHT, 0, 0)), set(marks.deviating(diagnosis))
    shown = _of_hierarchy(diagnosis.channels)
    wide = max(2, _THUMB_WIDTH // max(1, len(shown)))
    for place, index in enumerate(shown):
        one = diagnosis.channels[index]
        colour = (MORE if one.pull > 0 else FEWER) if index in hot else TCP
        on.box(canvas, place * wide, scale.y(one.observed), (place + 1) * wide - 1, _THUMB_HEIGHT, colour)
    return canvas


def _of_hierarchy(channels: Sequence[Channel]) -> list[int]:
    stages = ("TCP", "TCSG", "TCLA", "TCT")
    return [n for n, one in enumerate(channels) if is_collimator(one) and one.family.startswith(stages)]
